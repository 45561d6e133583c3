"""Colours as people see them, drawn and turned into linear RGB."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

HUES = ((262, 20, 0.3), (25, 12, 0.16), (70, 18, 0.24), (145, 25, 0.12), (350, 15, 0.08), (200, 60, 0.1))
"""Centre and spread in degrees, and share: blues, reds, browns with yellows, greens, pinks, all others."""
TONES = ((0.0, 0.018, 0.42), (0.02, 0.08, 0.33), (0.08, 0.2, 0.25))
"""Chroma from and to, and share: greys, muted and vivid colours."""


def draw_color(random: np.random.Generator, dark: float = 0.35, vivid: float = 1.0) -> Floats:
    """(3,) linear RGB of a colour such as cloth has.

    Parameters
    ----------
    dark:
        Share of the colours that are nearly black.
    vivid:
        Factor on the chroma.
    """
    lightness = random.uniform(0.2, 0.36) if random.random() < dark else random.uniform(0.32, 0.96)
    low, high, _ = TONES[int(random.choice(len(TONES), p=[share for *_, share in TONES]))]
    center, spread, _ = HUES[int(random.choice(len(HUES), p=[share for *_, share in HUES]))]
    room = min(1.0, 2.6 * lightness, 4.5 * (1.03 - lightness))
    return of_lch(lightness, vivid * random.uniform(low, high) * room, random.normal(center, spread))


def near(random: np.random.Generator, color: Floats, by: float) -> Floats:
    """A colour that differs by some chance factor."""
    return clipped(color * np.exp(random.normal(0, by)) * np.exp(random.normal(0, by / 4, 3)))


def of_lch(lightness: float, chroma: float, hue_degrees: float) -> Floats:
    """(3,) linear RGB of a colour in OKLCH (B. Ottosson, "A perceptual color space for image processing", 2020)."""
    hue = np.radians(hue_degrees)
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    cones = np.array(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    mixed = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    return clipped(mixed @ cones**3)


def clipped(color: NDArray[np.floating]) -> Floats:
    """The colour within what cloth reflects."""
    return np.asarray(np.clip(color, 0.006, 0.9), np.float32)
