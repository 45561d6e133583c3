"""No sentence of a report speaks of a column that the data set does not annotate."""

from __future__ import annotations

import json
import re
from io import StringIO
from itertools import chain, combinations
from pathlib import Path

import pytest
from rich.console import Console

from ccreid.analysis.supplement import supplement
from ccreid.report.page import write_page
from ccreid.report.ranked_lists import lists_title
from ccreid.report.schema import Conditions, report_of
from ccreid.report.tables import about_the_data, belief_table, report_table
from outfitted import walked_evaluation

WORDS = {"camera": r"camera", "clothes": r"cloth(es|ing)|outfit|dressed", "tracklet": r"tracklet"}
COMBINATIONS = list(chain.from_iterable(combinations(WORDS, count) for count in range(4)))


def in_words(columns: tuple[str, ...], path: Path) -> str:
    """All that a report says about a data set with some columns, but for its style."""
    evaluation = walked_evaluation(columns)
    report = report_of(evaluation, Conditions(), supplement(evaluation, resamples=20))
    write_page(path, report, evaluation, pictures=False)
    console = Console(width=140, file=StringIO())
    for told in (report_table(report), belief_table(report), *about_the_data(report.benchmark)):
        console.print(told)
    page = re.sub(r"<style>.*?</style>|data:image/[^\"]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    titles = (lists_title(evaluation, protocol) for protocol in evaluation.benchmark.protocols)
    return "\n".join([page, console.file.getvalue(), *titles, json.dumps(report.model_dump(mode="json"))])  # type: ignore[attr-defined]  # it is the StringIO above


@pytest.mark.usefixtures("unrendered")
@pytest.mark.parametrize("columns", COMBINATIONS, ids=lambda columns: "+".join(columns) or "none")
def test_no_sentence_names_a_column_that_is_missing(columns: tuple[str, ...], tmp_path: Path) -> None:
    told = in_words(columns, tmp_path / "page.html")
    told = re.sub(r'"(same_clothes|wrong_in_same_clothes|right_in_same_clothes|cloth_changing)"', "", told)
    for name, words in WORDS.items():
        assert bool(re.search(words, told)) == (name in columns), re.findall(f".*(?:{words}).*", told)
    assert "person with nothing" not in told
