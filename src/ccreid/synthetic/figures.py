"""A person, an outfit and a pose become a figure."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.bodies import Body, body_of
from ccreid.synthetic.body.gaits import Gait
from ccreid.synthetic.body.posing import bones_in
from ccreid.synthetic.body.skinning import moved
from ccreid.synthetic.body.suit import coarse, suit
from ccreid.synthetic.clothes.bags import BagKind
from ccreid.synthetic.clothes.skirts import COLUMNS, LOWEST, RINGS, Hanging, fall, rings
from ccreid.synthetic.dressing import dressed
from ccreid.synthetic.figure import Figure
from ccreid.synthetic.meshes import normals_of
from ccreid.synthetic.outfits import Outfit
from ccreid.synthetic.people import Person
from ccreid.synthetic.poses import Arm, Pose

Floats = NDArray[np.float32]

UPRIGHT = Gait(**{field.name: 9.0 if field.name == "arms_out" else 0.0 for field in fields(Gait)})
"""How everybody stands where patterns are laid on cloth."""


def make_figure(person: Person, outfit: Outfit, pose: Pose) -> Figure:
    """The person in the outfit, in the pose: standing at the origin, looking towards +z.

    Raises
    ------
    SettingError
        anny is not installed.
    """
    body = body_of(person.build)
    bones = bones_in(body, person.gait, _carrying(pose, outfit))
    clothes = dressed(person, outfit)
    pieces = [(moved(one.points, one.weights, bones), one.triangles) for one in clothes.drawn]
    pieces += _fallen(body, clothes.hanging, bones)
    counts = [len(points) for points, _ in pieces]
    vertices = np.concatenate([points for points, _ in pieces])
    vertices[:, 1] -= vertices[:, 1].min()
    starts = np.cumsum([0, *counts[:-1]])
    triangles = np.concatenate([own + start for (_, own), start in zip(pieces, starts, strict=True)]).astype(np.int32)
    surfaces = [one.surface for one in clothes.drawn] + [one.surface for one in clothes.hanging]
    paint = np.ones_like(vertices)
    for one, start in zip(clothes.drawn, starts, strict=False):
        if one.paint is not None:
            paint[start : start + len(one.points)] = one.paint
    return Figure(
        vertices=vertices,
        normals=normals_of(vertices, triangles),
        triangles=triangles,
        surface=np.repeat(np.arange(len(pieces), dtype=np.int32), [len(own) for _, own in pieces]),
        cloth=_cloth(person, outfit),
        paint=paint,
        surfaces=tuple(surfaces),
        height_m=person.build.height_m,
    )


def _carrying(pose: Pose, outfit: Outfit) -> Pose:
    """The pose with the hand that holds the outfit's bag hanging down."""
    if outfit.bag is None or outfit.bag.kind is not BagKind.HAND:
        return pose
    return replace(pose, left=Arm.CARRY) if outfit.bag.side > 0 else replace(pose, right=Arm.CARRY)


@lru_cache(maxsize=16)
def _cloth(person: Person, outfit: Outfit) -> Floats:
    """All vertices where the person stands upright, arms down."""
    body = body_of(person.build)
    bones = bones_in(body, UPRIGHT, Pose(0, 0))
    clothes = dressed(person, outfit)
    pieces = [moved(one.points, one.weights, bones) for one in clothes.drawn]
    pieces += [points for points, _ in _fallen(body, clothes.hanging, bones)]
    return np.concatenate(pieces)


def _fallen(
    body: Body, hanging: tuple[Hanging, ...], bones: NDArray[np.floating]
) -> list[tuple[Floats, NDArray[np.int32]]]:
    """Points and triangles of skirts, the inner ones first: they push the outer ones."""
    fallen: list[tuple[Floats, NDArray[np.int32]]] = []
    for one in hanging:
        fallen.append(_fall(body, one, bones, [points for points, _ in fallen]))
    return fallen


def _fall(
    body: Body, hanging: Hanging, bones: NDArray[np.floating], inner: list[Floats]
) -> tuple[Floats, NDArray[np.int32]]:
    skirt, sheet = hanging.skirt, suit()
    mixture = rings(skirt.top, skirt.gap)
    hips = moved(np.asarray(mixture @ hanging.suit, np.float32), sparse.csr_array(mixture @ sheet.weights), bones)
    below = coarse() & (sheet.places.height < LOWEST)
    legs = np.concatenate([moved(hanging.suit[below], sheet.weights[below], bones), *inner])
    joints = [body.joint(bone) for bone in ("neck01", "upperleg01.L", "lowerleg01.L", "foot.L")]
    trunk, thigh, shank = (float(np.linalg.norm(b - a)) for a, b in pairwise(joints))
    drop = skirt.length * (thigh + shank) + LOWEST * trunk
    return fall(skirt, hips.reshape(RINGS, COLUMNS, 3), legs, drop)
