"""Light: the sun or a lamp, the sky or a ceiling, and what the ground throws back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Light:
    """The light at a moment.

    Attributes
    ----------
    name:
        Of the :class:`Hour`.
    towards:
        (3,) of length 1: where the strongest light comes from.
    direct, above, below:
        (3,) linear RGB of that light, of the sky or ceiling, and of the ground.
    sky:
        (3,) factor on what is seen of the sky.
    softness:
        How far the edge of a shadow is spread, in parts of the distance that throws it.
    """

    name: str
    towards: Floats
    direct: Floats
    above: Floats
    below: Floats
    sky: Floats
    softness: float

    def on(self, normals: Floats, lit: Floats) -> Floats:
        """What falls on (N, 3) directions, of which (N,) is lit by the strongest light: (N, 3) linear RGB."""
        facing = np.clip(normals @ self.towards, 0, None) * lit
        upward = 0.5 + 0.5 * normals[:, 1:2]
        fallen = facing[:, None] * self.direct + upward * self.above + (1 - upward) * self.below
        return np.asarray(fallen, np.float32)


Range = tuple[float, float]
Tint = tuple[float, float, float]


@dataclass(frozen=True)
class Hour:
    """What light is like at some hour, or in some rooms.

    Attributes
    ----------
    common:
        How often it is so.
    rise:
        How high the strongest light stands, degrees.
    share:
        How much of all light comes from there.
    level:
        How much light there is; 1 by day.
    direct, above, sky:
        Its tint, that of the light from all around, and the factor on what is seen of the sky.
    softness:
        As in :class:`Light`.
    """

    name: str
    common: float
    rise: Range
    share: Range
    level: Range
    direct: Tint
    above: Tint
    sky: Tint
    softness: Range


OUTDOORS = (
    Hour("sun", 0.36, (20, 70), (0.5, 0.85), (0.8, 1.2), (1.04, 1, 0.94), (0.88, 0.98, 1.18), (1, 1, 1), (0.01, 0.06)),
    Hour("clouds", 0.32, (30, 80), (0.05, 0.35), (0.6, 1), (1, 1, 1), (0.95, 1, 1.06), (1, 0.95, 0.9), (0.1, 0.3)),
    Hour("low sun", 0.14, (8, 22), (0.4, 0.7), (0.5, 1), (1.3, 1, 0.62), (0.9, 0.95, 1.2), (1, 0.9, 0.8), (0.01, 0.05)),
    Hour("dusk", 0.1, (15, 60), (0.05, 0.3), (0.2, 0.4), (1.2, 1, 0.8), (0.8, 0.9, 1.3), (0.4, 0.35, 0.4), (0.1, 0.3)),
    Hour("night", 0.08, (40, 80), (0.5, 0.8), (0.08, 0.25), (1.3, 1, 0.5), (0.9, 0.9, 1.1), (0, 0, 0.01), (0.03, 0.1)),
)
INDOORS = (
    Hour("lamps", 0.4, (50, 85), (0.1, 0.5), (0.5, 1), (1.15, 1, 0.78), (1.1, 1, 0.85), (1, 1, 1), (0.08, 0.3)),
    Hour("tubes", 0.35, (60, 88), (0.05, 0.3), (0.6, 1.1), (0.96, 1.03, 1), (0.97, 1.02, 1), (1, 1, 1), (0.15, 0.35)),
    Hour("window", 0.25, (18, 50), (0.35, 0.7), (0.4, 1), (0.95, 1, 1.1), (1.02, 1, 0.97), (1, 1, 1), (0.04, 0.2)),
)


def draw_light(random: np.random.Generator, *, indoors: bool) -> Light:
    """A light such as there is in a street at any hour, or in a room."""
    hours = INDOORS if indoors else OUTDOORS
    hour = hours[int(random.choice(len(hours), p=[one.common for one in hours]))]
    turn, rise = random.uniform(0, 2 * np.pi), np.radians(random.uniform(*hour.rise))
    towards = np.array([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], np.float32)
    share, level = random.uniform(*hour.share), random.uniform(*hour.level)
    direct, above = (np.array(tint) * np.exp(random.normal(0, 0.03, 3)) for tint in (hour.direct, hour.above))
    return Light(
        name=hour.name,
        towards=towards,
        direct=(1.9 * level * share * direct).astype(np.float32),
        above=(1.1 * level * (1 - share) * above).astype(np.float32),
        below=(random.uniform(0.25, 0.5) * level * (1 - 0.5 * share) * direct).astype(np.float32),
        sky=np.array(hour.sky, np.float32),
        softness=float(random.uniform(*hour.softness)),
    )
