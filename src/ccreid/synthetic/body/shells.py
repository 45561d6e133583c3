"""Shells round the head, made of rays from its middle: what hair, caps and hoods are modelled on."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.suit import skin

Floats = NDArray[np.floating]

MIDDLE = np.array((0.0, 0.75, 0.055))
"""Of the head of the base mesh."""
HEAD_M = 0.22
"""Its height, from the chin to the crown."""
LOWEST_M = 0.57
"""Points of the base mesh below this height are not of the head or neck."""
NEAREST = 8


def shell(down: Floats, round_: Floats) -> sparse.csr_array:
    """Where rays from the middle of the head meet its skin, ears left out.

    Parameters
    ----------
    down, round_:
        (n,) degrees from straight up, and from straight ahead over the left side.

    Returns
    -------
    (n, m) mixtures of the m points of :func:`ccreid.synthetic.body.suit.skin`: each ray takes those nearest to it.
    """
    tree, numbers = _directions()
    distance, nearest = (np.asarray(found) for found in tree.query(rays(down, round_), NEAREST))
    weight = 1 / (distance + 0.02) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    rows = np.repeat(np.arange(len(nearest)), NEAREST)
    return sparse.csr_array(
        sparse.coo_array(
            (weight.ravel().astype(np.float32), (rows, numbers[nearest].ravel())),
            shape=(len(nearest), skin().piece.mixture.shape[0]),
        )
    )


def rays(down: Floats, round_: Floats) -> Floats:
    """(n, 3) directions of length 1; the angles are those of :func:`shell`."""
    polar, turn = np.radians(down), np.radians(round_)
    return np.stack([np.sin(polar) * np.sin(turn), np.cos(polar), np.sin(polar) * np.cos(turn)], axis=1)


@lru_cache(maxsize=1)
def _directions() -> tuple[cKDTree, NDArray[np.int64]]:
    """The directions in which points of the head and neck lie, and their numbers."""
    sheet = skin()
    at = sheet.places.at
    masked = [sheet.piece.mixture @ anatomy().masks[name] for name in ("ears", "inside-mouth")]
    chosen = (np.max(masked, axis=0) < 0.05) & (at[:, 1] > LOWEST_M) & (np.abs(at[:, 0]) < 0.15)
    away = at[chosen] - MIDDLE
    return cKDTree(away / np.linalg.norm(away, axis=1, keepdims=True)), np.flatnonzero(chosen)
