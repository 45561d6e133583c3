"""Hats, and hoods that are up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.body.shells import rays, shell
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.fabric import Fabric, draw_fabric
from ccreid.synthetic.figure import Surface
from ccreid.synthetic.meshes import grid_triangles
from ccreid.synthetic.parts import Drawn, bound

Floats = NDArray[np.floating]

COLUMNS, ROWS = 56, 14


class HatKind(StrEnum):
    """Kinds of hats."""

    CAP = "cap"
    BEANIE = "beanie"
    BRIM = "brim"
    HOOD = "hood"


EDGES = {
    HatKind.CAP: ((0, 50), (45, 56), (90, 74), (135, 80), (180, 82)),
    HatKind.BEANIE: ((0, 54), (45, 60), (80, 78), (100, 86), (140, 98), (180, 102)),
    HatKind.BRIM: ((0, 50), (45, 56), (90, 70), (180, 76)),
    HatKind.HOOD: ((0, 46), (30, 54), (55, 78), (72, 118), (90, 140), (180, 140)),
}
"""Degrees from straight ahead, to either side, and from straight up, where each ends."""


@dataclass(frozen=True)
class Hat:
    """A hat.

    Attributes
    ----------
    height:
        From close to the head (0) to high (1).
    brim_m:
        How wide the brim is, or how long the visor.
    """

    kind: HatKind
    fabric: Fabric
    height: float
    brim_m: float


def draw_hat(random: np.random.Generator) -> Hat:
    """A cap, a woollen hat, a hat with a brim."""
    kind = HatKind(random.choice((HatKind.CAP, HatKind.BEANIE, HatKind.BRIM), p=(0.45, 0.4, 0.15)))
    return Hat(kind, draw_fabric(random, "hat"), float(random.random()), float(random.uniform(0.045, 0.085)))


def edge_of(kind: HatKind, turn: Floats) -> Floats:
    """Degrees from straight up at which a hat ends, in directions that are degrees from straight ahead."""
    degrees, down = zip(*EDGES[kind], strict=True)
    edge: Floats = np.interp(np.minimum(turn, 360 - turn), degrees, down)
    return edge


def hat_of(hat: Hat, head: Floats, surface: Surface) -> list[Drawn]:
    """A hat on one head, unposed.

    Parameters
    ----------
    head:
        (m, 3) points of :func:`ccreid.synthetic.body.suit.skin` on this body.
    """
    turn = np.arange(COLUMNS) / COLUMNS * 360
    end = edge_of(hat.kind, turn)
    share = np.linspace(0, 1, ROWS)[:, None]
    down, round_ = share * end, np.broadcast_to(turn, (ROWS, COLUMNS))
    top = 1 - ramp(down, 20, 75)
    if hat.kind is HatKind.HOOD:
        off = 0.03 + 0.012 * top + 0.02 * ramp(down, 90, 140)
    else:
        off = 0.015 + (0.008 + 0.035 * hat.height) * top
    skull = np.asarray(shell(down.ravel(), round_.ravel()) @ head)
    points = (skull + rays(down.ravel(), round_.ravel()) * np.reshape(off, (-1, 1))).reshape(ROWS, COLUMNS, 3)
    drawn = [_drawn(points, surface)]
    if hat.kind in (HatKind.CAP, HatKind.BRIM):
        drawn.append(_drawn(_brim(hat, points[-1], turn), surface, inside_out=True))
    return drawn


def _brim(hat: Hat, edge: Floats, turn: Floats) -> Floats:
    """(3, COLUMNS, 3) from the hat's edge outwards: all round, or in front where it is a visor."""
    out = np.stack([np.sin(np.radians(turn)), np.full(COLUMNS, -0.18), np.cos(np.radians(turn))], axis=1)
    wide = np.full(COLUMNS, hat.brim_m)
    if hat.kind is HatKind.CAP:
        ahead = np.cos(np.radians(turn))
        out = np.broadcast_to((0.0, -0.28, 1.0), out.shape)
        wide = hat.brim_m * ramp(ahead, 0.42, 0.8) * ahead
    inner = edge - np.stack([np.sin(np.radians(turn)), np.zeros(COLUMNS), np.cos(np.radians(turn))], axis=1) * 0.004
    return np.stack([inner + out * (wide * share)[:, None] for share in (0.0, 0.5, 1.0)])


def _drawn(points: Floats, surface: Surface, *, inside_out: bool = False) -> Drawn:
    rows, columns = points.shape[:2]
    triangles = grid_triangles(rows, columns, closed=True)
    flat = points.reshape(-1, 3).astype(np.float32)
    return Drawn(flat, bound(len(flat), {"head": 1}), triangles[:, ::-1] if inside_out else triangles, surface)
