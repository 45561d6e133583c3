"""Where a point lies on the body, in coordinates that are the same for everybody; clothes are cut by these.

They are taken on the base mesh, so a hem at the middle of the thigh is one on every body.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.anatomy import Anatomy
from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.meshes import Piece, kept, subdivided, triangulated

Floats = NDArray[np.float32]

ARMS = ("upperarm", "lowerarm", "wrist", "finger")
LEGS = ("upperleg", "lowerleg", "foot", "toe")


@dataclass(frozen=True, eq=False)
class Places:
    """Where n points lie on the body.

    Attributes
    ----------
    at:
        (n, 3) on the base mesh, metres.
    height:
        (n,) along the trunk: 0 at the hip joints, 1 where the neck begins; below 0 on the legs.
    arm, leg:
        (n,) along the limb: 0 at shoulder or hip, 1 at wrist or ankle; negative outside of it.
    in_arm, in_leg, in_head:
        (n,) how much the point moves with it, 0 to 1.
    """

    at: Floats
    height: Floats
    arm: Floats
    leg: Floats
    in_arm: Floats
    in_leg: Floats
    in_head: Floats

    def mixed(self, mixture: sparse.csr_array) -> Places:
        """The places of mixtures of these points."""
        values = (self.at, self.height, self.arm, self.leg, self.in_arm, self.in_leg, self.in_head)
        return Places(*(np.asarray(mixture @ value, np.float32) for value in values))


@lru_cache(maxsize=1)
def places() -> Places:
    """Of all points of the anatomy."""
    parts = anatomy()
    at = parts.template
    joints = np.asarray(parts.joints @ at)
    hip, neck = joints[parts.bone("upperleg01.L"), 1], joints[parts.bone("neck01"), 1]
    return Places(
        at=at,
        height=((at[:, 1] - hip) / (neck - hip)).astype(np.float32),
        arm=_along(parts, joints, ("upperarm01", "lowerarm01", "wrist")),
        leg=_along(parts, joints, ("upperleg01", "lowerleg01", "foot")),
        in_arm=_share(parts, ARMS),
        in_leg=_share(parts, LEGS),
        in_head=_share(parts, ("neck", "head")),
    )


def _share(parts: Anatomy, bones: tuple[str, ...]) -> Floats:
    chosen = np.array([name.startswith(bones) for name in parts.bones], np.float32)
    return np.asarray(parts.weights @ chosen, np.float32)


def _along(parts: Anatomy, joints: NDArray[np.floating], limb: tuple[str, str, str]) -> Floats:
    """How far along the limb of its own side each point lies, as a share of the limb's length."""
    result = np.zeros(len(parts.template))
    for side, sign in (("L", 1), ("R", -1)):
        first, second, last = (joints[parts.bone(f"{bone}.{side}")] for bone in limb)
        upper, lower = np.linalg.norm(second - first), np.linalg.norm(last - second)
        above = (parts.template - first) @ ((second - first) / upper)
        below = (parts.template - second) @ ((last - second) / lower)
        along = (np.minimum(above, upper) + np.maximum(below, 0)) / (upper + lower)
        result = np.where(parts.template[:, 0] * sign >= 0, along, result)
    return result.astype(np.float32)


@dataclass(frozen=True, eq=False)
class Sheet:
    """A closed sheet round the body, whose points are mixtures of the anatomy's.

    Attributes
    ----------
    piece:
        Its points as mixtures of the anatomy's points.
    places:
        Where they lie.
    weights:
        (n, B) how much each bone moves them.
    """

    piece: Piece
    places: Places
    weights: sparse.csr_array


@lru_cache(maxsize=1)
def suit() -> Sheet:
    """From neck to wrists and toes, a little off the skin: what clothes are cut from."""
    quads = anatomy().meshes["helper-tights"]
    mixture, finer = subdivided(quads, len(anatomy().template))
    return _sheet(kept(Piece(mixture, triangulated(finer))))


@lru_cache(maxsize=1)
def coarse() -> NDArray[np.bool_]:
    """(n,) which of the suit's points are those of the sheet before it was subdivided: the first ones."""
    chosen = np.zeros(suit().piece.mixture.shape[0], np.bool_)
    chosen[: len(np.unique(anatomy().meshes["helper-tights"]))] = True
    return chosen


@lru_cache(maxsize=1)
def skin() -> Sheet:
    """The body itself."""
    everything = sparse.eye_array(len(anatomy().template), format="csr", dtype=np.float32)
    return _sheet(kept(Piece(sparse.csr_array(everything), triangulated(anatomy().meshes["body"]))))


def _sheet(piece: Piece) -> Sheet:
    return Sheet(piece, places().mixed(piece.mixture), sparse.csr_array(piece.mixture @ anatomy().weights))
