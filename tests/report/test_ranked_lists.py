"""What is chosen for ranked lists, and how it is shown."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.errors import ImageError
from ccreid.report.ranked_lists import exemplary_queries, ranked_list, thumbnail
from ccreid.vocabulary import UNKNOWN, Samples
from outfitted import made_evaluation


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        (9, {"best": [0, 1], "typical": [3, 4], "worst": [7, 8]}),
        (7, {"best": [0, 1], "typical": [2, 3], "worst": [5, 6]}),
        (4, {"best": [0], "typical": [1], "worst": [3]}),
        (3, {"best": [0], "typical": [1], "worst": [2]}),
        (2, {"best": [0], "typical": [], "worst": [1]}),
        (1, {"best": [0], "typical": [], "worst": []}),
        (0, {"best": [], "typical": [], "worst": []}),
    ],
)
def test_exemplary_queries_are_best_middle_and_worst(valid: int, expected: dict[str, list[int]]) -> None:
    order = np.random.default_rng(4).permutation(valid + 2)  # two skipped queries among them
    precision = np.full(valid + 2, np.nan)
    precision[order[:valid]] = np.linspace(1, 0.1, valid)
    some = next(iter(made_evaluation().scores.values()))
    scores = replace(some, average_precision=precision, first_rank=np.where(np.isnan(precision), 0, 1))
    found = exemplary_queries(scores)
    assert found == {kind: [int(order[place]) for place in places] for kind, places in expected.items()}


def test_a_ranked_list_begins_where_the_first_rank_says() -> None:
    evaluation = made_evaluation()
    for protocol in evaluation.benchmark.protocols:
        scores = evaluation.scores[protocol.name]
        for row in np.flatnonzero(scores.first_rank):
            found = ranked_list(evaluation, protocol, int(row), top=40)
            assert [one.rank for one in found] == list(range(1, len(found) + 1))
            assert next(one.rank for one in found if one.right) == scores.first_rank[row]


def test_a_thumbnail_keeps_its_proportions(tmp_path: Path) -> None:
    Image.new("RGB", (300, 400), "red").save(tmp_path / "a.png")
    samples = Samples(np.array([1]), camera=np.array([UNKNOWN]), root=tmp_path, files=("a.png",))
    with Image.open(BytesIO(thumbnail(samples, 0))) as image:
        assert (image.format, image.size) == ("JPEG", (96, 128))
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"a\.png cannot be read"):
        thumbnail(samples, 0)
