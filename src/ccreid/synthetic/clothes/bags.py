"""Bags: on the back, across the body, over one shoulder, in the hand."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import gaussian_filter1d

from ccreid.synthetic.body.bodies import Body
from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.sections import section
from ccreid.synthetic.fabric import Fabric, draw_fabric
from ccreid.synthetic.figure import Surface
from ccreid.synthetic.parts import Drawn, bound
from ccreid.synthetic.solids import ribbon, rounded_box

Floats = NDArray[np.floating]


class BagKind(StrEnum):
    """How a bag is worn."""

    BACKPACK = "backpack"
    ACROSS = "across"
    SHOULDER = "shoulder"
    HAND = "hand"


SIZES = {
    BagKind.BACKPACK: (0.29, 0.42, 0.15),
    BagKind.ACROSS: (0.09, 0.24, 0.31),
    BagKind.SHOULDER: (0.09, 0.31, 0.33),
    BagKind.HAND: (0.12, 0.25, 0.31),
}
"""Metres: from side to side, up, from front to back."""


@dataclass(frozen=True)
class Bag:
    """A bag.

    Attributes
    ----------
    size:
        Factor on :data:`SIZES`.
    side:
        1 is the wearer's left, -1 the right.
    roundness:
        0 is a box, 1 is round.
    strap_m:
        Half the width of its straps.
    """

    kind: BagKind
    fabric: Fabric
    size: float
    side: int
    roundness: float
    strap_m: float
    gloss: float


def draw_bag(random: np.random.Generator) -> Bag:
    """A bag."""
    kind = BagKind(random.choice(list(BagKind), p=(0.42, 0.22, 0.2, 0.16)))
    return Bag(
        kind,
        draw_fabric(random, "bag"),
        size=float(random.uniform(0.6, 1.15)),
        side=1 if random.random() < 0.5 else -1,
        roundness=float(random.uniform(0.15, 0.5)),
        strap_m=float(random.uniform(0.008, 0.025)),
        gloss=float(random.choice((0.03, random.uniform(0.1, 0.5)))),
    )


def bag_of(bag: Bag, body: Body, lying: Floats, surface: Surface) -> list[Drawn]:
    """A bag with its straps, unposed.

    Parameters
    ----------
    lying:
        (n, 3) where the outermost garment has the suit's points.
    """
    if bag.kind is BagKind.BACKPACK:
        return _backpack(bag, body, lying, surface)
    if bag.kind is BagKind.HAND:
        return _handbag(bag, body, surface)
    return _at_the_hip(bag, lying, surface)


def _backpack(bag: Bag, body: Body, lying: Floats, surface: Surface) -> list[Drawn]:
    size = np.array(SIZES[bag.kind]) * bag.size
    neck, spine = body.joint("neck01"), body.joint("spine03")
    height = neck[1] - 0.04 - size[1] / 2
    on_back = (np.abs(lying[:, 1] - height) < size[1] / 2) & (np.abs(lying[:, 0]) < 0.1)
    back = np.percentile(lying[on_back & (lying[:, 2] < spine[2]), 2], 12)
    middle = np.array((0.0, height, back - size[2] / 2 + 0.012))
    pocket = np.array((0.0, -0.22 * size[1], -size[2] / 2))
    drawn = [
        _box(middle, size, bag.roundness, {"spine01": 0.5, "spine03": 0.5}, surface),
        _box(middle + pocket, size * (0.75, 0.45, 0.4), bag.roundness, {"spine01": 0.5, "spine03": 0.5}, surface),
    ]
    for side in (1, -1):
        drawn.append(_strap(_over_shoulder(side), lying, bag.strap_m + 0.008, surface))
    return drawn


def _at_the_hip(bag: Bag, lying: Floats, surface: Surface) -> list[Drawn]:
    """Hanging at one hip, from the other shoulder or from that of its own side."""
    size = np.array(SIZES[bag.kind]) * bag.size
    across = bag.kind is BagKind.ACROSS
    strap = np.asarray(_across(bag.side) @ lying) if across else np.asarray(_beside(bag.side) @ lying)
    lowest = strap[np.argmin(strap[:, 1])]
    middle = lowest + np.array((bag.side * size[0] * 0.5, -size[1] * (0.3 if across else 0.45), 0.0))
    weights = {"root": 0.7, "spine05": 0.3}
    line = _across(bag.side) if across else _beside(bag.side)
    return [
        _box(middle, size, bag.roundness, weights, surface),
        _strap(line, lying, bag.strap_m, surface),
    ]


def _handbag(bag: Bag, body: Body, surface: Surface) -> list[Drawn]:
    size = np.array(SIZES[bag.kind]) * bag.size
    side = "L" if bag.side > 0 else "R"
    elbow, wrist, knuckle = (body.joint(f"{bone}.{side}") for bone in ("lowerarm01", "wrist", "finger3-1"))
    down = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    grip = wrist + 1.15 * (knuckle - wrist)
    ahead = np.array((0.0, 0.0, 1.0)) - down[2] * down
    ahead /= np.linalg.norm(ahead)
    frame = np.stack([np.cross(-down, ahead), -down, ahead])
    points, triangles = rounded_box(size, bag.roundness)
    placed = points @ frame + grip + down * (0.07 + size[1] / 2)
    bones = {f"wrist.{side}": 1.0}
    angle = np.linspace(0, np.pi, 9)
    loop = np.stack([np.zeros(9), 0.09 * np.sin(angle) + size[1] / 2 - 0.01, 0.07 * np.cos(angle)], axis=1)
    handle, strip = ribbon(loop, np.tile((bag.strap_m * 0.6, 0.0, 0.0), (9, 1)), 0.006)
    carried = handle @ frame + grip + down * (0.07 + size[1] / 2)
    return [
        Drawn(placed.astype(np.float32), bound(len(placed), bones), triangles, surface),
        Drawn(carried.astype(np.float32), bound(len(carried), bones), strip, surface),
    ]


def _box(middle: Floats, size: Floats, roundness: float, bones: dict[str, float], surface: Surface) -> Drawn:
    points, triangles = rounded_box(size, roundness)
    return Drawn((points + middle).astype(np.float32), bound(len(points), bones), triangles, surface)


def _strap(line: sparse.csr_array, lying: Floats, half_m: float, surface: Surface) -> Drawn:
    """A strap on the cloth along a line of points on the suit."""
    points = np.asarray(line @ lying)
    smooth = gaussian_filter1d(points, 1.5, axis=0, mode="nearest")
    ahead = np.gradient(smooth, axis=0)
    out = smooth - smooth.mean(axis=0)
    out -= (out * ahead).sum(axis=1, keepdims=True) * ahead / (ahead**2).sum(axis=1, keepdims=True)
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    across = np.cross(ahead, out)
    across *= half_m / np.linalg.norm(across, axis=1, keepdims=True)
    strap, triangles = ribbon(smooth + out * 0.007, across, 0.006)
    weights = sparse.csr_array(sparse.kron(line @ suit().weights, np.ones((4, 1), np.float32)))
    return Drawn(strap, weights, triangles, surface)


@lru_cache(maxsize=2)
def _over_shoulder(side: int) -> sparse.csr_array:
    """From the back over one shoulder and down to below the arm."""
    x, y, z = suit().places.at.T
    tilt = x * side - 0.098 - 0.2 * np.maximum(0, 0.45 - y)
    return section(tilt, (0.42, 0.02), (y, z), np.radians(np.linspace(-30, 200, 24)))


@lru_cache(maxsize=2)
def _across(side: int) -> sparse.csr_array:
    """Once round the trunk, from the shoulder to the hip on the other, given side."""
    x, y, z = suit().places.at.T
    shoulder, hip = np.array((-0.085 * side, 0.56)), np.array((0.19 * side, 0.06))
    along = hip - shoulder
    place = (x - shoulder[0]) * along[1] - (y - shoulder[1]) * along[0]
    reach = (x - shoulder[0]) * along[0] + (y - shoulder[1]) * along[1]
    reach = reach / np.linalg.norm(along)
    return section(place, (0.27, 0.02), (reach, z), np.linspace(0, 2 * np.pi, 48))


@lru_cache(maxsize=2)
def _beside(side: int) -> sparse.csr_array:
    """From the hip in front over the shoulder of the given side to the hip behind."""
    x, y, z = suit().places.at.T
    upright = np.where(suit().places.height < -0.1, 1.0, x * side - 0.115)
    return section(upright, (0.3, 0.02), (y, z), np.radians(np.linspace(-60, 240, 36)))
