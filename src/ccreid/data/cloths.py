"""Cloth that no wardrobe holds: colours and patterns drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

PATTERNED = 0.55
"""The share of cloths that are not of one colour."""


def drawn_cloth(random: np.random.Generator, height: int, width: int) -> Floats:
    """(height, width, 3) linear RGB in [0, 1]: plain, or two or three colours in a pattern."""
    cloth = np.full((height, width, 3), drawn_colour(random), np.float32)
    if random.random() >= PATTERNED:
        return cloth
    pattern = _PATTERNS[int(random.integers(len(_PATTERNS)))]
    for _ in range(random.integers(1, 3)):
        share = pattern(random, height, width)[..., None]
        cloth += (drawn_colour(random) - cloth) * share
    return cloth


def drawn_colour(random: np.random.Generator) -> Floats:
    """(3,) linear RGB as clothes have it: dark ones, greys and muted ones more often than bright ones."""
    light = 0.02 + 0.88 * random.random() ** 2
    strength = 0.0 if random.random() < 0.3 else random.beta(1.3, 1.8)
    hue = random.random()
    channels = [light * (1 + strength * math.cos(2 * math.pi * (hue + third / 3))) for third in range(3)]
    return np.array(channels, np.float32).clip(0, 1)


def _stripes(random: np.random.Generator, height: int, width: int) -> Floats:
    """How much of the second colour there is: lines across, along or aslant."""
    angle = random.choice((0, np.pi / 2, random.uniform(0, np.pi)))
    period = random.uniform(3, max(4, height / 3))
    rows, columns = np.ogrid[:height, :width]
    wave = np.cos(2 * np.pi * ((rows * np.cos(angle) + columns * np.sin(angle)) / period + random.random()))
    return _edged(wave + random.uniform(-0.7, 0.7), period / 6)


def _checks(random: np.random.Generator, height: int, width: int) -> Floats:
    period, offsets = random.uniform(4, max(5, height / 3)), random.random(2)
    thick = random.uniform(-0.6, 0.6)
    down, across = (
        _edged(np.cos(2 * np.pi * (np.arange(size) / period + offset)) + thick, period / 6)
        for size, offset in zip((height, width), offsets, strict=True)
    )
    return (down[:, None] + across) * np.float32(0.5)


def _patches(random: np.random.Generator, height: int, width: int) -> Floats:
    """Spots of any shape, as of a print or of camouflage."""
    size = random.uniform(2, max(3, height / 4))
    grid = random.standard_normal((int(height / size) + 2, int(width / size) + 2))
    return _edged(_between(grid, height, width) + random.uniform(-0.5, 0.7), 1.5)


_PATTERNS: Sequence[Callable[[np.random.Generator, int, int], Floats]] = (_stripes, _stripes, _checks, _patches)


def _edged(height: NDArray[np.float64], steepness: float) -> Floats:
    """0 below zero, 1 above, with an edge of about a pixel."""
    return np.clip(0.5 + height * steepness, 0, 1).astype(np.float32)


def _between(grid: NDArray[np.float64], height: int, width: int) -> NDArray[np.float64]:
    """A small grid of values at (height, width) places, linearly between them."""
    for axis, size in enumerate((height, width)):
        places = np.linspace(0, grid.shape[axis] - 1.001, size)
        first = places.astype(np.int64)
        rest = (places - first).reshape((-1, 1) if axis == 0 else (1, -1))
        grid = grid.take(first, axis) * (1 - rest) + grid.take(first + 1, axis) * rest
    return grid
