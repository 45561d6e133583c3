"""What stands in rooms and streets, put together from boxes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.colors import draw_color
from ccreid.synthetic.pictures.covers import Cover, draw_cover, plain

Floats = NDArray[np.float32]

WOOD, METAL = ("planks", "plain"), ("plain", "plain", "blotches")
SURFACES = ("plain", "plain", "bricks", "tiles", "stripes", "planks", "blotches")


@dataclass(frozen=True, eq=False)
class Box:
    """A box with its sides along the axes: (3,) lowest and highest corner in metres."""

    low: Floats
    high: Floats
    cover: Cover


@dataclass(frozen=True, eq=False)
class Thing:
    """Boxes that stand together, and (3,) the corners of what they fill."""

    boxes: Boxes
    low: Floats
    high: Floats


Boxes = tuple[Box, ...]
"""Of a thing as it is drawn: x is from its middle, z from its front away from the eye, y from the ground."""


def placed(boxes: Boxes, across_m: float, away_m: float) -> Thing:
    """A thing somewhere in a scene."""
    at = np.array([across_m, 0, away_m], np.float32)
    low, high = np.min([box.low for box in boxes], axis=0), np.max([box.high for box in boxes], axis=0)
    return Thing(tuple(Box(box.low + at, box.high + at, box.cover) for box in boxes), low + at, high + at)


def _box(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], cover: Cover) -> Box:
    low, high = np.array([x, y, z], np.float32).T
    return Box(low.copy(), high.copy(), cover)


def _glass(random: np.random.Generator) -> Cover:
    """A pane, behind which it is dark or lit."""
    lit = random.random() < 0.4
    tint = np.array([1.0, 0.85, 0.6]) if lit else np.array([0.1, 0.13, 0.16])
    return plain(tint * random.uniform(0.5, 1), dirt=0.4, glow=float(random.uniform(0.2, 0.8)) if lit else 0.0)


def _block(random: np.random.Generator) -> Boxes:
    """A cupboard, a counter, a bin, a column, a box."""
    wide, high, deep = np.exp(random.uniform(np.log((0.3, 0.4, 0.2)), np.log((3.0, 2.6, 1.2))))
    return (_box((-wide / 2, wide / 2), (0, high), (0, deep), draw_cover(random, SURFACES, (0.1, 0.7))),)


def _shelf(random: np.random.Generator) -> Boxes:
    """Boards with goods of many colours on them."""
    wide, high, deep = random.uniform((0.8, 1.0, 0.25), (3.2, 2.4, 0.5))
    frame = draw_cover(random, WOOD, (0.08, 0.3))
    back = _box((-wide / 2, wide / 2), (0, high), (deep - 0.02, deep), frame)
    levels = np.linspace(0.05, high, int(random.integers(3, 7)))
    boxes = [back, *(_box((-wide / 2, wide / 2), (level, level + 0.03), (0, deep), frame) for level in levels)]
    for level, above in itertools.pairwise(levels):
        x = -wide / 2
        while x < wide / 2 - 0.1 and len(boxes) < 45:
            broad = float(random.uniform(0.06, 0.45))
            tall = float(random.uniform(0.3, 0.95)) * (above - level - 0.03)
            if random.random() < 0.85:
                cover = plain(draw_color(random, dark=0.1, vivid=1.2), dirt=0.5)
                boxes.append(_box((x, min(x + broad, wide / 2)), (level, level + tall), (0.04, deep - 0.04), cover))
            x += broad + 0.02
    return tuple(boxes)


def _table(random: np.random.Generator) -> Boxes:
    wide, high, deep = random.uniform((0.7, 0.65, 0.5), (2.0, 0.95, 0.9))
    cover = draw_cover(random, WOOD, (0.08, 0.3))
    legs = [
        _box((x, x + 0.06), (0, high), (z, z + 0.06), cover)
        for x in (-wide / 2 + 0.03, wide / 2 - 0.09)
        for z in (0.03, deep - 0.09)
    ]
    return (_box((-wide / 2, wide / 2), (high - 0.04, high), (0, deep), cover), *legs)


def _seat(random: np.random.Generator) -> Boxes:
    """A chair, a bench, a sofa."""
    wide, high, deep = random.uniform((0.45, 0.4, 0.4), (2.2, 0.5, 0.8))
    cover, thick = draw_cover(random, SURFACES, (0.05, 0.3)), float(random.choice((0.05, 0.3)))
    boxes = [
        _box((-wide / 2, wide / 2), (high - thick, high), (0, deep), cover),
        _box((-wide / 2, wide / 2), (high, high + 0.45), (deep - 0.12, deep), cover),
    ]
    legs = plain(draw_color(random, dark=0.7))
    boxes += [_box((x, x + 0.05), (0, high - thick), (0.02, deep - 0.02), legs) for x in (-wide / 2, wide / 2 - 0.05)]
    return tuple(boxes)


def _car(random: np.random.Generator) -> Boxes:
    """From its side, parked."""
    long, high, wide = random.uniform((3.6, 1.4, 1.6), (4.9, 1.9, 1.9))
    paint = plain(draw_color(random, dark=0.3, vivid=1.2), dirt=0.08)
    tyre, glass = plain(np.full(3, 0.015)), plain(np.array([0.03, 0.04, 0.05]), dirt=0.5)
    waist = 0.55 * high
    front, rear = -0.5 * long + random.uniform(0.6, 1.3), 0.5 * long - random.uniform(0.1, 0.8)
    boxes = [
        _box((-long / 2, long / 2), (0.22, waist), (0.03, wide), paint),
        _box((front, rear), (waist, high - 0.06), (0.12, wide - 0.1), glass),
        _box((front + 0.1, rear - 0.1), (high - 0.06, high), (0.12, wide - 0.1), paint),
        _box((-long / 2 - 0.01, -long / 2 + 0.15), (0.6, 0.72), (0.02, 0.4), plain(np.full(3, 0.8), glow=0.3)),
        _box((long / 2 - 0.12, long / 2 + 0.01), (0.6, 0.75), (0.02, 0.4), plain(np.array([0.5, 0.02, 0.02]))),
    ]
    boxes += [_box((x, x + 0.06), (waist, high), (0.11, 0.2), paint) for x in (front, (front + rear) / 2, rear - 0.06)]
    for middle in (-0.31 * long, 0.31 * long):
        boxes += [_box((middle - r, middle + r), (0.31 - h, 0.31 + h), (0, 0.2), tyre) for r, h in _ROUND]
        boxes.append(_box((middle - 0.16, middle + 0.16), (0.16, 0.47), (-0.01, 0), plain(np.full(3, 0.3))))
    return tuple(boxes)


_ROUND = ((0.32, 0.12), (0.26, 0.23), (0.14, 0.31))
"""Half as wide and half as high are boxes that look like a wheel together."""


def _post(random: np.random.Generator) -> Boxes:
    """A lamp post, a sign, a young tree's trunk, a pillar."""
    thick, high = float(np.exp(random.uniform(np.log(0.05), np.log(0.5)))), float(random.uniform(1.2, 5))
    boxes = [_box((-thick / 2, thick / 2), (0, high), (0, thick), draw_cover(random, METAL, (0.1, 0.5)))]
    if random.random() < 0.4:
        wide, tall = random.uniform(0.3, 0.9, 2)
        sign = draw_cover(random, ("plain", "stripes", "checks"), (0.1, 0.4), calm=0.1)
        boxes.append(_box((-wide / 2, wide / 2), (high - tall, high), (-0.03, 0), sign))
    return tuple(boxes)


def _hedge(random: np.random.Generator) -> Boxes:
    wide, high, deep = random.uniform((0.5, 0.4, 0.4), (5.0, 2.2, 1.0))
    cover = draw_cover(random, ("blotches", "flowers"), (0.05, 0.2))
    green = np.array([0.5, 1.0, 0.25]) * random.uniform(0.05, 0.25)
    colors = green * np.array([[1.0], [0.55], [0.25], [1.5]])
    leaves = Cover(cover.pattern, colors.astype(np.float32), 0.6)
    pot = _box((-wide / 2, wide / 2), (0, 0.3), (0, deep), draw_cover(random, ("plain", "bricks"), (0.1, 0.3)))
    crown = _box((-wide / 2 - 0.05, wide / 2 + 0.05), (0.3, high), (-0.05, deep + 0.05), leaves)
    return (pot, crown)


def _lamp(random: np.random.Generator) -> Boxes:
    """A standing lamp, or a screen that shines."""
    high, wide = float(random.uniform(1.2, 1.9)), float(random.uniform(0.25, 0.7))
    warm = np.array([1.0, 0.82, 0.55]) if random.random() < 0.7 else random.uniform(0.3, 1, 3)
    shade = plain(0.9 * warm, dirt=0.1, glow=float(random.uniform(0.5, 1.5)))
    stand = plain(draw_color(random, dark=0.6))
    return (
        _box((-0.02, 0.02), (0, high), (0.1, 0.14), stand),
        _box((-wide / 2, wide / 2), (high, high + 0.4), (0, 0.25), shade),
    )


def _window(random: np.random.Generator) -> Boxes:
    """Panes in a frame."""
    wide, high = random.uniform((0.6, 0.7), (2.6, 1.8))
    low = float(random.uniform(0.1, 1.4))
    frame, glass = plain(draw_color(random, dark=0.2), dirt=0.1), _glass(random)
    boxes = [_box((-wide / 2, wide / 2), (low, low + high), (-0.05, 0), frame)]
    panes = int(random.integers(1, 4))
    edges = np.linspace(-wide / 2, wide / 2, panes + 1)
    boxes += [
        _box((left + 0.05, right - 0.05), (low + 0.06, low + high - 0.06), (-0.06, 0), glass)
        for left, right in itertools.pairwise(edges)
    ]
    return tuple(boxes)


def _door(random: np.random.Generator) -> Boxes:
    """A door in its frame, with a handle; some have a pane."""
    wide, high = float(random.uniform(0.8, 1.8)), float(random.uniform(1.95, 2.4))
    frame, leaf = plain(draw_color(random, dark=0.2)), draw_cover(random, ("plain", "planks", "plain"), (0.1, 0.4))
    boxes = [
        _box((-wide / 2 - 0.08, wide / 2 + 0.08), (0, high + 0.08), (-0.04, 0), frame),
        _box((-wide / 2, wide / 2), (0, high), (-0.05, 0), leaf),
        _box((wide / 2 - 0.15, wide / 2 - 0.05), (0.98, 1.03), (-0.09, 0), plain(np.full(3, 0.4))),
    ]
    if random.random() < 0.4:
        boxes.append(_box((-wide / 2 + 0.15, wide / 2 - 0.2), (1.0, high - 0.2), (-0.06, 0), _glass(random)))
    return tuple(boxes)


def _poster(random: np.random.Generator) -> Boxes:
    """A picture, a notice, a shop's sign."""
    wide, high = np.exp(random.uniform(np.log((0.3, 0.3)), np.log((2.5, 1.4))))
    low = float(random.uniform(0.8, 2.2))
    drawn = draw_cover(random, ("flowers", "stripes", "blotches", "plaid", "dots"), (0.08, 0.5), calm=0.1)
    frame = plain(draw_color(random, dark=0.5))
    return (
        _box((-wide / 2 - 0.03, wide / 2 + 0.03), (low - 0.03, low + high + 0.03), (-0.03, 0), frame),
        _box((-wide / 2, wide / 2), (low, low + high), (-0.04, 0), drawn),
    )


def _rail(random: np.random.Generator) -> Boxes:
    """A railing or a fence."""
    wide, high = float(random.uniform(1.5, 5)), float(random.uniform(0.7, 1.3))
    cover = plain(draw_color(random, dark=0.4))
    bars = np.arange(-wide / 2, wide / 2, max(0.14, wide / 24))
    top = _box((-wide / 2, wide / 2), (high - 0.05, high), (0, 0.04), cover)
    return (top, *(_box((x, x + 0.03), (0, high), (0, 0.03), cover) for x in bars))


_Draws = Mapping[Callable[[np.random.Generator], Boxes], float]
ROOM: _Draws = MappingProxyType(
    {_block: 2.0, _shelf: 3.0, _table: 2.0, _seat: 3.0, _lamp: 1.2, _post: 0.6, _hedge: 0.5}
)
STREET: _Draws = MappingProxyType({_block: 1.5, _car: 4.0, _post: 3.0, _hedge: 2.5, _seat: 1.0, _rail: 1.5})
WALL: _Draws = MappingProxyType({_window: 3.0, _door: 2.0, _poster: 2.0})
"""What stands indoors, outdoors, and what hangs on walls, and how common it is."""


def draw_boxes(random: np.random.Generator, common: _Draws) -> Boxes:
    """What one of these things is, at the origin."""
    weights = np.array(list(common.values()))
    return list(common)[int(random.choice(len(weights), p=weights / weights.sum()))](random)
