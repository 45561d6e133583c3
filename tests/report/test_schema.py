"""Reports as records: what is left out of the file, what older files say, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccreid.analysis.supplement import supplement
from ccreid.errors import ArtefactError
from ccreid.ops import reranking
from ccreid.ops.reranking import rerank
from ccreid.report.schema import RERANKING, Conditions, Report, report_of
from outfitted import garments, made_evaluation


@pytest.fixture(scope="module")
def report() -> Report:
    evaluation = made_evaluation()
    conditions = Conditions(recipe="ltcc", seed=3, selection="the last", precision="32-true", versions={"torch": "2"})
    return report_of(evaluation, conditions, supplement(evaluation, garments(evaluation), resamples=20))


def test_a_report_is_read_as_it_was_written(report: Report, tmp_path: Path) -> None:
    report.write(tmp_path / "report.json")
    assert Report.read(tmp_path / "report.json") == report
    values = json.loads((tmp_path / "report.json").read_text())
    assert set(values) == {
        "format",
        "benchmark",
        "conditions",
        "warnings",
        "protocols",
        "intervals",
        "published",
        "withheld",
        "reliance",
    }
    assert set(values["conditions"]) == {"reranking", "recipe", "seed", "selection", "precision", "versions"}
    assert values["conditions"]["reranking"] is None
    assert values["reliance"]["gap"]["map"] == pytest.approx(
        values["reliance"]["same_clothes"]["map"] - values["reliance"]["cloth_changing"]["map"]
    )


def test_a_report_from_before_its_precision_was_told_opens(report: Report, tmp_path: Path) -> None:
    values = report.model_dump(mode="json")
    del values["conditions"]["precision"]
    (tmp_path / "report.json").write_text(json.dumps(values))
    read = Report.read(tmp_path / "report.json")
    assert read.conditions.precision is None
    assert read.model_copy(update={"conditions": report.conditions}) == report


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("benchmark", None),
        ("benchmark.subsets.query", 3),
        ("conditions.seed", 1.5),
        ("protocols", {}),
        ("protocols.0.map", "high"),
        ("protocols.0.cmc", [1, 2]),
        ("intervals.protocols.standard.map", [0.1]),
        ("reliance.separation.positive.0", None),
        ("published", {"standard": [{"method": "FIRe²", "kind": "hearsay", "source": "a friend"}]}),
    ],
)
def test_a_report_with_something_else_in_it_is_refused(
    report: Report, tmp_path: Path, path: str, value: object
) -> None:
    values: Any = report.model_dump(mode="json")
    *parents, last = (int(part) if part.isdecimal() else part for part in path.split("."))
    place = values
    for part in parents:
        place = place[part]
    place[last] = value
    (tmp_path / "report.json").write_text(json.dumps(values))
    with pytest.raises(ArtefactError) as refused:
        Report.read(tmp_path / "report.json")
    assert f"{tmp_path / 'report.json'} cannot be read: {path}" in refused.value.message
    assert "Score the run's bundle again" in refused.value.mend


def test_the_sentence_on_reranking_says_what_is_done() -> None:
    assert RERANKING == "k-reciprocal (k1 20, k2 6, lambda 0.3)"
    assert (rerank.__defaults__ or ())[:3] == (reranking.K1, reranking.K2, reranking.SHARE)
