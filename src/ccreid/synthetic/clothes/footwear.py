"""Shoes and boots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccreid.synthetic.body.looks import Color
from ccreid.synthetic.body.suit import Places, suit
from ccreid.synthetic.clothes.draping import Undressed
from ccreid.synthetic.clothes.layers import LEG_M, Edges, sewn
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.fabric import Fabric, draw_fabric
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.parts import Drawn, in_fabric

SOLE_M = -0.803
"""Height on the base mesh at which soles begin; its feet stand at -0.82 m."""


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


def edges_of_shoes(shoes: Shoes, places: Places) -> Edges:
    """How far below its upper edge a point of the shoe lies."""
    return ((places.leg - shoes.shaft) * LEG_M,)


def shoes_of(shoes: Shoes, body: Undressed) -> list[Drawn]:
    """Shoes, soles and socks, unposed."""
    places = suit().places
    foot = places.leg > 0.9
    points = body.points + 0.007 * body.normals
    points[:, 1] = np.where(foot, np.maximum(points[:, 1], 0.0), points[:, 1])
    points[:, 2] += shoes.toe_m * np.clip((places.at[:, 2] - 0.09) / 0.1, 0, 1) ** 2 * foot
    lower = ramp(-places.at[:, 1], 0.79, 0.82)
    sole = points + np.stack([body.normals[:, 0] * 0.004, -lower * shoes.sole_m, body.normals[:, 2] * 0.004], axis=1)
    above = places.at[:, 1] - SOLE_M
    drawn = [
        sewn((*edges_of_shoes(shoes, places), above), points, in_fabric(Part.SHOES, shoes.fabric, shoes.gloss)),
        sewn((0.006 - above,), sole, Surface(Part.SHOES, np.array(shoes.sole, np.float32))),
    ]
    if shoes.sock is not None:
        edges = ((places.leg - shoes.sock_end) * LEG_M, (shoes.shaft + 0.03 - places.leg) * LEG_M)
        thin = body.points + 0.003 * body.normals
        drawn.append(sewn(edges, thin, Surface(Part.SHOES, np.array(shoes.sock, np.float32))))
    return drawn
