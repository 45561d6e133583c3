"""Vectors less the mean of a group that they belong to."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ccreid.vocabulary import Ids

Floats = NDArray[np.float32]
Kind = TypeVar("Kind", bound=np.floating)


def group_means(vectors: NDArray[Kind], groups: Ids) -> tuple[Ids, NDArray[Kind]]:
    """The mean of each group.

    Parameters
    ----------
    vectors:
        (N, D), N >= 1.
    groups:
        (N,) in which group each is.

    Returns
    -------
    groups, means:
        (G,) the different groups in ascending order, and (G, D) of the vectors' dtype.
    """
    order = np.argsort(groups, kind="stable")
    found, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    sums = np.add.reduceat(vectors[order], starts, axis=0)
    return found, (sums / counts[:, None]).astype(vectors.dtype)


def centred(vectors: Floats, groups: Ids | None, known: Ids, means: Floats, otherwise: Floats) -> Floats:
    """Take the mean of its group off each vector, and give it unit length again.

    Parameters
    ----------
    vectors:
        (N, D).
    groups:
        (N,) in which group each is; None where that is not known of any.
    known, means:
        (G,) groups in ascending order, G >= 1, and (G, D) their means.
    otherwise:
        (D,) what is taken off a vector of no known group.

    Returns
    -------
    array
        (N, D) float32 of unit length; a vector of which nothing is left is 0.
    """
    offsets = np.broadcast_to(otherwise, vectors.shape)
    if groups is not None:
        place = np.searchsorted(known, groups).clip(max=len(known) - 1)
        offsets = np.where((known[place] == groups)[:, None], means[place], otherwise)
    left = vectors - offsets
    unit: Floats = left / np.maximum(np.linalg.norm(left, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return unit
