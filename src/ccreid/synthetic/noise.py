"""Smooth noise in space: the same value at the same point, whoever asks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ccreid.synthetic.draws import draws

Floats = NDArray[np.float32]

_CELLS = 32
"""Noise repeats after so many cells; a power of two."""


@lru_cache(maxsize=1)
def _lattice() -> Floats:
    values: Floats = draws(0, "noise").standard_normal((_CELLS,) * 3).astype(np.float32)
    return values


def noise(
    points: Floats, cell_m: float, number: float = 0, stretched: tuple[float, float, float] = (1.0, 1.0, 1.0)
) -> Floats:
    """Smooth noise of mean 0 and a deviation of about 0.6 at points.

    Parameters
    ----------
    points:
        (N, 3) metres.
    cell_m:
        About half as long as what is alike in it.
    number:
        Which of the noises: others have nothing in common.
    stretched:
        Factors on `cell_m` along the three axes.
    """
    values = np.empty(len(points), np.float32)
    per_m = np.array([1 / (cell_m * factor) for factor in stretched], np.float32)
    begin = np.array([(number * step + 0.5) % _CELLS for step in (7.31, 13.77, 19.13)], np.float32)
    _fill(np.ascontiguousarray(points, np.float32), per_m, begin, _lattice(), values)
    return values


@njit(cache=True)
def _fill(points, per_m, begin, lattice, values):  # type: ignore[no-untyped-def]
    """Values at the corners of a lattice, blended so that the slope has no edges."""
    last = lattice.shape[0] - 1
    for row in range(len(points)):
        x = points[row, 0] * per_m[0] + begin[0]
        y = points[row, 1] * per_m[1] + begin[1]
        z = points[row, 2] * per_m[2] + begin[2]
        i, j, k = int(np.floor(x)), int(np.floor(y)), int(np.floor(z))
        u, v, w = x - np.float32(i), y - np.float32(j), z - np.float32(k)
        u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
        i, j, k = i & last, j & last, k & last
        i2, j2, k2 = (i + 1) & last, (j + 1) & last, (k + 1) & last
        front = (lattice[i, j, k] * (1 - u) + lattice[i2, j, k] * u) * (1 - v)
        front += (lattice[i, j2, k] * (1 - u) + lattice[i2, j2, k] * u) * v
        behind = (lattice[i, j, k2] * (1 - u) + lattice[i2, j, k2] * u) * (1 - v)
        behind += (lattice[i, j2, k2] * (1 - u) + lattice[i2, j2, k2] * u) * v
        values[row] = front * (1 - w) + behind * w
