"""Patterns in space: how much of each of four colours is at a point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.noise import noise

Floats = NDArray[np.float32]

COLORS = 4
"""Of a pattern: the ground's, and what lies on it."""
DEPTH = (1.0, 1.0, 0.45)
"""The sides of a body are seen as often as its front, and are flatter: what is irregular is shorter there."""


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
        How much of it is not the ground, in (0, 1).
    turn:
        Of the pattern about the axis towards the viewer, in radians.
    number:
        Which one of its kind.
    high_m:
        How far above the ground a picture or a seam is, where there is one only.
    """

    kind: str
    size_m: float
    share: float
    turn: float
    number: int
    high_m: float = 1.2

    def __call__(self, points: Floats, pixel_m: float) -> Floats:
        """(N, 4) shares of the colours, which sum to 1, at (N, 3) points in metres.

        `pixel_m` is how much of the surface a pixel shows: edges are as soft, and what is finer is seen as its mean.
        """
        shares = np.zeros((len(points), COLORS), np.float32)
        shares[:, 0] = 1
        for color, cover in enumerate(KINDS[self.kind](self, points, pixel_m), start=1):
            shares *= (1 - cover)[:, None]
            shares[:, color] += cover
        return shares

    def lines(self, points: Floats) -> tuple[Floats, Floats]:
        """(N,) each: coordinates along and across the lines of the pattern; along goes round a body."""
        across, up = points[:, 0] + np.float32(0.8) * points[:, 2], points[:, 1]
        cos, sin = np.float32(np.cos(self.turn)), np.float32(np.sin(self.turn))
        return cos * across - sin * up, sin * across + cos * up


Covers = tuple[Floats, ...]
"""(N,) each, in [0, 1]: of the second colour, the third and the fourth; each lies over those before it."""


def within(place: Floats, share: float, blur: float) -> Floats:
    """(N,) in [0, 1]: how much of a pixel, `blur` periods wide, lies in the middle `share` of each period."""
    distance = 0.5 * share - np.abs(place - np.floor(place) - 0.5)
    return _seen(np.clip(distance / max(blur, 1e-3) + 0.5, 0, 1), share, blur)


def _seen(cover: NDArray[np.floating], mean: float, blur: float) -> Floats:
    """A cover as pixels see it that are `blur` periods wide: its mean where they are wider than one."""
    sharp = float(np.clip(1.5 - blur, 0, 1))
    return np.asarray(mean + (cover - mean) * sharp, np.float32)


def inside(distance_m: NDArray[np.floating], pixel_m: float) -> Floats:
    """(N,) in [0, 1]: how much of a pixel is inside an edge from which it is so far, inwards."""
    return np.asarray(np.clip(distance_m / pixel_m + 0.5, 0, 1), np.float32)


def blots(pattern: Pattern, points: Floats, pixel_m: float, size_m: float, number: int, share: float) -> Floats:
    """(N,) in [0, 1]: islands that cover about a share."""
    first = pattern.number + number
    rough = noise(points, size_m, first, DEPTH) + 0.4 * noise(points, 0.4 * size_m, first + 1, DEPTH)
    steep = min(12.0, 0.6 * size_m / pixel_m)
    cover = np.clip((rough + 1.95 * (share - 0.5)) * steep + 0.5, 0, 1)
    seen = min(1.0, 1.2 * size_m / pixel_m)
    return np.asarray(share + (cover - share) * seen, np.float32)


def _plain(_pattern: Pattern, _points: Floats, _pixel_m: float) -> Covers:
    return ()


def _stripes(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Broad ones, and in every other one thin ones between them."""
    place, blur = pattern.lines(points)[1] / pattern.size_m, pixel_m / pattern.size_m
    broad = within(place, pattern.share, blur)
    return (broad, within(place + 0.5, 0.15, blur)) if pattern.number % 2 else (broad,)


def _zigzag(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    along, up = pattern.lines(points)
    wave = np.abs((along / pattern.size_m) % 2 - 1)
    return (within(up / pattern.size_m + wave, pattern.share, 1.4 * pixel_m / pattern.size_m),)


def _checks(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Threads of two colours both ways: where they cross, the second colour is full."""
    blur = pixel_m / pattern.size_m
    along, up = (within(line / pattern.size_m, 0.5, blur) for line in pattern.lines(points))
    return (0.5 * (along + up),)


def _plaid(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """The same bands of several colours both ways, half seen through each other."""
    random = np.random.default_rng(pattern.number)
    blur = pixel_m / pattern.size_m
    places = [line / pattern.size_m for line in pattern.lines(points)]
    covers = []
    for color in range(COLORS - 1):
        begin, width = float(random.random()), float(random.uniform(0.03, 0.5) ** (1.0 if color == 0 else 1.7))
        covers.append(np.asarray(0.5 * sum(within(place + begin, width, blur) for place in places), np.float32))
    return tuple(covers)


def _dots(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    along, up = pattern.lines(points)
    row = 2 * up / pattern.size_m
    column = along / pattern.size_m + 0.5 * (np.floor(row) % 2)
    away = np.hypot(column % 1 - 0.5, 0.5 * (row % 1 - 0.5))
    radius = 0.08 + 0.16 * pattern.share
    cover = inside((radius - away) * pattern.size_m, pixel_m)
    return (_seen(cover, 2 * np.pi * radius**2, pixel_m / pattern.size_m),)


def _flowers(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    return tuple(
        blots(pattern, points, pixel_m, pattern.size_m * size, 11 * color, pattern.share * (0.7 - 0.1 * color))
        for color, size in enumerate((1.0, 0.7, 0.4))
    )


def _blotches(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """As camouflage has, and stained ground."""
    return tuple(blots(pattern, points, pixel_m, pattern.size_m, 13 * color, 0.42) for color in range(3))


def _panels(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Pieces of other colours: above a seam, in a band, on the sleeves, or down the sides."""
    x, y = np.abs(points[:, 0]), points[:, 1] - pattern.high_m
    edges = (
        y,
        0.25 * pattern.size_m - np.abs(y),
        x - 0.17 - 0.08 * pattern.share,
        0.02 + 0.04 * pattern.share - np.abs(np.abs(points[:, 2]) - 0.02),
    )
    first = inside(edges[pattern.number % len(edges)], pixel_m)
    band = inside(0.12 * pattern.size_m - np.abs(y + 0.4 * pattern.size_m), pixel_m)
    return (first, band) if pattern.number % 3 == 0 else (first,)


def _logo(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """A printed picture on breast or back: a frame of some shape, lettering or blots inside."""
    number, wide = pattern.number, pattern.size_m
    side = points[:, 2] < 0 if number % 7 == 0 else points[:, 2] > 0
    x = points[:, 0] - (0.08 if wide < 0.11 else 0)
    y = points[:, 1] - pattern.high_m
    tall = wide * (0.3 + 0.8 * pattern.share)
    power = (2, 8)[number % 2]
    reach = np.abs(2 * x / wide) ** power + np.abs(2 * y / tall) ** power
    frame = inside((1 - reach) * 0.25 * wide, pixel_m) * side
    if number % 3:
        line = 0.35 * tall
        letters = np.clip(4 * noise(points, 0.12 * wide, number, (1, 6, 1000)) + 0.5, 0, 1)
        drawn = within(y / line, 0.6, pixel_m / line) * letters
    else:
        drawn = blots(pattern, points, pixel_m, 0.3 * wide, 5, 0.5)
    ground = frame * (number % 5 > 1)
    return np.asarray(ground, np.float32), np.asarray(frame * drawn, np.float32)


def _bricks(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Stones of different tints, with joints in the third colour."""
    high, blur = points[:, 1] / (0.4 * pattern.size_m), pixel_m / pattern.size_m
    long = points[:, 0] / pattern.size_m + 0.5 * (np.floor(high) % 2)
    stone = np.stack([np.floor(long), np.floor(high), np.zeros_like(high)], axis=1)
    joint = np.maximum(within(high, 0.1, 2.5 * blur), within(long, 0.04, blur))
    tint = np.clip(0.4 * noise(stone + np.float32(0.5), 0.7, pattern.number), 0, 1)
    return _seen(tint, 0.1, blur), joint


def _tiles(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Squares, in every other pattern of two colours by turns, with joints in the third."""
    blur = pixel_m / pattern.size_m
    x, y = points[:, 0] / pattern.size_m, points[:, 1] / pattern.size_m
    joint = np.maximum(within(x + 0.5, 0.03, blur), within(y + 0.5, 0.03, blur))
    odd = np.asarray((np.floor(x) + np.floor(y)) % 2, np.float32)
    return _seen(odd, 0.5, blur) if pattern.number % 2 else 0 * odd, joint


def _planks(pattern: Pattern, points: Floats, pixel_m: float) -> Covers:
    """Boards with a grain, side by side."""
    along, across = pattern.lines(points)
    board = np.floor(across / pattern.size_m)
    place = np.stack([along, across, 0.37 * board], axis=1).astype(np.float32)
    grain = noise(place, 0.02, pattern.number, (25, 1, 1))
    gap = within(across / pattern.size_m + 0.5, 0.06, pixel_m / pattern.size_m)
    return _seen(np.clip(0.45 + 0.5 * grain, 0, 1), 0.45, pixel_m / 0.03), gap


KINDS: Mapping[str, Callable[[Pattern, Floats, float], Covers]] = MappingProxyType(
    {
        "plain": _plain,
        "stripes": _stripes,
        "zigzag": _zigzag,
        "checks": _checks,
        "plaid": _plaid,
        "dots": _dots,
        "flowers": _flowers,
        "blotches": _blotches,
        "panels": _panels,
        "logo": _logo,
        "bricks": _bricks,
        "tiles": _tiles,
        "planks": _planks,
    }
)
