"""Colours in OKLCH against colours whose coordinates are published."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.colors import draw_color, near, of_lch


@pytest.mark.parametrize(
    ("lightness", "chroma", "hue", "linear"),
    [
        # CSS Color 4 gives these for sRGB's own red, lime and blue, which are 1 in one band and 0 in the others.
        (0.628, 0.2577, 29.23, (1, 0, 0)),
        (0.8664, 0.2948, 142.5, (0, 1, 0)),
        (0.452, 0.3132, 264.05, (0, 0, 1)),
        (0.5, 0.0, 0.0, (0.125, 0.125, 0.125)),
    ],
)
def test_published_colours(lightness: float, chroma: float, hue: float, linear: tuple[float, ...]) -> None:
    assert of_lch(lightness, chroma, hue) == pytest.approx(np.clip(linear, 0.006, 0.9), abs=0.004)


def test_some_cloth_is_nearly_black_and_nothing_shines() -> None:
    colors = np.array([draw_color(np.random.default_rng(number), dark=0.5) for number in range(300)])
    assert 0.35 < (colors.max(axis=1) < 0.1).mean() < 0.65
    assert colors.max() <= 0.9


def test_what_is_near_is_nearer_than_any() -> None:
    random = np.random.default_rng(0)
    color = draw_color(random, dark=0)
    close = [np.abs(near(random, color, 0.1) - color).mean() for _ in range(100)]
    others = [np.abs(draw_color(random) - color).mean() for _ in range(100)]
    assert np.mean(close) < 0.3 * np.mean(others)
