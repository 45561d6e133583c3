"""Where the relevant gallery images of a query stand, without sorting the gallery.

A rank needs no sorted list: it is one more than the number of kept images that are nearer. Only the images of
the query's own person can be relevant or ignored, so only they are compared with everything else.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]


def nearer_others(similarity: Floats, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many gallery images of other people stand before each image of the query's own person.

    Parameters
    ----------
    similarity:
        (G,) of one query to the gallery; large is near.
    own:
        (M,) ascending indices of the gallery images of the query's own person.

    Returns
    -------
    NDArray[np.int64]
        (M,) counts. Equal similarities are ordered by gallery index.
    """
    others = np.ones(len(similarity), dtype=np.bool_)
    others[own] = False
    return _before(similarity, own, np.flatnonzero(others))


def ranks_of_relevant(
    similarity: Floats, own: NDArray[np.int64], nearer: NDArray[np.int64], ignored: Mask
) -> NDArray[np.int64]:
    """1-based ranks, among the kept gallery images, of the relevant ones, nearest first.

    Parameters
    ----------
    similarity, own, nearer:
        As in :func:`nearer_others`, and its result.
    ignored:
        (M,) which of the own images the rule ignores.

    Returns
    -------
    NDArray[np.int64]
        (R,) ascending ranks; empty when nothing is relevant.
    """
    kept = own[~ignored]
    return np.sort(1 + nearer[~ignored] + _before(similarity, kept, kept))


def _before(similarity: Floats, targets: NDArray[np.int64], rivals: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rivals stand before each target, in the order (similarity descending, gallery index)."""
    counts = np.zeros(len(targets), dtype=np.int64)
    scores = similarity[rivals]
    for place, target in enumerate(targets):
        bound = similarity[target]
        counts[place] = np.count_nonzero(scores > bound) + np.count_nonzero((scores == bound) & (rivals < target))
    return counts
