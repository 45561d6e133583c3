"""Whom of a gallery groups of crops probably show, by its calibration."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery.search import cameras_of
from ccreid.retrieval.gallery.snapshot import Snapshot
from ccreid.vocabulary import Ids

BLOCK = 1 << 20
"""Probabilities held at a time (8 MiB), however many crops and people there are."""


def likely_people(
    snapshot: Snapshot, crops: CropFile, group: Ids, calibration: Calibration, known: float
) -> tuple[list[str | None], NDArray[np.float64]]:
    """Who each group of crops probably is.

    The probability of a person is the mean of what the calibration says of each crop of the group: as often as those
    come true, so does their mean, of a group whose crops are one person's.

    Parameters
    ----------
    crops:
        N, of the gallery's model.
    group:
        (N,) 0..G-1, each at least once.
    calibration, known:
        As for a search: how probable it is beforehand that somebody enrolled is seen.

    Returns
    -------
    (G,) ids of people who are more probable than everybody else and nobody together, None where nobody is; and (G,)
    their probabilities, NaN there.
    """
    groups = int(group.max()) + 1
    person: list[str | None] = [None] * groups
    probability = np.full(groups, np.nan)
    if not len(snapshot.confirmed):
        return person, probability
    cameras = cameras_of(snapshot, crops)
    heights = np.asarray(crops.table["height_px"]).astype(np.int64)
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    sums = np.zeros((1, len(snapshot.people)))
    step = max(1, BLOCK // len(snapshot.people))
    begun = 0
    for start in range(0, len(order), step):
        rows = order[start : start + step]
        seen_by = None if cameras is None else cameras[rows]
        evidence = calibration.evidence(crops.vectors[rows], snapshot.prepared, seen_by, heights[rows])
        probable = calibration.answer(evidence, known)[0]
        first = np.flatnonzero(np.diff(group[rows], prepend=-1))
        of_groups = np.add.reduceat(probable, first, axis=0)
        if group[rows[0]] == begun:
            of_groups[0] += sums[0]  # a group that the block before cut in two
        for place, one in enumerate(group[rows[first]].tolist()):
            shares = of_groups[place] / sizes[one]
            best = int(shares.argmax())
            person[one] = snapshot.people[best] if shares[best] > 0.5 else None
            probability[one] = shares[best] if shares[best] > 0.5 else np.nan
        begun, sums = int(group[rows[-1]]), of_groups[-1:]
    return person, probability
