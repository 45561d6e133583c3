"""What covers grounds, walls and things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.colors import draw_color
from ccreid.synthetic.noise import noise
from ccreid.synthetic.patterns import Pattern

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Cover:
    """What covers a wall, the ground or a thing.

    Attributes
    ----------
    pattern, colors:
        (4, 3) linear RGB and how they are spread.
    dirt:
        How uneven it is.
    glow:
        How much it shines by itself: a lamp, a lit window, a screen.
    """

    pattern: Pattern
    colors: Floats
    dirt: float
    glow: float = 0.0

    def albedo(self, across: Floats, along: Floats, pixel_m: float) -> Floats:
        """(N, 3) linear RGB at two coordinates in metres, of which a pixel shows so much."""
        points = np.stack([across, along, np.zeros_like(across)], axis=1)
        dyed = self.colors[:1] if self.pattern.kind == "plain" else self.pattern(points, pixel_m) @ self.colors
        number = self.pattern.number
        stained = 1 + self.dirt * (noise(points, 0.9, number + 1) + 0.5 * noise(points, 0.11, number + 2))
        return np.clip(dyed * stained[:, None], 0.01, 0.95).astype(np.float32)


def draw_cover(
    random: np.random.Generator, kinds: tuple[str, ...], sizes: tuple[float, float], *, calm: float = 0.6
) -> Cover:
    """A cover in one of these patterns; so often it is nearly grey, and its colours differ little."""
    first = draw_color(random, dark=0.08, vivid=0.8)
    other = draw_color(random)
    if random.random() < calm:
        first = np.minimum(0.25 * first + 0.75 * first.mean(), 0.55)
        other = 0.75 * first + 0.25 * other.mean()
    shade = float(np.exp(random.normal(0, 0.35)))
    pattern = Pattern(
        kind=str(random.choice(kinds)),
        size_m=float(random.uniform(*sizes)),
        share=float(random.uniform(0.2, 0.7)),
        turn=float(random.choice((0, 0, np.pi / 2))),
        number=int(random.integers(10_000)),
        high_m=float(random.uniform(0.3, 1.3)),
    )
    colors = np.stack([first, shade * first, 0.45 * first + 0.02, other])
    return Cover(pattern, np.clip(colors, 0.01, 0.9).astype(np.float32), float(random.uniform(0.03, 0.3)))


def plain(color: NDArray[np.floating], *, dirt: float = 0.05, glow: float = 0.0) -> Cover:
    """A cover in one colour (3,)."""
    return Cover(Pattern("plain", 1.0, 0.5, 0.0, 0), np.repeat(color[None], 4, axis=0).astype(np.float32), dirt, glow)
