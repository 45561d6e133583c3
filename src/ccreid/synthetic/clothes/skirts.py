"""Skirts: they hang from the hips and are pushed by the legs, but no leg stretches them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import gaussian_filter1d

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.sections import section
from ccreid.synthetic.curves import taut_from_first
from ccreid.synthetic.figure import Surface
from ccreid.synthetic.meshes import grid_triangles

Floats = NDArray[np.floating]
Ints = NDArray[np.int32]

COLUMNS, RINGS, STEP_M = 56, 5, 0.025
NEAR_M, APART_M = 0.02, 0.01
"""Points of legs at most so far above or below a ring push it; cloth keeps so far off them."""
LOWEST = 0.03
"""Height of the trunk down to which a skirt lies on the body; below, it hangs."""


@dataclass(frozen=True)
class Skirt:
    """The part of a garment that hangs from hips or waist.

    Attributes
    ----------
    top:
        Its upper edge along the trunk, as in :class:`ccreid.synthetic.clothes.garments.Bottom`.
    length:
        Where it ends along the leg, from the hip (0) to the ankle (1).
    flare:
        How much wider it grows, metres a metre; negative grows narrower.
    folds_m:
        How deep its folds are at a hem a metre down.
    gap:
        How far it stands open in front, in radians on each side of the middle; 0 where it is closed.
    """

    top: float
    length: float
    flare: float
    folds_m: float
    gap: float


@dataclass(frozen=True, eq=False)
class Hanging:
    """A skirt, which hangs anew in every pose.

    Attributes
    ----------
    suit:
        (m, 3) where the garment has the suit's points, unposed.
    """

    skirt: Skirt
    surface: Surface
    suit: NDArray[np.float32]


def angles(gap: float) -> Floats:
    """(COLUMNS,) radians from the front over the left side; a gap in front is this wide on each side of the middle."""
    if gap:
        return np.linspace(gap, 2 * np.pi - gap, COLUMNS)
    return np.arange(COLUMNS) / COLUMNS * 2 * np.pi


@lru_cache(maxsize=64)
def rings(top: float, gap: float) -> sparse.csr_array:
    """(RINGS * COLUMNS, n) points round the trunk as mixtures of the suit's n, from `top` down to the hip joints.

    Columns go round evenly from the front over the left side.
    """
    places = suit().places
    x, _, z = places.at.T
    return sparse.csr_array(
        sparse.vstack(
            [
                section(places.height - height, (0.0, 0.0), (x, z), angles(gap))
                for height in np.linspace(top, LOWEST, RINGS)
            ]
        )
    )


def fall(skirt: Skirt, hips: Floats, legs: Floats, drop_m: float) -> tuple[Floats, Ints]:
    """Points and triangles of a skirt in a pose.

    Parameters
    ----------
    hips:
        (RINGS, COLUMNS, 3) the posed points of :func:`rings`, with the cloth's distance from the body.
    legs:
        (k, 3) posed points of the legs with what is worn on them.
    drop_m:
        How far below the lowest ring the skirt ends.

    Seen from above, the cloth below the hips is ring by ring the convex hull of what would hang freely and of the legs
    there; where a leg pushes it out, it is taut from the hips to there.
    """
    last = hips[-1]
    middle = last.mean(axis=0)
    angle = angles(skirt.gap)
    left = last[np.abs(angle - np.pi / 2).argmin()] - last[np.abs(angle - 1.5 * np.pi).argmin()]
    turned = np.arctan2(-left[2], left[0])
    normal = np.stack([np.sin(angle + turned), np.cos(angle + turned)], axis=1)  # in x and z
    count = max(2, round(drop_m / STEP_M))
    step = drop_m / count
    reach = (legs[:, [0, 2]] - middle[[0, 2]]) @ normal.T + APART_M
    support = [((last[:, [0, 2]] - middle[[0, 2]]) @ normal.T).max(axis=0)]
    for number in range(1, count + 1):
        free = support[-1] + skirt.flare * step
        near = np.abs(legs[:, 1] - (middle[1] - number * step)) < NEAR_M
        support.append(np.maximum(free, reach[near].max(axis=0)) if near.any() else free)
    taut = gaussian_filter1d(taut_from_first(np.array(support)), 1.5, mode="nearest" if skirt.gap else "wrap")
    drop = np.sqrt(np.maximum(step**2 - np.diff(taut, axis=0) ** 2, (0.6 * step) ** 2))
    height = last[:, 1] - np.cumsum(drop, axis=0)
    smooth = taut[1:]
    padded = np.pad(smooth, ((0, 0), (1, 1)), mode="edge" if skirt.gap else "wrap")
    slope = np.gradient(padded, angle[1] - angle[0], axis=1)[:, 1:-1]
    below = np.arange(1, count + 1)[:, None] * step
    fold = skirt.folds_m * below**1.2 * np.sin(9 * angle + 2 * np.sin(3 * angle))
    along = np.stack([normal[:, 1], -normal[:, 0]], axis=1)
    flat = middle[[0, 2]] + normal * (smooth + fold)[:, :, None] + along * slope[:, :, None]
    hung = np.stack([flat[:, :, 0], height, flat[:, :, 1]], axis=2)
    points = np.concatenate([hips, hung]).reshape(-1, 3).astype(np.float32)
    return points, grid_triangles(RINGS + count, COLUMNS, closed=not skirt.gap)
