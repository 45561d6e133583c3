"""Hair: a shell on the skull that ends at the hairline, and what hangs from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from ccreid.synthetic.body.looks import Hair, Tied
from ccreid.synthetic.body.shells import rays, shell
from ccreid.synthetic.curves import ramp, taut_from_first, waves
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.meshes import grid_triangles
from ccreid.synthetic.parts import Drawn, bound
from ccreid.synthetic.solids import rounded_box, tube

Floats = NDArray[np.floating]

COLUMNS, ROWS, FALLING = 56, 16, 14
HAIRLINE = (
    *((0, 50.0), (22, 53.0), (40, 63.0), (58, 74.0), (74, 98.0), (84, 96.0), (92, 84.0), (104, 88.0), (122, 112.0)),
    *((150, 122.0), (180, 124.0)),
)
"""Degrees from straight ahead, to either side, and from straight up, where hair ends: forehead, temple, ear, nape."""
COVERED = 120.0
"""What reaches down so far, in degrees from straight up, holds all hair in."""
WREATH = 62.0
"""Degrees from straight up at which the hair of a bald head begins."""


@dataclass(frozen=True, eq=False)
class Around:
    """What is worn on trunk and shoulders, on which hair lies: (k, 3) points and the (k, B) weights of their bones."""

    points: Floats
    weights: sparse.csr_array


def hair_of(hair: Hair, head: Floats, size_m: float, around: Around, under: Floats) -> list[Drawn]:
    """The hair on one head, unposed.

    Parameters
    ----------
    head:
        (m, 3) points of :func:`ccreid.synthetic.body.suit.skin` on this body.
    size_m:
        The head's height.
    under:
        (COLUMNS,) degrees from straight up down to which a hat presses the hair flat; 0 without a hat.
    """
    if hair.bald >= 1:
        return []
    turn = np.arange(COLUMNS) / COLUMNS * 360
    begin, end = _bounds(hair, turn)
    share = np.linspace(0, 1, ROWS)[:, None]
    down = begin + (end - begin) * share
    off = _thickness(hair, turn, down, end) * size_m
    off = np.where(down < under + 4, np.minimum(off, 0.006), off)
    columns = np.broadcast_to(turn, down.shape)
    skull = np.asarray(shell(down.ravel(), columns.ravel()) @ head)
    points = (skull + rays(down.ravel(), columns.ravel()) * off.reshape(-1, 1)).reshape(ROWS, COLUMNS, 3)
    out = hair.length > 0 and under.max() < COVERED
    if out and hair.tied is Tied.LOOSE:
        points = np.concatenate([points, _falling(hair, turn, points, size_m, around.points)])
    rows = len(points)
    triangles = grid_triangles(rows, COLUMNS, closed=True)
    crossed = rays(np.repeat(np.linspace(0, 180, rows), COLUMNS), np.tile(turn, rows))
    drawn = [_drawn(points.reshape(-1, 3), triangles, hair, _strands(hair, crossed), around)]
    if out and hair.tied is not Tied.LOOSE:
        drawn += _tied(hair, head, size_m, around)
    return drawn


def _bounds(hair: Hair, turn: Floats) -> tuple[Floats, Floats]:
    """Degrees from straight up at which hair begins and ends in every column."""
    side = np.minimum(turn, 360 - turn)
    degrees, line = zip(*HAIRLINE, strict=True)
    end = np.interp(side, degrees, line)
    front = 1 - ramp(side, 20, 75)
    uneven = 8 * hair.parting * np.sin(np.radians(turn))
    recedes = np.clip((hair.bald - 0.15) / 0.65, 0, 1)
    temples = np.sin(np.radians(np.minimum(side, 45) * 4)) ** 2
    end = end + front * (hair.fringe * (26 + uneven) - recedes * (26 + 12 * temples))
    begin = np.zeros(COLUMNS)
    if hair.bald > 0.8:
        begin = np.full(COLUMNS, WREATH)
        end = np.where(side < 62, WREATH, end)
    return begin, np.maximum(end, begin)


def _thickness(hair: Hair, turn: Floats, down: Floats, end: Floats) -> Floats:
    """How thick the hair lies, in parts of the head's height."""
    sides = min(hair.sides, 0.025) if hair.length > 0 and hair.tied is not Tied.LOOSE else hair.sides
    top = min(hair.top, 0.035) if hair.length > 0 and hair.tied is not Tied.LOOSE else hair.top
    if hair.bald > 0.8:
        top = sides = min(sides, 0.04)
    high = 1 - ramp(down, 35, 85)
    thick = sides + (top - sides) * high * (1 - 0.5 * min(1.0, hair.bald))
    ridge = 1 + 0.25 * hair.parting * np.sin(np.radians(turn)) * high
    rim = np.sqrt(np.clip((end - down) / 14, 0, 1))
    directions = rays(down.ravel(), np.broadcast_to(turn, down.shape).ravel())
    frizz = 1 + 0.3 * hair.curl * waves(directions * 9).reshape(down.shape)
    return 0.012 + thick * ridge * frizz * (0.25 + 0.75 * rim)


def _falling(hair: Hair, turn: Floats, cap: Floats, size_m: float, around: Floats) -> Floats:
    """(FALLING, COLUMNS, 3) what hangs from the cap's rim: at the sides to the shoulders, behind as long as it is."""
    side = np.minimum(turn, 360 - turn)
    edge, axis = cap[-1], cap[:, :, [0, 2]].reshape(-1, 2).mean(axis=0)
    out = np.stack([np.sin(np.radians(turn)), np.cos(np.radians(turn))], axis=1)
    radius = ((edge[:, [0, 2]] - axis) * out).sum(axis=1)
    full = ((cap[ROWS // 2 :, :, [0, 2]] - axis) * out).sum(axis=2).max(axis=0)
    lowest = edge[:, 1].min() - 0.05 * size_m - hair.length * size_m * ramp(side, 52, 88)
    for height in np.linspace(edge[:, 1].min(), lowest.min(), 12):  # hair ends where shoulders stand too far out
        allowed = full + 0.065 * ramp(side, 110, 140)
        stopped = _reach(around, axis, out, np.full(COLUMNS, height)) > allowed
        lowest = np.where(stopped, np.maximum(lowest, height), lowest)
    drop = np.maximum(0, edge[:, 1] - lowest) * ramp(side, 48, 80)
    share = np.arange(FALLING + 1)[:, None] / FALLING
    height = edge[:, 1] - drop * share
    hung = radius + (full - radius) * ramp(share, 0, 0.25) - 0.15 * drop * share
    hung = hung * (1 + 0.05 * hair.curl * share * np.sin(np.radians(turn) * 11 + 6 * share))
    worn = np.stack([_reach(around, axis, out, level) for level in height]) + 0.022
    hung = taut_from_first(np.concatenate([hung[:1], np.maximum(hung, worn)[1:]]))
    flat = axis + out * np.where(drop > 0.01, hung, radius)[:, :, None]
    hanging = np.stack([flat[:, :, 0], height, flat[:, :, 1]], axis=2)
    return np.where((drop > 0.01)[:, None], hanging, edge)[1:]


def _reach(around: Floats, axis: Floats, out: Floats, height: Floats) -> Floats:
    """How far what is worn reaches from the axis in each direction at its height; -1 where nothing is."""
    flat = around[:, [0, 2]] - axis
    along = flat @ out.T
    across = np.abs(flat @ np.stack([out[:, 1], -out[:, 0]]))
    near = (np.abs(around[:, 1, None] - height) < 0.03) & (across < 0.03) & (along > 0)
    reached: Floats = np.where(near, along, -1.0).max(axis=0)
    return reached


def _tied(hair: Hair, head: Floats, size_m: float, around: Around) -> list[Drawn]:
    """A bun, a tail or a braid at the back of the head."""
    down = np.array((105 - 80 * hair.tie_height,))
    behind = np.array((180.0,))
    start = np.asarray(shell(down, behind) @ head)[0]
    away = rays(down, behind)[0]
    if hair.tied is Tied.BUN:
        size = size_m * (0.24 + 0.16 * min(1.0, hair.length))
        points, triangles = rounded_box(np.array((size, size, size * 0.85)), 1.0)
        placed = points + start + away * size * 0.38
        return [_drawn(placed, triangles, hair, _strands(hair, points / size * 4), around)]
    length = size_m * (0.35 + hair.length)
    share = np.linspace(0, 1, 16)
    line = start + away * (0.005 + 0.075 * np.sin(np.minimum(share * 4, 1.6)))[:, None]
    line[:, 1] -= length * np.maximum(0, share - 0.06) - 0.02 * np.sin(np.minimum(share * 6, np.pi))
    out = np.tile((0.0, -1.0), (len(line), 1))
    line[:, 2] = np.minimum(line[:, 2], -_reach(around.points, np.zeros(2), out, line[:, 1]) - 0.02)
    wide = size_m * (0.1 + 0.06 * hair.top / 0.13) * (1 - 0.65 * share**2)
    wide[0] *= 0.6
    if hair.tied is Tied.BRAID:
        wide = wide * 0.8 * (1 + 0.22 * np.sin(share * 60))
    points, triangles = tube(line, wide)
    return [_drawn(points, triangles, hair, _strands(hair, points * 12), around)]


def _drawn(points: Floats, triangles: NDArray[np.int32], hair: Hair, paint: Floats, around: Around) -> Drawn:
    """Hair moves with the head; the nearer it hangs to what is worn, the more it moves with that."""
    distance, nearest = (np.asarray(found) for found in cKDTree(around.points).query(points))
    hanging = ramp(-distance, -0.09, -0.04)
    on_head = sparse.diags_array(1 - hanging) @ bound(len(points), {"head": 1})
    weights = on_head + sparse.diags_array(hanging) @ around.weights[nearest]
    surface = Surface(Part.HAIR, np.array(hair.color, np.float32), gloss=0.25 * (1 - hair.curl) + 0.05)
    return Drawn(points.astype(np.float32), sparse.csr_array(weights), triangles, surface, paint.astype(np.float32))


def _strands(hair: Hair, at: Floats) -> Floats:
    """(n, 3) lighter and darker strands."""
    fine = waves(at * (14, 3, 14) * (1 + hair.curl))
    return np.repeat(np.exp(0.16 * fine)[:, None], 3, axis=1)
