"""The report as one page, and what stands beside the scores in it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from ccreid.analysis.intervals import bootstrap_intervals
from ccreid.analysis.published import published_for
from ccreid.analysis.supplement import supplement
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.refinement import Refinement
from ccreid.records import ScoreIntervals
from ccreid.report.curves import as_png, draw_cmc, draw_precision
from ccreid.report.page import write_page
from ccreid.report.schema import Conditions, Report, report_of
from ccreid.report.tables import belief_table, comparison_table, few_people, percent, report_table
from ccreid.vocabulary import Ignore, Protocol
from outfitted import garments, made_evaluation, scored, walked_evaluation

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Checks that tags nest, and keeps text, tags and images."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.images: list[dict[str, str | None]] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes += attrs
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    root = tmp_path_factory.mktemp("images")
    made = made_evaluation(root=root)
    for samples in made.benchmark.subsets.values():
        for row in range(len(samples)):
            samples.path(row).parent.mkdir(exist_ok=True)
            Image.new("RGB", (32, 64), (40 * row % 256, 90, 120)).save(samples.path(row))
    return made


def made_report(evaluation: Evaluation, **more: Any) -> Report:
    """As it is read from a file."""
    conditions = Conditions(seed=3, image_size="64 x 32", flip_averaging=True, versions={"torch": "9.9"}, **more)
    report = report_of(evaluation, conditions, supplement(evaluation, garments(evaluation), resamples=50))
    read = Report.model_validate_json(json.dumps(report.model_dump(mode="json"), allow_nan=False))
    assert read == report
    return read


def page_of(tmp_path: Path, report: Report, evaluation: Evaluation, *, pictures: bool = True) -> Reader:
    write_page(tmp_path / "report.html", report, evaluation, pictures=pictures)
    reader = Reader()
    reader.feed((tmp_path / "report.html").read_text(encoding="utf-8"))
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_needs_nothing_else(evaluation: Evaluation, tmp_path: Path) -> None:
    page = page_of(tmp_path, made_report(evaluation), evaluation)
    assert not page.seen & {"script", "link", "iframe", "object", "base"}
    for name, value in page.attributes:
        assert name not in ("href", "srcset", "onclick", "onload")
        assert name != "src" or str(value).startswith("data:image/")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?://|url\(|@import", text)
    assert 'name="viewport"' in text
    assert "@media print" in text
    assert str(evaluation.benchmark.root) not in text  # nothing of this machine's folders


def test_every_picture_opens_and_says_what_it_shows(evaluation: Evaluation, tmp_path: Path) -> None:
    page = page_of(tmp_path, made_report(evaluation), evaluation)
    assert len(page.images) > 20
    for image in page.images:
        assert len(str(image["alt"])) > 10
        head, data = str(image["src"]).split(",")
        with Image.open(BytesIO(b64decode(data, validate=True))) as picture:
            assert head == f"data:image/{str(picture.format).lower()};base64"
            picture.load()
    alts = [str(image["alt"]) for image in page.images]
    assert sum("wrong person" in alt for alt in alts) > 5
    assert any(re.fullmatch(r"rank 1, right person: person \d, clothes \d+, camera \d", alt) for alt in alts)


def test_the_page_says_what_a_reader_needs(evaluation: Evaluation, tmp_path: Path) -> None:
    report = made_report(evaluation)
    page = page_of(tmp_path, report, evaluation)
    for row in report.protocols:
        assert report.intervals is not None
        ends = report.intervals.of(row.name).map
        assert ends is not None
        assert f"{percent(row.map)} {100 * ends[0]:.1f} to {100 * ends[1]:.1f}" in page.text
        assert f"{row.name} (multi-shot; query against gallery): of the query’s person, {row.ignored}" in page.text
        if row.skipped:
            assert f"{row.skipped} of {row.skipped + row.valid} queries have no relevant image" in page.text
    assert any(row.skipped for row in report.protocols)
    for words in (
        "95 % intervals",
        "reranking none",
        "flip averaging yes",
        "image size 64 x 32",
        "versions: torch 9.9",
        "Licence of the images: none needed",
        "best queries",
        "typical queries",
        "worst queries",
        "Same person in other clothes against other people in the same clothes",
    ):
        assert words in page.text, words
    assert report.reliance is not None
    assert report.reliance.separation is not None
    overlap = report.reliance.separation.overlap
    assert f"Overlap of the two {100 * overlap:.1f} %" in page.text
    assert "What others report" not in page.text


def test_numbers_of_others_are_shown_as_theirs(evaluation: Evaluation, tmp_path: Path) -> None:
    named = replace(evaluation, benchmark=replace(evaluation.benchmark, name="ltcc", edition="complete"))
    report = made_report(named)
    assert report.published["standard"] == published_for("ltcc", "standard")
    page = page_of(tmp_path, report, named)
    assert "These are their numbers, not ours" in page.text
    assert "independent re-runs of the authors' code 38.0 to 40.8" in page.text
    assert "FIRe² its authors 44.6" in page.text


@pytest.mark.parametrize("changes", [{"edition": ""}, {"edition": "complete", "left_out": ("query/1.jpg",)}])
def test_numbers_of_others_do_not_stand_beside_another_set(
    evaluation: Evaluation, tmp_path: Path, changes: dict[str, Any]
) -> None:
    small = replace(evaluation, benchmark=replace(evaluation.benchmark, name="ltcc", **changes))
    report = made_report(small)
    assert report.published == {}
    for told in (page_of(tmp_path, report, small).text, str(belief_table(report).caption)):
        assert "What others report on ltcc is not shown, because this is another set" in told
        assert "FIRe²" not in told
    assert "others report" not in page_of(tmp_path, made_report(evaluation), evaluation).text


def test_what_a_published_row_is_given_and_what_is_not_known_of_it_are_told() -> None:
    made = walked_evaluation(("clothes",))
    protocols = (Protocol("cloth-changing multi-shot", Ignore.NOTHING),)
    benchmark = replace(made.benchmark, name="prcc", edition="complete", protocols=protocols)
    report = made_report(scored(benchmark, made.embeddings))
    words = list(belief_table(report).columns[1].cells)
    assert "AIM, its authors; uses clothes labels; single-shot or multi-shot is not known to us" in words


def test_intervals_say_over_how_few_people_they_are(evaluation: Evaluation, tmp_path: Path) -> None:
    report = made_report(evaluation)
    page = page_of(tmp_path, report, evaluation)
    assert "Intervals over fewer than 10 people are too narrow to be believed: standard (over 6)," in page.text
    words = list(belief_table(report).columns[1].cells)
    assert words[0] == "ours, 95 % interval over 6 query people, too few to be believed"
    many = walked_evaluation(("camera",), people=12)
    told = made_report(many)
    assert few_people(told) == ""
    assert list(belief_table(told).columns[1].cells) == ["ours, 95 % interval over 12 query people"]


def test_intervals_are_those_of_the_bootstrap(evaluation: Evaluation) -> None:
    query = evaluation.benchmark.subset("query")
    found = supplement(evaluation, level=0.9, resamples=80).intervals
    assert (found.level, found.resamples) == (0.9, 80)
    expected = bootstrap_intervals(evaluation.scores["standard"], query, level=0.9, resamples=80)
    assert found.protocols["standard"] == expected


def test_a_bare_report_makes_a_page_too(evaluation: Evaluation, tmp_path: Path) -> None:
    page = page_of(tmp_path, report_of(evaluation, Conditions()), evaluation, pictures=False)
    assert len(page.images) == 2  # the curves
    assert "Ranked lists" not in page.text
    assert "look at clothes" not in page.text
    assert " intervals, from" not in page.text


def test_the_reports_own_warnings_stand_first_and_scores_are_stamped(evaluation: Evaluation, tmp_path: Path) -> None:
    report = made_report(evaluation, selection="ON THE TEST SET: epoch 3 of 4")
    assert report.warnings == ("ON THE TEST SET: epoch 3 of 4",)
    page = page_of(tmp_path, report, evaluation)
    assert "Before you believe a number ON THE TEST SET: epoch 3 of 4" in page.text
    assert page.text.count("† (epoch selected on the test set)") == len(report.protocols)


def test_what_was_not_said_is_not_shown(evaluation: Evaluation, tmp_path: Path) -> None:
    page = page_of(tmp_path, made_report(evaluation, precision="bf16-mixed"), evaluation)
    shown = page.text.split("Conditions")[1].split("Curves")[0]
    assert "precision bf16-mixed" in shown
    assert "reranking none" in shown
    for name in ("bundle", "processes", "scored on", "machine"):
        assert name not in shown


def test_names_are_escaped(evaluation: Evaluation, tmp_path: Path) -> None:
    odd = "<script>alert('x')</script>"
    named = replace(evaluation, benchmark=replace(evaluation.benchmark, licence=odd))
    page = page_of(tmp_path, made_report(named, recipe=odd), named)
    assert "script" not in page.seen
    assert page.text.count(odd) >= 2


def test_warnings_of_the_data_come_first(evaluation: Evaluation, tmp_path: Path) -> None:
    marked = replace(
        evaluation.benchmark, warnings=("train: other counts.",), unmatched=("a", "b"), left_out=("c.jpg",)
    )
    odd = replace(evaluation, benchmark=marked)
    text = page_of(tmp_path, made_report(odd), odd).text
    assert text.index("train: other counts.") < text.index("Scores")
    assert text.index("2 images do not bear a name of the set") < text.index("Scores")
    assert text.index("Left out because they cannot be read: c.jpg") < text.index("Scores")


def test_protocols_without_a_valid_query_or_with_draws(evaluation: Evaluation, tmp_path: Path) -> None:
    query = evaluation.benchmark.subset("query")
    standard = evaluation.scores["standard"]
    drawn, lone = Protocol("drawn", Ignore.SAME_CAMERA, draws=2), Protocol("lone", Ignore.SAME_CAMERA)
    none = replace(
        standard,
        cmc=standard.cmc * float("nan"),
        mean_ap=float("nan"),
        mean_inp=float("nan"),
        valid=0,
        skipped=len(query),
        average_precision=standard.average_precision * float("nan"),
        first_rank=standard.first_rank * 0,
    )
    odd = replace(
        evaluation,
        benchmark=replace(evaluation.benchmark, protocols=(drawn, lone)),
        scores={"drawn": standard, "lone": none},
        draws={"drawn": (standard, replace(standard, mean_ap=standard.mean_ap / 2))},
        refinement=Refinement(centralise=True, reranking=True),
    )
    report = made_report(odd)
    assert report.intervals is not None
    assert report.intervals.protocols == {"lone": ScoreIntervals(people=0)}
    page = page_of(tmp_path, report, odd)
    assert "lone: no query has a relevant gallery image, so there is no score." in page.text
    assert "lone: no valid query" in " ".join(str(image["alt"]) for image in page.images)
    for told in (report_table(report), comparison_table({"one": report}, "")):
        assert "lone: no query has a relevant gallery image, so there is no score" in str(told.caption)
        assert "drawn: no query" not in str(told.caption)
    assert "drawn (single-shot, mean of 2 draws;" in page.text
    assert report.protocols[0].deviation is not None
    spread = report.protocols[0].deviation.map
    assert spread is not None
    assert spread > 0
    assert f"{100 * standard.mean_ap:.1f} ± {100 * spread:.1f}" in page.text
    assert "before centralisation and re-ranking" in page.text


def test_curves_are_drawn_of_what_there_is(evaluation: Evaluation) -> None:
    figure = draw_cmc(evaluation.scores)
    (axes,) = figure.axes
    assert len(axes.lines) == 3
    for line, scores in zip(axes.lines, evaluation.scores.values(), strict=True):
        assert np.asarray(line.get_ydata()) == pytest.approx(100 * scores.cmc[:50])
    histograms = draw_precision(evaluation.scores)
    for axes, scores in zip(histograms.axes, evaluation.scores.values(), strict=True):
        bars = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
        assert len(bars) == len(axes.patches)
        assert sum(bar.get_height() for bar in bars) == scores.valid
    for empty in (draw_cmc({}), draw_precision({})):
        assert as_png(empty).startswith(b"\x89PNG")
