"""What cloth looks like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.colors import draw_color, near
from ccreid.synthetic.patterns import COLORS, Pattern
from ccreid.synthetic.yarns import Yarn

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Fabric:
    """A cloth.

    Attributes
    ----------
    colors:
        (4, 3) linear RGB in [0, 1] of the pattern's ground and of what lies on it.
    pattern:
        How they are spread.
    yarn:
        How much brighter or darker they are from point to point.
    """

    colors: Floats
    pattern: Pattern
    yarn: Yarn


def albedo(fabric: Fabric, cloth: Floats, pixel_m: float) -> Floats:
    """(N, 3) linear RGB at (N, 3) points of the cloth in metres, as on a figure that stands upright.

    `pixel_m` is how much of the cloth a pixel shows: finer patterns are seen as their mean.
    """
    dyed = fabric.colors[:1] if fabric.pattern.kind == "plain" else fabric.pattern(cloth, pixel_m) @ fabric.colors
    return np.asarray(np.clip(dyed * fabric.yarn(cloth, pixel_m)[:, None], 0.003, 0.95), np.float32)


@dataclass(frozen=True)
class _Kind:
    """What garments of a kind are made of.

    Attributes
    ----------
    plain:
        The share in one colour.
    patterns, yarns:
        How common the others are.
    heights_m:
        Where a seam or a picture may be.
    """

    plain: float
    patterns: Mapping[str, float]
    yarns: Mapping[str, float]
    heights_m: tuple[float, float] = (1.0, 1.4)


_LOW = (0.3, 0.9)
_ANY = {
    "stripes": 4.0,
    "checks": 1.0,
    "plaid": 2.0,
    "dots": 0.8,
    "flowers": 1.5,
    "blotches": 0.4,
    "panels": 2.0,
    "logo": 4.0,
    "zigzag": 0.3,
}
_LEGS = {"panels": 2.0, "stripes": 0.7, "plaid": 1.2, "checks": 0.8, "blotches": 0.8, "flowers": 0.6}
_SOFT = {"smooth": 3.0, "heather": 1.5, "knit": 0.6}
_FIRM = {"smooth": 3.0, "heather": 1.2, "denim": 0.7, "cord": 0.4}
KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "shirt": _Kind(0.4, _ANY, _SOFT),
        "pullover": _Kind(0.45, _ANY, {"smooth": 1.5, "heather": 2.0, "knit": 2.0}),
        "dress": _Kind(0.3, _ANY | {"flowers": 6.0, "logo": 0.2}, _SOFT),
        "jacket": _Kind(0.68, _ANY | {"logo": 1.0, "flowers": 0.3}, _FIRM),
        "coat": _Kind(0.8, {"checks": 1.0, "plaid": 1.5, "zigzag": 0.7, "panels": 0.8}, _FIRM),
        "padded jacket": _Kind(0.75, {"panels": 3.0, "blotches": 1.0, "logo": 1.0}, {"smooth": 1.0, "quilted": 3.0}),
        "trousers": _Kind(0.82, _LEGS, {"smooth": 2.0, "heather": 0.7, "denim": 3.0, "cord": 0.3}, _LOW),
        "shorts": _Kind(0.65, _LEGS, {"smooth": 2.0, "heather": 0.6, "denim": 1.5}, _LOW),
        "skirt": _Kind(0.5, _LEGS | {"flowers": 2.5}, _SOFT | {"denim": 0.8}, _LOW),
        "scarf": _Kind(0.45, {"stripes": 2.0, "plaid": 3.0, "dots": 0.5}, {"knit": 2.0, "heather": 1.0}),
        "hat": _Kind(0.75, {"stripes": 1.0, "blotches": 0.6, "panels": 1.0}, _SOFT, (1.6, 1.75)),
        "bag": _Kind(0.75, {"panels": 2.0, "flowers": 0.6, "stripes": 0.6, "plaid": 0.4}, _FIRM),
        "shoes": _Kind(0.65, {"panels": 3.0, "stripes": 0.7}, {"smooth": 1.0}, (0.03, 0.07)),
        "boots": _Kind(0.95, {"panels": 1.0}, {"smooth": 1.0}, (0.04, 0.2)),
    }
)
"""What garments are made of, by their kind."""

_SIZES_M = {
    "stripes": (0.008, 0.16),
    "zigzag": (0.02, 0.1),
    "checks": (0.008, 0.08),
    "plaid": (0.05, 0.28),
    "dots": (0.015, 0.1),
    "flowers": (0.025, 0.16),
    "blotches": (0.06, 0.22),
    "panels": (0.1, 0.5),
    "logo": (0.08, 0.4),
}


def draw_fabric(random: np.random.Generator, garment: str) -> Fabric:
    """A cloth such as garments of a kind of :data:`KINDS` are made of: its pattern, colours, yarn and wear."""
    kind = KINDS[garment]
    pattern = "plain" if random.random() < kind.plain else _chosen(random, kind.patterns)
    yarn = _chosen(random, kind.yarns)
    low, high = _SIZES_M.get(pattern, (0.1, 0.2))
    lowest, highest = kind.heights_m
    return Fabric(
        colors=_draw_colors(random, yarn, dark=0.5 if highest < 1 else 0.35),
        pattern=Pattern(
            kind=pattern,
            size_m=float(np.exp(random.uniform(np.log(low), np.log(high)))),
            share=float(random.uniform(0.12, 0.6)),
            turn=_draw_turn(random, pattern),
            number=int(random.integers(10_000)),
            high_m=float(
                random.uniform(max(lowest, 1.15), highest) if pattern == "logo" else random.uniform(*kind.heights_m)
            ),
        ),
        yarn=Yarn(
            kind=yarn,
            wide_m=float(random.uniform(0.003, 0.009)),
            grain=float(random.uniform(0.02, 0.1) if yarn == "smooth" else random.uniform(0.1, 0.35)),
            wear=float(random.beta(1.2, 2.5)),
            number=int(random.integers(10_000)),
        ),
    )


def _draw_colors(random: np.random.Generator, yarn: str, dark: float) -> Floats:
    """A ground and three more colours, which may be like it or unlike it."""
    ground = draw_color(random, dark)
    if yarn == "denim" and random.random() < 0.8:
        worn = random.random() ** 1.5
        blue = np.array([0.02 + 0.18 * worn, 0.035 + 0.26 * worn, 0.09 + 0.34 * worn], np.float32)
        black = np.array([0.02, 0.02, 0.022], np.float32)
        ground = near(random, black, 0.5) if random.random() < 0.25 else near(random, blue, 0.2)
    others = [
        near(random, ground, 0.5) if random.random() < 0.3 else draw_color(random, 0.25, vivid=1.2)
        for _ in range(COLORS - 1)
    ]
    return np.stack([ground, *others])


def _draw_turn(random: np.random.Generator, pattern: str) -> float:
    """Stripes lie or stand; a few lie askew."""
    if random.random() < 0.08:
        return float(random.uniform(0, np.pi))
    return float(np.pi / 2) if pattern == "stripes" and random.random() < 0.3 else 0.0


def _chosen(random: np.random.Generator, weights: Mapping[str, float]) -> str:
    shares = np.array(list(weights.values()))
    return list(weights)[int(random.choice(len(shares), p=shares / shares.sum()))]
