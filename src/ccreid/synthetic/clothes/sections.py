"""Lines round the body where a plane cuts it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.suit import suit

Floats = NDArray[np.floating]


def section(side: Floats, middle: tuple[float, float], axes: tuple[Floats, Floats], angles: Floats) -> sparse.csr_array:
    """Points where a surface cuts the suit, in given directions from a middle.

    Parameters
    ----------
    side:
        (n,) for the suit's points, negative on one side of the surface and positive on the other.
    middle, axes:
        Two coordinates of every point, and the middle in them. Directions turn from the second to the first axis.
    angles:
        (k,) radians.

    Returns
    -------
    (k, n) mixtures of the suit's points. Arms are left out. Where the surface cuts the suit in several lines, each
    direction takes the two crossings next to it.
    """
    edges = _edges()
    below = side[edges] < 0
    crossing = edges[below[:, 0] != below[:, 1]]
    low, high = side[crossing].T
    share = -low / (high - low)
    first, second = (
        axis[crossing[:, 0]] * (1 - share) + axis[crossing[:, 1]] * share - start
        for axis, start in zip(axes, middle, strict=True)
    )
    found = np.arctan2(first, second) % (2 * np.pi)
    order = np.argsort(found)
    wanted = angles % (2 * np.pi)
    after = order[np.searchsorted(found[order], wanted) % len(order)]
    before = order[np.searchsorted(found[order], wanted) - 1]
    between = (found[after] - found[before]) % (2 * np.pi)
    weight = ((wanted - found[before]) % (2 * np.pi)) / np.where(between > 0, between, 1)
    rows, columns, values = [], [], []
    for which, part in ((before, 1 - weight), (after, weight)):
        for end, piece in ((0, 1 - share[which]), (1, share[which])):
            rows.append(np.arange(len(angles)))
            columns.append(crossing[which, end])
            values.append((part * piece).astype(np.float32))
    place = np.concatenate(rows), np.concatenate(columns)
    entries = sparse.coo_array((np.concatenate(values), place), shape=(len(angles), len(side)))
    return sparse.csr_array(entries)


@lru_cache(maxsize=1)
def _edges() -> NDArray[np.int32]:
    """(E, 2) of trunk and legs."""
    sheet = suit()
    pairs = sheet.piece.triangles[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)
    edges: NDArray[np.int32] = np.unique(np.sort(pairs, axis=1), axis=0)
    return edges[(sheet.places.in_arm[edges] < 0.5).all(axis=1)]
