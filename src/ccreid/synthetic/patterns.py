"""Patterns in space: how much of each of three colours is at a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from ccreid.synthetic.draws import draws

Floats = NDArray[np.float32]

_LATTICE = 48
"""Smooth noise repeats after so many cells."""


@lru_cache(maxsize=1)
def _lattice() -> Floats:
    values: Floats = draws(0, "noise").standard_normal((_LATTICE,) * 3).astype(np.float32)
    return values


def noise(points: Floats, cell_m: float, shift: float = 0.0) -> Floats:
    """Smooth noise of mean 0 and a deviation of about 0.5 at (N, 3) points; `shift` gives another one."""
    places = points.T / cell_m + (0.5 + 7.31 * shift)
    found: Floats = map_coordinates(_lattice(), places, order=1, mode="grid-wrap", output=np.float32)
    return found


@dataclass(frozen=True)
class Pattern:
    """How colours are spread over cloth, or a wall.

    Attributes
    ----------
    kind:
        One of :data:`KINDS`.
    size_m:
        Of what repeats.
    share:
        How much of it is the second colour, in (0, 1).
    turn:
        Of the pattern about the axis towards the viewer, in radians.
    shift:
        Where it begins, in (0, 1).
    """

    kind: str
    size_m: float
    share: float
    turn: float
    shift: float

    def __call__(self, points: Floats) -> Floats:
        """(N, 3) shares of the colours, which sum to 1, at (N, 3) points in metres."""
        cos, sin = np.float32(np.cos(self.turn)), np.float32(np.sin(self.turn))
        turned = np.stack(
            [cos * points[:, 0] + sin * points[:, 1], cos * points[:, 1] - sin * points[:, 0], points[:, 2]], axis=1
        )
        second, third = KINDS[self.kind](turned, self)
        third = np.clip(np.broadcast_to(third, second.shape), 0, 1)
        second = np.clip(second, 0, 1) * (1 - third)
        return np.stack([1 - second - third, second, third], axis=1).astype(np.float32)


Shares = tuple[Floats, Floats | float]
"""(N,) of the second and the third colour; what is left is the first."""


def _saw(values: Floats, pattern: Pattern) -> Floats:
    return np.asarray((values / pattern.size_m + pattern.shift) % 1, np.float32)


def _band(values: Floats, pattern: Pattern, share: float) -> Floats:
    return np.asarray(_saw(values, pattern) < share, np.float32)


def _plain(points: Floats, _pattern: Pattern) -> Shares:
    return np.zeros(len(points), np.float32), 0.0


def _heather(points: Floats, pattern: Pattern) -> Shares:
    grain = noise(points, 0.25 * pattern.size_m, pattern.shift) + noise(points, 0.06 * pattern.size_m, pattern.shift)
    return 0.5 + 0.5 * grain, 0.0


def _stripes(points: Floats, pattern: Pattern) -> Shares:
    wide = _band(points[:, 1], pattern, pattern.share)
    thin = _band(points[:, 1] - 0.6 * pattern.size_m, pattern, 0.12)
    return wide, thin if pattern.shift > 0.6 else 0.0


def _checks(points: Floats, pattern: Pattern) -> Shares:
    across = _band(points[:, 0] + points[:, 2], pattern, 0.5)
    along = _band(points[:, 1], pattern, 0.5)
    return 0.5 * (across + along), 0.0


def _plaid(points: Floats, pattern: Pattern) -> Shares:
    across = _band(points[:, 0] + points[:, 2], pattern, pattern.share)
    along = _band(points[:, 1], pattern, pattern.share)
    offset = 0.62 * pattern.size_m
    lines = (_band(values - offset, pattern, 0.07) for values in (points[:, 0] + points[:, 2], points[:, 1]))
    return 0.5 * (across + along), np.asarray(0.8 * np.maximum(*lines), np.float32)


def _dots(points: Floats, pattern: Pattern) -> Shares:
    line = np.floor(points[:, 1] / pattern.size_m)
    across = (points[:, 0] + points[:, 2]) / pattern.size_m + 0.5 * (line % 2)
    away = (across % 1 - 0.5) ** 2 + (points[:, 1] / pattern.size_m % 1 - 0.5) ** 2
    return np.asarray(away < (0.42 * pattern.share + 0.08) ** 2, np.float32), 0.0


def _print(points: Floats, pattern: Pattern) -> Shares:
    large = noise(points, pattern.size_m, pattern.shift)
    other = noise(points, 0.6 * pattern.size_m, pattern.shift + 0.37)
    return np.asarray(large > 0.55 - 0.6 * pattern.share, np.float32), np.asarray(other > 0.45, np.float32)


def _blotches(points: Floats, pattern: Pattern) -> Shares:
    mixed = noise(points, pattern.size_m, pattern.shift) + 0.5 * noise(points, 0.4 * pattern.size_m, pattern.shift)
    return np.asarray(mixed > 0.1, np.float32), np.asarray(mixed < -0.45, np.float32)


def _panels(points: Floats, pattern: Pattern) -> Shares:
    """What is above a line differs from what is below; turned far enough, the left from the right."""
    line = 1.0 + 0.45 * (pattern.shift - 0.5) if abs(pattern.turn) < 0.3 else 0.2 * (pattern.shift - 0.5)
    return np.asarray(points[:, 1] > line, np.float32), np.asarray(np.abs(points[:, 1] - line) < 0.015, np.float32)


def _badge(points: Floats, pattern: Pattern) -> Shares:
    """A picture on the chest, of letters or blotches."""
    wide, high = 0.05 + 0.11 * pattern.share, 0.03 + 0.1 * pattern.shift
    inside = (np.abs(points[:, 0]) < wide) & (np.abs(points[:, 1] - 1.22) < high) & (points[:, 2] > 0)
    drawn = noise(points, 0.035, pattern.shift) > 0
    return np.asarray(inside & drawn, np.float32), np.asarray(inside & ~drawn & (pattern.shift > 0.5), np.float32)


def _ribs(points: Floats, pattern: Pattern) -> Shares:
    wave = np.sin(2 * np.pi * (points[:, 0] + points[:, 2]) / pattern.size_m)
    return np.asarray(0.5 + 0.5 * wave, np.float32), 0.0


def _worn(points: Floats, pattern: Pattern) -> Shares:
    """As denim is: rubbed off in large patches, with a fine twill."""
    rubbed = 0.45 + 0.55 * noise(points, 0.14, pattern.shift) * (0.5 + pattern.share)
    twill = np.sin(2 * np.pi * (points[:, 0] + points[:, 1] + points[:, 2]) / 0.006)
    return np.asarray(rubbed + 0.12 * twill, np.float32), 0.0


def _bricks(points: Floats, pattern: Pattern) -> Shares:
    high = points[:, 1] / (0.4 * pattern.size_m)
    long = points[:, 0] / pattern.size_m + 0.5 * (np.floor(high) % 2)
    joint = (high % 1 < 0.1) | (long % 1 < 0.04)
    tint = noise(np.stack([np.floor(long), np.floor(high), 0 * high], axis=1).astype(np.float32), 0.7, pattern.shift)
    return np.asarray(0.4 * tint, np.float32), np.asarray(joint, np.float32)


def _tiles(points: Floats, pattern: Pattern) -> Shares:
    joint = (points[:, 0] / pattern.size_m % 1 < 0.03) | (points[:, 1] / pattern.size_m % 1 < 0.03)
    odd = (np.floor(points[:, 0] / pattern.size_m) + np.floor(points[:, 1] / pattern.size_m)) % 2
    return np.asarray(odd * (pattern.shift > 0.5), np.float32), np.asarray(joint, np.float32)


KINDS: Mapping[str, Callable[[Floats, Pattern], Shares]] = MappingProxyType(
    {
        "plain": _plain,
        "heather": _heather,
        "stripes": _stripes,
        "checks": _checks,
        "plaid": _plaid,
        "dots": _dots,
        "print": _print,
        "blotches": _blotches,
        "panels": _panels,
        "badge": _badge,
        "ribs": _ribs,
        "worn": _worn,
        "bricks": _bricks,
        "tiles": _tiles,
    }
)
