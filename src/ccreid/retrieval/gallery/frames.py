"""Crops of a gallery that cannot be of one person, because they are of one frame."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from ccreid.retrieval.crops.frames import frames_of
from ccreid.retrieval.gallery.metadata import told_by
from ccreid.retrieval.stores.store import ID
from ccreid.vocabulary import UNKNOWN


def meeting(crops: pa.Table) -> dict[int, int]:
    """Crops that claim a person whom another crop of the same frame claims.

    Parameters
    ----------
    crops:
        N rows of the gallery's table.

    Returns
    -------
    The rows that meet another, with the first that they meet; rows without a person meet nobody.
    """
    told = told_by([metadata if '"frame"' in metadata else "{}" for metadata in crops["metadata"].to_pylist()])
    said = {name: told[name] for name in ("camera", "frame") if name in told}
    frame = frames_of(pa.table({name: crops[name] for name in ("path", "sha256", "box")} | said))
    ids, people = crops[ID].to_pylist(), crops["person"].to_pylist()
    first: dict[tuple[str, int], int] = {}
    met: dict[int, int] = {}
    for row in np.flatnonzero(frame != UNKNOWN).tolist():
        if people[row] is None:
            continue
        other = first.setdefault((people[row], int(frame[row])), row)
        if ids[other] != ids[row]:
            met[row] = other
            met.setdefault(other, row)
    return met
