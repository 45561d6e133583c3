"""A person, an outfit and a pose become a figure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.bodies import Body, body_of
from ccreid.synthetic.body.gaits import Gait
from ccreid.synthetic.body.posing import bones_in
from ccreid.synthetic.body.shapes import Build
from ccreid.synthetic.body.skinning import moved
from ccreid.synthetic.body.suit import coarse, suit
from ccreid.synthetic.clothes.bags import BagKind
from ccreid.synthetic.clothes.skirts import COLUMNS, LOWEST, RINGS, Hanging, fall, rings
from ccreid.synthetic.dressing import dressed
from ccreid.synthetic.figure import Figure, Surface
from ccreid.synthetic.meshes import normals_of
from ccreid.synthetic.outfits import Outfit
from ccreid.synthetic.people import Person
from ccreid.synthetic.poses import Arm, Pose

Floats = NDArray[np.float32]

UPRIGHT = Gait(**{field.name: 9.0 if field.name == "arms_out" else 0.0 for field in fields(Gait)})
"""How everybody stands where patterns are laid on cloth."""


@dataclass(frozen=True, eq=False)
class _Still:
    """What of a figure is the same in every pose: all pieces joined, those that bones move before the skirts.

    Attributes
    ----------
    points, weights:
        Of the n vertices that bones move, unposed.
    triangles, surface, cloth, paint, surfaces:
        As in :class:`ccreid.synthetic.figure.Figure`, of all vertices.
    """

    points: Floats
    weights: sparse.csr_array
    hanging: tuple[Hanging, ...]
    triangles: NDArray[np.int32]
    surface: NDArray[np.int32]
    cloth: Floats
    paint: Floats
    surfaces: tuple[Surface, ...]


def make_figure(person: Person, outfit: Outfit, pose: Pose) -> Figure:
    """The person in the outfit, in the pose: standing at the origin, looking towards +z.

    Raises
    ------
    SettingError
        anny is not installed.
    """
    body, still = body_of(person.build), _still(person, outfit)
    vertices = _posed(still, body, bones_in(body, person.gait, _carrying(pose, outfit)))
    vertices[:, 1] -= vertices[:, 1].min()
    return Figure(
        vertices=vertices,
        normals=normals_of(vertices, still.triangles),
        triangles=still.triangles,
        surface=still.surface,
        cloth=still.cloth,
        paint=still.paint,
        surfaces=still.surfaces,
        height_m=person.build.height_m,
    )


def _carrying(pose: Pose, outfit: Outfit) -> Pose:
    """The pose with the hand that holds the outfit's bag hanging down."""
    if outfit.bag is None or outfit.bag.kind is not BagKind.HAND:
        return pose
    return replace(pose, left=Arm.CARRY) if outfit.bag.side > 0 else replace(pose, right=Arm.CARRY)


@lru_cache(maxsize=16)
def _still(person: Person, outfit: Outfit) -> _Still:
    clothes, body = dressed(person, outfit), body_of(person.build)
    upright = _upright(person.build)
    skirts = _fallen(body, clothes.hanging, upright)
    pieces = [(one.points, one.triangles) for one in clothes.drawn] + skirts
    starts = np.cumsum([0, *(len(points) for points, _ in pieces[:-1])])
    points = np.concatenate([one.points for one in clothes.drawn])
    weights = sparse.csr_array(sparse.vstack([one.weights for one in clothes.drawn]))
    paint = [np.ones_like(one.points) if one.paint is None else one.paint for one in clothes.drawn]
    return _Still(
        points=points,
        weights=weights,
        hanging=clothes.hanging,
        triangles=np.concatenate([own + start for (_, own), start in zip(pieces, starts, strict=True)]).astype(
            np.int32
        ),
        surface=np.repeat(np.arange(len(pieces), dtype=np.int32), [len(own) for _, own in pieces]),
        cloth=np.concatenate([moved(points, weights, upright), *(hung for hung, _ in skirts)]),
        paint=np.concatenate([*paint, *(np.ones_like(hung) for hung, _ in skirts)]),
        surfaces=(*(one.surface for one in clothes.drawn), *(one.surface for one in clothes.hanging)),
    )


@lru_cache(maxsize=64)
def _upright(build: Build) -> NDArray[np.floating]:
    """Where the bones of everybody of this build are while patterns are laid on cloth: once for all outfits."""
    return bones_in(body_of(build), UPRIGHT, Pose(0, 0))


def _posed(still: _Still, body: Body, bones: NDArray[np.floating]) -> Floats:
    """All vertices where the bones carry them, and the skirts where they fall."""
    hung = [points for points, _ in _fallen(body, still.hanging, bones)]
    return np.concatenate([moved(still.points, still.weights, bones), *hung])


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
    # A raised foot does not lift a skirt that ends at the knee: it is not below it.
    below = coarse() & (sheet.places.height < LOWEST) & (sheet.places.leg < skirt.length + 0.1)
    legs = np.concatenate([moved(hanging.suit[below], sheet.weights[below], bones), *inner])
    joints = [body.joint(bone) for bone in ("neck01", "upperleg01.L", "lowerleg01.L", "foot.L")]
    trunk, thigh, shank = (float(np.linalg.norm(b - a)) for a, b in pairwise(joints))
    drop = skirt.length * (thigh + shank) + LOWEST * trunk
    return fall(skirt, hips.reshape(RINGS, COLUMNS, 3), legs, drop)
