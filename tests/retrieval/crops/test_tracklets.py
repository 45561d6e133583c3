"""Tracklets are means of unit vectors, told only what all their crops share."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ccreid.errors import DataError
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.tracklets import pooled

ROWS, DIMENSION = 6, 5


def crops(tracklet: list[Any], **more: Any) -> CropFile:
    vectors = np.random.default_rng(1).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    columns = {
        "path": [f"{row}.png" for row in range(ROWS)],
        "sha256": [hashlib.sha256(bytes([row])).hexdigest() for row in range(ROWS)],
        "box": pa.array([[row, 0, 4, 8] for row in range(ROWS)], pa.list_(pa.int32(), 4)),
        "height_px": [8, 9, 7, 5, 5, 6],
        "width_px": [4] * ROWS,
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), DIMENSION),
        "tracklet": tracklet,
    }
    return CropFile(pa.table(columns | more), {})


def test_a_tracklet_is_the_mean_of_its_unit_vectors() -> None:
    given = crops(["b", "a", "b", "a", "b", None])
    found, table = pooled(given), given.table
    expected = []
    for rows in ([0, 2, 4], [1, 3], [5]):
        total = np.sum([table["embedding"][row].as_py() for row in rows], axis=0)
        expected.append(total / np.sqrt((total**2).sum()))
    np.testing.assert_allclose(found.vectors, expected, rtol=0, atol=1e-6)
    columns = found.table.to_pydict()
    assert columns["tracklet"] == ["b", "a", None]
    assert columns["crops"] == [3, 2, 1]
    assert columns["path"] == ["0.png", "1.png", "5.png"]
    assert columns["box"] == [[0, 0, 4, 8], [1, 0, 4, 8], [5, 0, 4, 8]]
    assert columns["height_px"] == [8, 9, 6]


def test_it_is_another_one_with_another_crop() -> None:
    whole = crops([1] * ROWS)
    fewer, turned = whole.table.slice(1), whole.table.take(list(range(ROWS))[::-1])
    assert pooled(whole).ids != pooled(CropFile(fewer, {})).ids
    assert pooled(whole).ids == pooled(CropFile(turned, {})).ids


def test_it_has_what_its_crops_share_and_the_time_at_which_it_begins() -> None:
    given = crops([1, 1, 1, 2, 2, 2], camera=[3, 3, None, 4, 4, 4], note=list("xxyzzz"), time=[5, 4, None, 9, 7, 8])
    columns = pooled(given).table.to_pydict()
    assert (columns["camera"], columns["note"], columns["time"]) == ([3, 4], [None, "z"], [4, 7])


@pytest.mark.parametrize("column", ["person", "outfit", "camera"])
def test_tracklets_of_several_are_refused(column: str) -> None:
    with pytest.raises(DataError, match=f"Tracklet 2 has crops of the {column}s 5 and 6") as raised:
        pooled(crops([1, 1, 1, 2, 2, 2], **{column: [4, 4, 4, 5, 6, 5]}))
    assert raised.value.mend


def test_no_tracklet_and_opposite_embeddings_are_refused() -> None:
    with pytest.raises(DataError, match="No crop has a tracklet"):
        pooled(crops([None] * ROWS))
    vectors = np.tile(np.array([1, -1], np.float32), 3)
    with pytest.raises(DataError, match="The embeddings of tracklet 7 cancel out"):
        pooled(crops([7] * ROWS, embedding=pa.FixedSizeListArray.from_arrays(pa.array(vectors), 1)))
