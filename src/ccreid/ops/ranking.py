"""Where chosen gallery images of a query stand, without ranking the others.

A place needs no sorted gallery: it is the number of images that are nearer. Only the images of the query's own
person can be relevant or ignored, so only theirs are counted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOBODY = -1
"""Stands for an image where there is none."""

IMAGES_A_BIN = 8
"""On average: fewer make more bins to add up, more make more images to put in order."""


def places_of(own: Ids, similarity: Floats) -> Ids:
    """How many gallery images stand before each chosen one, in the order (similarity descending, gallery index).

    Parameters
    ----------
    own:
        (M,) gallery indices of the chosen images.
    similarity:
        (G,) of one query to the gallery; large is near, none is NaN.

    Returns
    -------
    NDArray[np.int64]
        (M,) counts, no two the same.
    """
    if not own.size:
        return np.empty(0, dtype=np.int64)
    bins = _bins(similarity, similarity[own].min())
    population = np.bincount(bins)
    shared = np.zeros(len(population), dtype=np.bool_)
    shared[bins[own]] = True
    # Bins that hold no chosen image are only counted; the images of the others are few enough to be put in order.
    counted = np.cumsum(np.where(shared, 0, population))
    nearby = np.flatnonzero(shared[bins])
    order = np.argsort(-similarity[nearby], kind="stable")
    among_nearby = np.empty_like(order)
    among_nearby[order] = np.arange(len(order))
    places: Ids = counted[-1] - counted[bins[own]] + among_nearby[np.searchsorted(nearby, own)]
    return places


def nearest_other(own: Ids, similarity: Floats) -> int:
    """The gallery index of the nearest image that is not among `own`, the first of equal ones; `NOBODY` without one.

    Parameters are those of :func:`places_of`.
    """
    if len(own) == len(similarity):
        return NOBODY
    others = similarity.copy()
    others[own] = -np.inf
    return int(others.argmax())


def _bins(similarity: Floats, lowest: np.floating) -> Ids:
    """(G,) a number that never falls where the similarity rises; 0 for what is below `lowest`, which has 1."""
    count = max(len(similarity) // IMAGES_A_BIN, 1)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        scale = count / (similarity.max() - lowest)
        if not 0 < scale < np.inf:  # all alike, or infinitely far apart, or infinite themselves
            return np.zeros(len(similarity), dtype=np.int64)
        scaled = (similarity - lowest) * scale + 1
    numbers: Ids = np.maximum(scaled, 0, out=scaled).astype(np.int64)
    return numbers


def kept_ranks(query: Ids, place: Ids, ignored: Mask) -> tuple[Ids, Ids]:
    """Ranks of the relevant images among the kept ones, of many queries at once.

    Parameters
    ----------
    query, place:
        (P,) which query each image of a query's own person belongs to, and its :func:`places_of`; in ascending
        order of query, then place.
    ignored:
        (P,) which of them the rule takes out.

    Returns
    -------
    query, rank:
        (R,) int64 each, of the images that are left: whose they are, and their 1-based rank. In the same order.
    """
    out = np.cumsum(ignored)
    started = np.searchsorted(query, query)  # where each one's query begins
    out_before = out - out[started] + ignored[started]
    kept = ~ignored
    return query[kept], (1 + place - out_before)[kept]
