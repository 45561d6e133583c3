"""What cloth looks like from near by: threads, ribs, wear."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.noise import noise
from ccreid.synthetic.patterns import DEPTH

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Yarn:
    """What a cloth is woven or knitted from.

    Attributes
    ----------
    kind:
        One of :data:`YARNS`.
    wide_m:
        Of a thread or a rib.
    grain:
        How much brighter and darker its threads are.
    wear:
        How worn and dirty it is, in [0, 1].
    number:
        Which one of its kind.
    """

    kind: str
    wide_m: float
    grain: float
    wear: float
    number: int

    def __call__(self, points: Floats, pixel_m: float) -> Floats:
        """(N,) factors on the colour at (N, 3) points in metres, of which a pixel shows so much."""
        seen = min(1.0, self.wide_m / pixel_m) ** 0.7
        factor = 1 + self.grain * seen * YARNS[self.kind](self, points, pixel_m)
        if self.wear > 0.05:
            large, small = (noise(points, size, self.number + at, DEPTH) for at, size in ((1, 0.14), (2, 0.05)))
            factor *= 1 + self.wear * (0.16 * large + 0.1 * small)
        return np.asarray(np.clip(factor, 0.25, 2), np.float32)


def _smooth(yarn: Yarn, points: Floats, _pixel_m: float) -> Floats:
    return noise(points, 0.006, yarn.number)


def _heather(yarn: Yarn, points: Floats, _pixel_m: float) -> Floats:
    return np.asarray(1.3 * noise(points, yarn.wide_m, yarn.number, (1, 2.5, 1)), np.float32)


def _denim(yarn: Yarn, points: Floats, _pixel_m: float) -> Floats:
    """Threads that stand, and paler thighs."""
    threads = noise(points, 0.5 * yarn.wide_m, yarn.number, (1, 16, 1))
    faded = noise(points, 0.2, yarn.number + 3, (1, 2, 1))
    return np.asarray(0.8 * threads + 1.2 * yarn.wear * faded, np.float32)


def _knit(yarn: Yarn, points: Floats, pixel_m: float) -> Floats:
    bent = 0.25 * yarn.wide_m * np.sin(points[:, 1] * (6 / yarn.wide_m))
    return _ribs(yarn, _round(points) + bent, pixel_m)


def _cord(yarn: Yarn, points: Floats, pixel_m: float) -> Floats:
    return _ribs(yarn, _round(points), pixel_m)


def _quilted(yarn: Yarn, points: Floats, pixel_m: float) -> Floats:
    """As padded jackets are: bulges between lying seams, ten threads high."""
    place = points[:, 1] / (12 * yarn.wide_m) % 1
    seam = np.clip(1 - np.minimum(place, 1 - place) * (12 * yarn.wide_m / (0.006 + pixel_m)), 0, 1)
    return np.asarray(2 * (0.27 - np.abs(place - 0.6)) - 2 * seam, np.float32)


def _ribs(yarn: Yarn, across: Floats, pixel_m: float) -> Floats:
    seen = float(np.clip(yarn.wide_m / pixel_m - 1, 0, 1))
    return np.asarray(seen * np.sin(across * (2 * np.pi / yarn.wide_m)), np.float32)


def _round(points: Floats) -> Floats:
    """(N,) metres along the cloth, lying: across the front, and on round the sides."""
    return np.asarray(points[:, 0] + 0.8 * points[:, 2], np.float32)


YARNS: Mapping[str, Callable[[Yarn, Floats, float], Floats]] = MappingProxyType(
    {"smooth": _smooth, "heather": _heather, "denim": _denim, "knit": _knit, "cord": _cord, "quilted": _quilted}
)
