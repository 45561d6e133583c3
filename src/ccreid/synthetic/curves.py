"""Smooth steps, uneven waves and lines under tension."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ramp(value: NDArray[np.floating], low: float, high: float) -> NDArray[np.float32]:
    """0 up to `low`, 1 from `high` on, smooth between."""
    share = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def waves(at: NDArray[np.floating]) -> NDArray[np.floating]:
    """A smooth, uneven pattern round 0, up to about 1.6, at (n, 3) points; it varies within about one unit."""
    x, y, z = at.T
    coarse = np.sin(x + 2 * np.sin(0.7 * z)) * np.sin(1.3 * y + np.sin(x))
    pattern: NDArray[np.floating] = coarse + 0.6 * np.sin(2.1 * z + 1.7 * np.sin(1.1 * y))
    return pattern


def taut_from_first(reach: NDArray[np.floating]) -> NDArray[np.floating]:
    """Cloth or hair that reaches out (rows, columns): farther, so that each row is seen from the first in a line."""
    number = np.arange(1, len(reach))[:, None]
    slope = (reach[1:] - reach[0]) / number
    steepest = np.maximum.accumulate(slope[::-1], axis=0)[::-1]
    taut: NDArray[np.floating] = np.concatenate([reach[:1], reach[0] + number * steepest])
    return taut
