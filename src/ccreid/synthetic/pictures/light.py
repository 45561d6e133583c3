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
    towards:
        (3,) of length 1: where the strongest light comes from.
    direct, above, below:
        (3,) linear RGB of that light, of the sky or ceiling, and of the ground.
    softness:
        How far the edge of a shadow is spread, in parts of the distance that throws it.
    """

    towards: Floats
    direct: Floats
    above: Floats
    below: Floats
    softness: float

    def on(self, normals: Floats, lit: Floats) -> Floats:
        """What falls on (N, 3) directions, of which (N,) is lit by the strongest light: (N, 3) linear RGB."""
        facing = np.clip(normals @ self.towards, 0, None) * lit
        upward = 0.5 + 0.5 * normals[:, 1:2]
        fallen = facing[:, None] * self.direct + upward * self.above + (1 - upward) * self.below
        return np.asarray(fallen, np.float32)


def draw_light(random: np.random.Generator, *, indoors: bool) -> Light:
    """A light such as there is in a street at any hour, or in a room."""
    turn = random.uniform(0, 2 * np.pi)
    rise = np.radians(random.uniform(45, 85) if indoors else random.uniform(12, 70))
    towards = np.array([np.cos(rise) * np.sin(turn), np.sin(rise), np.cos(rise) * np.cos(turn)], np.float32)
    share = random.uniform(0.05, 0.5) if indoors or random.random() < 0.45 else random.uniform(0.5, 0.85)
    warm = random.normal(0.05, 0.07) if indoors else 0.25 * max(0.0, 0.5 - np.sin(rise)) + random.normal(0, 0.03)
    tint = np.array([1 + warm, 1, 1 - 1.2 * warm])
    sky = np.array([1 + 0.6 * warm, 1, 1 - 0.6 * warm]) if indoors else np.array([0.9, 0.98, 1.15])
    return Light(
        towards=towards,
        direct=(1.9 * share * tint).astype(np.float32),
        above=(1.1 * (1 - share) * sky).astype(np.float32),
        below=((0.25 + 0.25 * random.random()) * (1 - 0.5 * share) * tint).astype(np.float32),
        softness=float(random.uniform(0.05, 0.3) if share < 0.5 else random.uniform(0.01, 0.06)),
    )
