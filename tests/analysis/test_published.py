"""Numbers of others."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import yaml

from ccreid.analysis.published import KINDS, RESULTS, published_beside, published_for
from ccreid.vocabulary import Benchmark
from outfitted import made_evaluation


def test_the_papers_own_figures_are_those_of_its_tables() -> None:
    figures = {
        ("ltcc", "cloth-changing"): (44.6, 19.1),
        ("ltcc", "standard"): (75.9, 39.9),
        ("prcc", "cloth-changing multi-shot"): (65.0, 63.1),
        ("prcc", "same-clothes multi-shot"): (100.0, 99.5),
        ("celeb-reid", "standard"): (64.0, 18.2),
        ("deepchange", "standard"): (57.9, 20.0),
        ("last", "standard"): (75.0, 32.2),
        ("market1501", "standard"): (95.4, None),
        ("msmt17", "standard"): (79.7, None),
    }
    for (benchmark, protocol), (rank1, precision) in figures.items():
        (paper,) = [r for r in published_for(benchmark, protocol) if r.method == "FIRe²" and r.kind == "paper"]
        assert paper.rank1 == (rank1, rank1)
        assert paper.map == (None if precision is None else (precision, precision))
    (celeb,) = [r for r in published_for("celeb-reid", "standard") if r.kind == "paper"]
    assert celeb.rank5 == (78.8, 78.8)


def test_independent_re_runs_stand_apart_from_the_paper() -> None:
    (rerun,) = [r for r in published_for("ltcc", "cloth-changing") if r.kind == "re-run"]
    assert (rerun.rank1, rerun.map) == ((38.0, 40.8), (17.7, 18.0))
    assert rerun.by == "independent re-runs of the authors' code"


def test_others_bear_their_own_names() -> None:
    methods = {r.method: (r.rank1, r.map, r.uses) for r in published_for("ltcc", "standard")}
    assert methods["CAL"] == ((74.2, 74.2), (40.8, 40.8), "clothes labels")
    assert len(methods) == 7


def test_a_figure_whose_shots_are_unknown_says_so_on_both_sides() -> None:
    single = published_for("prcc", "cloth-changing single-shot")
    multi = published_for("prcc", "cloth-changing multi-shot")
    assert single
    for result in single:
        assert result in multi
        assert re.search("single-shot or multi-shot,? is not known", result.note)
    assert {r.method for r in multi} - {r.method for r in single} == {"FIRe²", "CAL"}
    assert all("multi-shot" in r.note for r in multi if r.method == "CAL")


def test_nothing_is_made_up_where_nothing_is_known() -> None:
    assert published_for("wardrobe", "standard") == ()
    assert published_for("ltcc", "another") == ()


def test_another_set_of_a_known_name_has_nobody_beside_it() -> None:
    known = replace(made_evaluation().benchmark, name="ltcc", edition="complete")
    shown, withheld = published_beside(known)
    assert (shown["standard"], withheld) == (published_for("ltcc", "standard"), "")
    assert shown["same-clothes"] == ()
    for other in (replace(known, edition=""), replace(known, left_out=("query/a.jpg",))):
        shown, withheld = published_beside(other)
        assert shown == {}
        assert "ltcc is not shown" in withheld
    assert published_beside(replace(known, name="own", edition="")) == (dict.fromkeys(shown_names(known), ()), "")


def shown_names(benchmark: Benchmark) -> list[str]:
    return [protocol.name for protocol in benchmark.protocols]


def test_every_entry_can_be_read_and_has_a_source() -> None:
    loaded = yaml.safe_load(RESULTS.read_text(encoding="utf-8"))
    for benchmark, entries in loaded.items():
        for protocol in {name for entry in entries for name in entry["protocols"]}:
            for result in published_for(benchmark, protocol):
                assert result.kind in KINDS
                assert result.source
                for span in (result.rank1, result.rank5, result.map):
                    assert span is None or 0 < span[0] <= span[1] <= 100
                values = json.loads(json.dumps(result.model_dump(mode="json")))
                assert (values["method"], values["by"]) == (result.method, KINDS[result.kind])
