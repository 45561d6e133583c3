"""Which crops of one person hang together: what a split may go by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.gallery.naming import person_of
from ccreid.retrieval.gallery.snapshot import Snapshot
from ccreid.retrieval.stores.store import ID


def subgroups(snapshot: Snapshot, named: str) -> list[list[str]]:
    """The ids of a person's confirmed crops in groups that hang together, the largest first.

    Raises DataError where there is no such person, or no crop of theirs can be found.
    """
    from ccreid.retrieval.grouping.grouping import Known, group_crops  # with it comes torch

    person = person_of(snapshot.tables, named)
    own = np.asarray(pc.fill_null(pc.equal(snapshot.columns["person"], person[ID]), False))
    rows = snapshot.confirmed[own[snapshot.confirmed]]
    if not len(rows):
        raise DataError(f"{person['name']} ({person[ID]}) has no crops that can be found.", "Unhide them first.")
    groups = group_crops(snapshot.vectors[rows], Known.nothing(len(rows))).group
    ids = np.array(snapshot.columns[ID].take(pa.array(rows)).to_pylist())
    found = [ids[groups == group].tolist() for group in np.unique(groups)]
    return sorted(found, key=lambda group: (-len(group), group))
