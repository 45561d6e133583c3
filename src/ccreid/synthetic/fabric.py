"""What cloth looks like."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.patterns import Pattern, noise

Floats = NDArray[np.float32]

_PLAIN = {"plain": 5.0, "heather": 1.5}
PATTERNS: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "shirt": _PLAIN
        | {"stripes": 2, "checks": 0.7, "plaid": 1.2, "dots": 0.6, "print": 1.2, "panels": 0.6, "badge": 2.0},
        "pullover": _PLAIN | {"ribs": 1, "stripes": 1.5, "panels": 1, "badge": 1.5, "print": 0.5, "blotches": 0.2},
        "dress": _PLAIN | {"dots": 1, "print": 3, "stripes": 1, "checks": 0.5},
        "jacket": _PLAIN | {"ribs": 0.5, "checks": 0.5, "plaid": 0.4, "panels": 1, "worn": 0.8, "blotches": 0.4},
        "padded jacket": {"plain": 5, "panels": 1, "blotches": 0.3},
        "coat": _PLAIN | {"checks": 0.5, "plaid": 0.5, "heather": 2},
        "trousers": {"plain": 4, "worn": 4, "heather": 1, "stripes": 0.2, "plaid": 0.3, "blotches": 0.4},
        "shorts": {"plain": 3, "worn": 2, "plaid": 0.5, "print": 0.5, "blotches": 0.4},
        "skirt": _PLAIN | {"plaid": 1, "print": 1, "dots": 0.5, "worn": 1},
    }
)
"""How common each pattern is on garments of a kind; a kind that is not here has its share of plain and mixed cloth."""

_NEUTRAL, _BLUE = 0.45, 0.2
"""So much of all cloth is black, grey or white, and so much is blue."""


@dataclass(frozen=True)
class Fabric:
    """A cloth.

    Attributes
    ----------
    colors:
        (3, 3) linear RGB in [0, 1], of the pattern's three shares.
    pattern:
        How they are spread.
    weave:
        How much its threads vary in brightness.
    cell_m:
        How large those variations are.
    """

    colors: Floats
    pattern: Pattern
    weave: float
    cell_m: float


def draw_fabric(random: np.random.Generator, garment: str) -> Fabric:
    """A cloth such as garments of this kind are made of: its pattern, colours, weave and wear."""
    common = PATTERNS.get(garment, _PLAIN)
    weights = np.array(list(common.values()), float)
    kind = str(random.choice(list(common), p=weights / weights.sum()))
    first = draw_color(random, blue=kind == "worn")
    second = _beside(random, first, near=kind in ("heather", "ribs", "worn"))
    third = draw_color(random)
    sizes = {"ribs": (0.008, 0.03), "heather": (0.02, 0.12), "print": (0.02, 0.14), "blotches": (0.05, 0.22)}
    low, high = sizes.get(kind, (0.012, 0.16))
    straight = 0.0 if random.random() < 0.8 else float(random.choice((np.pi / 2, np.pi / 4)))
    return Fabric(
        colors=np.stack([first, second, third]).astype(np.float32),
        pattern=Pattern(
            kind=kind,
            size_m=float(np.exp(random.uniform(np.log(low), np.log(high)))),
            share=float(random.uniform(0.15, 0.75)),
            turn=straight + float(random.normal(0, 0.02)),
            shift=float(random.random()),
        ),
        weave=float(random.uniform(0.02, 0.22)),
        cell_m=float(random.uniform(0.004, 0.03)),
    )


def albedo(fabric: Fabric, cloth: Floats) -> Floats:
    """(N, 3) linear RGB at (N, 3) points of the cloth in metres, as on a figure that stands upright."""
    mixed = fabric.pattern(cloth) @ fabric.colors
    threads = 1 + fabric.weave * noise(cloth, fabric.cell_m, fabric.pattern.shift)
    faded = 1 + 0.4 * fabric.weave * noise(cloth, 0.18, 0.5 * fabric.pattern.shift)
    return np.asarray(np.clip(mixed * (threads * faded)[:, None], 0.003, 0.95), np.float32)


def draw_color(random: np.random.Generator, *, blue: bool = False) -> Floats:
    """Linear RGB of cloth: mostly black, grey, white, blue and brown, sometimes any."""
    kind = random.random()
    if blue or kind > 1 - _BLUE:
        hue, saturation, value = random.normal(0.61, 0.025), random.uniform(0.2, 0.75), random.uniform(0.12, 0.75)
    elif kind < _NEUTRAL:
        hue, saturation = random.random(), abs(random.normal(0, 0.06))
        value = random.choice((random.uniform(0.05, 0.2), random.uniform(0.2, 0.7), random.uniform(0.8, 0.96)))
    elif kind < _NEUTRAL + 0.12:
        hue, saturation, value = random.normal(0.08, 0.02), random.uniform(0.2, 0.6), random.uniform(0.25, 0.85)
    else:
        hue, saturation, value = random.random(), random.uniform(0.25, 0.95), random.uniform(0.25, 0.92)
    pure = np.array(colorsys.hsv_to_rgb(hue % 1, float(np.clip(saturation, 0, 1)), float(value)))
    shown = np.clip(pure, 0.03, 0.97)
    color: Floats = (shown**2.2).astype(np.float32)
    return color


def _beside(random: np.random.Generator, color: Floats, *, near: bool) -> Floats:
    """A colour that goes with another: a shade of it, or any."""
    if near or random.random() < 0.25:
        shade = color * np.exp(random.choice((-1, 1)) * random.uniform(0.3, 0.9)) + 0.01
        return np.asarray(np.clip(shade, 0.01, 0.9), np.float32)
    return draw_color(random)
