"""Which crops are of one frame, against the rule said crop by crop; labels that programs write in several ways."""

from __future__ import annotations

from itertools import combinations
from pathlib import PurePath

import numpy as np
import pyarrow as pa

from ccreid.retrieval.crops.frames import frames_of
from ccreid.retrieval.crops.labels import as_labels, codes, labels_of
from ccreid.vocabulary import UNKNOWN


def of_one_frame(table: pa.Table) -> set[tuple[int, int]]:
    """Pairs of crops, from the rule: two are of one frame by themselves, or over others, however many."""
    rows = table.to_pylist()

    def together(one: int, other: int) -> bool:
        a, b = rows[one], rows[other]
        cut_from_one = a["box"] is not None and b["box"] is not None and a["sha256"] == b["sha256"]
        seen_by = [row["camera"] if row["camera"] is not None else PurePath(row["path"]).parent for row in (a, b)]
        return cut_from_one or (a["frame"] is not None and a["frame"] == b["frame"] and seen_by[0] == seen_by[1])

    pairs = {pair for pair in combinations(range(len(rows)), 2) if together(*pair)}
    while True:
        over_others = {
            (min(ends), max(ends))
            for one, other in combinations(pairs, 2)
            if len(ends := set(one) ^ set(other)) == 2 and set(one) & set(other)
        }
        if over_others <= pairs:
            return pairs
        pairs |= over_others


def test_crops_of_one_frame_are_told_by_picture_and_by_camera_and_frame() -> None:
    random = np.random.default_rng(3)
    for _ in range(40):
        count = 9
        table = pa.table(
            {
                "path": [f"{random.choice(['a', 'b'])}/{row}.png" for row in range(count)],
                "sha256": [f"{random.integers(6)}" for _ in range(count)],
                "box": pa.array(
                    [[row, 0, 4, 8] if random.integers(2) else None for row in range(count)], pa.list_(pa.int32(), 4)
                ),
                "camera": pa.array([[1, 2, None][random.integers(3)] for _ in range(count)], pa.int64()),
                "frame": pa.array([[5, 6, 7, None, None][random.integers(5)] for _ in range(count)], pa.int64()),
            }
        )
        found = frames_of(table)
        pairs = {
            pair
            for pair in combinations(range(count), 2)
            if found[pair[0]] == found[pair[1]] and found[pair[0]] != UNKNOWN
        }
        assert pairs == of_one_frame(table)
        says = [row["box"] is not None or row["frame"] is not None for row in table.to_pylist()]
        assert (found != UNKNOWN).tolist() == says


def test_a_label_is_one_however_it_is_written() -> None:
    written = (pa.array([3, None, 4]), pa.array([3.0, None, 4.0]), pa.chunked_array([["3 "], [" ", "4"]]))
    assert [as_labels(column).to_pylist() for column in written] == [["3", None, "4"]] * 3
    assert as_labels(pa.array([3.5, 3.0])).to_pylist() == ["3.5", "3"]
    assert labels_of(pa.table({"other": [1, 2]}), "camera").to_pylist() == [None, None]
    assert codes(["b", None, "a", "b"]).tolist() == [0, UNKNOWN, 1, 0]
