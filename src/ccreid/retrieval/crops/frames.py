"""Crops of one frame: they never show one person."""

from __future__ import annotations

from pathlib import PurePath

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ccreid.retrieval.crops.crop_file import BOX
from ccreid.retrieval.crops.labels import codes, labels_of
from ccreid.vocabulary import UNKNOWN, Ids


def frames_of(table: pa.Table) -> Ids:
    """(N,) a number for each frame that crops are of; `UNKNOWN` for a crop that does not say of which it is.

    Crops are of one frame where they are parts of one picture (by their boxes), or where their `frame` is the same and
    their `camera` is: the folder of the picture where no camera is told. What is of one frame with a third crop is of
    one frame.

    Parameters
    ----------
    table:
        With the columns `path`, `sha256` and `box`; `camera` and `frame` are understood where they are there.
    """
    boxed = table[BOX].is_valid().to_pylist()
    paths, pictures = table["path"].to_pylist(), table["sha256"].to_pylist()
    camera, frame = (labels_of(table, name).to_pylist() for name in ("camera", "frame"))
    said = [(row, f"picture {pictures[row]}") for row in range(len(table)) if boxed[row]]
    for row, of in enumerate(frame):
        if of is not None:
            seen_by = f"folder {PurePath(paths[row]).parent}" if camera[row] is None else f"camera {camera[row]}"
            said.append((row, f"{seen_by} frame {of}"))
    found = np.full(len(table), UNKNOWN)
    if said:
        rows = np.array([row for row, _ in said])
        places = len(table) + codes([name for _, name in said])
        count = int(places.max()) + 1
        joined = coo_array((np.ones(len(said)), (rows, places)), shape=(count, count))
        found[rows] = connected_components(joined, directed=False)[1][rows]
    return found
