"""Shoes and boots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccreid.synthetic.fabric import Fabric, draw_fabric
from ccreid.synthetic.looks import Color


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes.

    Attributes
    ----------
    shaft:
        Where they end, along the leg from the hip (0) to the ankle (1).
    sole_m, sole:
        How thick the sole is, and its colour in linear RGB.
    toe_m:
        How far they reach beyond the toes.
    sock:
        Colour of what is seen above the shoe, None for bare skin; `sock_end` is its upper edge along the leg.
    gloss:
        As in :class:`ccreid.synthetic.figure.Surface`.
    """

    fabric: Fabric
    shaft: float
    sole_m: float
    sole: Color
    toe_m: float
    sock: Color | None
    sock_end: float
    gloss: float


def draw_shoes(random: np.random.Generator) -> Shoes:
    """Trainers, low shoes, boots."""
    boots = random.random() < 0.2
    light = random.random() < 0.45
    sole = np.full(3, random.uniform(0.5, 0.8)) if light else np.full(3, random.uniform(0.005, 0.08))
    sock = np.clip(random.choice((0.01, 0.7, random.random())) * random.uniform(0.8, 1.1, 3), 0, 0.85)
    return Shoes(
        fabric=draw_fabric(random, "boots" if boots else "shoes"),
        shaft=float(random.uniform(0.6, 0.93) if boots else random.uniform(0.97, 1.0)),
        sole_m=float(random.uniform(0.012, 0.04)),
        sole=(float(sole[0]), float(sole[1]), float(sole[2])),
        toe_m=float(random.uniform(0.004, 0.022)),
        sock=None if random.random() < 0.25 else (float(sock[0]), float(sock[1]), float(sock[2])),
        sock_end=float(random.uniform(0.72, 0.95)),
        gloss=float(random.choice((0.05, random.uniform(0.1, 0.6)))),
    )
