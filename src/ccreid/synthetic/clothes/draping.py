"""How cloth falls round a body: close to it, or straight down from where the body is widest above."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, map_coordinates

from ccreid.synthetic.body.bodies import Body, body_of
from ccreid.synthetic.body.shapes import Build
from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.meshes import normals_of

Floats = NDArray[np.float32]

STEP_M = 0.015
"""Of the rings in which the widths of a limb are looked up."""
ANGLES = 32


@dataclass(frozen=True, eq=False)
class Hang:
    """How far off the suit's n points cloth hangs, each of a limb: metres along :attr:`Undressed.outward`."""

    trunk: Floats
    arms: Floats
    legs: Floats


@dataclass(frozen=True, eq=False)
class Undressed:
    """The suit on one body, unposed.

    Attributes
    ----------
    points, normals:
        (n, 3) of the suit.
    outward:
        (n, 3) of length 1, away from the middle of the trunk or limb.
    hang:
        How far off straight-falling cloth is.
    """

    points: Floats
    normals: Floats
    outward: Floats
    hang: Hang


@lru_cache(maxsize=64)
def undressed(build: Build) -> Undressed:
    """The suit on the body of a build."""
    sheet, body = suit(), body_of(build)
    places = sheet.places
    points = np.asarray(sheet.piece.mixture @ body.points, np.float32)
    normals = normals_of(points, sheet.piece.triangles)
    arm, leg = ramp(places.in_arm, 0.2, 0.8), ramp(places.in_leg, 0.2, 0.8)

    spine = body.joint("spine03")
    axis = np.array(((0, points[:, 1].max(), spine[2]), (0, 0, spine[2])), np.float32)
    torso = (places.in_arm < 0.35) & (places.height > -0.22)
    away, trunk = _fallen(points, torso, axis)
    outward, arms, legs = away * (1 - arm - leg)[:, None], np.zeros_like(trunk), np.zeros_like(trunk)
    for side, sign in (("L", 1), ("R", -1)):
        mine = points[:, 0] * sign >= 0
        line = _line(body, ("upperarm01", "lowerarm01", "wrist"), side)
        away, hanging = _fallen(points, mine & (places.in_arm > 0.6), line)
        outward += np.where(mine, arm, 0)[:, None] * away
        arms += np.where(mine, hanging, 0)
        line = _line(body, ("upperleg01", "lowerleg01", "foot"), side)
        away, hanging = _fallen(points, mine & (places.in_leg > 0.6) & (places.leg > 0.03), line)
        outward += np.where(mine, leg, 0)[:, None] * away
        legs += np.where(mine, hanging, 0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    # Over the shoulders cloth lies on the body, whatever is below.
    standing = ramp((normals * outward).sum(axis=1), -0.1, 0.5)
    hang = Hang(trunk * standing, arms * standing, legs)
    return Undressed(points, normals, outward.astype(np.float32), hang)


def _line(body: Body, bones: tuple[str, str, str], side: str) -> Floats:
    return np.stack([body.joint(f"{bone}.{side}") for bone in bones])


def _fallen(points: Floats, mine: NDArray[np.bool_], line: Floats) -> tuple[Floats, Floats]:
    """For all points the direction away from the line, and how far off the skin straight-falling cloth is.

    Only the points that are `mine` hold cloth up, and only off them does it hang.
    """
    along, middle = _on_line(points, line)
    from_middle = points - middle
    down = line[-1] - line[0]
    down = down / np.linalg.norm(down)
    from_middle = from_middle - (from_middle @ down)[:, None] * down
    radius = np.linalg.norm(from_middle, axis=1)
    away = from_middle / np.maximum(radius, 1e-6)[:, None]
    front = np.cross((1.0, 0.0, 0.0), down)
    angle = np.arctan2(away[:, 0], away @ (front / np.linalg.norm(front))) / (2 * np.pi) * ANGLES
    ring = along / STEP_M
    rings = int(ring[mine].max()) + 2
    widest = np.zeros((rings, ANGLES), np.float32)
    at = np.clip(np.rint(ring).astype(int), 0, rings - 1), np.rint(angle).astype(int) % ANGLES
    np.maximum.at(widest, (at[0][mine], at[1][mine]), radius[mine])
    _fill(widest)
    widest = gaussian_filter1d(widest, 1.2, axis=1, mode="wrap")
    fallen = np.maximum.accumulate(widest, axis=0)
    fallen = gaussian_filter1d(fallen, 2, axis=0, mode="nearest")
    round_again = np.concatenate([fallen, fallen[:, :1]], axis=1)
    straight = map_coordinates(round_again, np.stack([ring, angle % ANGLES]), order=1, mode="nearest")
    off = np.where(mine, np.maximum(0, straight - radius), 0).astype(np.float32)
    return away.astype(np.float32), off


def _on_line(points: Floats, line: Floats) -> tuple[Floats, Floats]:
    """How far along a line of several joints each point lies, and the nearest point of the line."""
    nearest, along, best = np.zeros_like(points), np.zeros(len(points), np.float32), np.full(len(points), np.inf)
    done = 0.0
    for first, last in pairwise(line):
        length = float(np.linalg.norm(last - first))
        share = np.clip((points - first) @ (last - first) / length**2, 0, 1)
        middle = first + share[:, None] * (last - first)
        distance = np.linalg.norm(points - middle, axis=1)
        nearer = distance < best
        nearest[nearer], along[nearer], best[nearer] = middle[nearer], (done + share * length)[nearer], distance[nearer]
        done += length
    return along, nearest


def _fill(widest: Floats) -> None:
    """Give rings and angles without a point the width of their neighbours, in place."""
    for _ in range(ANGLES):
        empty = widest == 0
        if not empty.any():
            return
        near = np.maximum(np.roll(widest, 1, axis=1), np.roll(widest, -1, axis=1))
        widest[empty] = near[empty]
        if not near.any(axis=1).all():
            above = np.maximum(np.roll(widest, 1, axis=0), np.roll(widest, -1, axis=0))
            widest[~near.any(axis=1)] = above[~near.any(axis=1)]
