"""Tracklets: what one camera saw of one person without a break becomes one embedding."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from ccreid.errors import DataError
from ccreid.retrieval.crops.crop_file import EMBEDDING, OWN, POOLED, CropFile

OF_ONE = ("person", "outfit", "camera")
"""What cannot differ within a tracklet."""
BEGINS = ("time", "frame")
"""Of which a tracklet has the values with which it begins."""


def pooled(crops: CropFile) -> CropFile:
    """One row a tracklet, in the order in which they begin; a crop without one is a row of its own.

    The embedding is the mean of those of its crops, of length 1; path, box, height and width are those of its highest
    crop, `sha256` is a hash over all its crops, and `crops` says how many there are. Of the other columns it has the
    value that all its crops share, of time and frame the smallest.

    Parameters
    ----------
    crops:
        With the column `tracklet`.

    Raises
    ------
    DataError
        No crop has a tracklet, one has crops of several people, outfits or cameras, or the mean of one is 0.
    """
    table = crops.table
    names = table["tracklet"].to_pylist()
    if all(name is None for name in names):
        raise DataError("No crop has a tracklet.", "Give them in the column tracklet.")
    places: dict[Any, list[int]] = {}
    for row, name in enumerate(names):
        places.setdefault(("alone", row) if name is None else name, []).append(row)
    of_tracklet = list(places.values())
    heights, ids = table["height_px"].to_pylist(), crops.ids
    highest = table.take(pa.array([max(rows, key=lambda row: heights[row]) for rows in of_tracklet], pa.int64()))
    columns: dict[str, Any] = {name: highest[name] for name in OWN}
    joined = ["".join(sorted(ids[row] for row in rows)) for rows in of_tracklet]
    columns["sha256"] = pa.array([hashlib.sha256(text.encode()).hexdigest() for text in joined], pa.string())
    columns[EMBEDDING] = _means(crops.vectors, of_tracklet, names)
    columns[POOLED] = pa.array([len(rows) for rows in of_tracklet], pa.int32())
    theirs = {name: _shared(table[name], of_tracklet, name, names) for name in crops.metadata}
    return CropFile(pa.table(columns | theirs), crops.made_with, crops.source)


def _means(vectors: Any, of_tracklet: list[list[int]], names: list[Any]) -> pa.Array:
    means = np.stack([vectors[rows].mean(axis=0, dtype=np.float64) for rows in of_tracklet])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    if (lengths < np.finfo(np.float32).eps).any():
        name = names[of_tracklet[int(lengths.argmin())][0]]
        raise DataError(f"The embeddings of tracklet {name} cancel out.", "It shows different people: split it.")
    unit = (means / lengths).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(unit.reshape(-1)), unit.shape[1])


def _shared(column: Any, of_tracklet: list[list[int]], name: str, names: list[Any]) -> pa.Array:
    values = column.to_pylist()
    shared = []
    for rows in of_tracklet:
        known = sorted({values[row] for row in rows if values[row] is not None})
        if len(known) > 1 and name in OF_ONE:
            raise DataError(
                f"Tracklet {names[rows[0]]} has crops of the {name}s {known[0]} and {known[1]}.",
                "Give every tracklet a number of its own.",
            )
        shared.append(known[0] if len(known) == 1 or (known and name in BEGINS) else None)
    return pa.array(shared, column.type)
