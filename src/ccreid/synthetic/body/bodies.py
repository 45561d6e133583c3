"""A person's body before it is posed: points of skin and of the sheets that clothes are cut from, and joints."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.shapes import Build, mixture


@dataclass(frozen=True, eq=False)
class Body:
    """A body in the pose of the base mesh: arms and legs slightly spread.

    Attributes
    ----------
    points:
        (V, 3) float32 metres, soles at y = 0; the points of :class:`ccreid.synthetic.body.anatomy.Anatomy`.
    joints:
        (B, 3) float32 where each bone turns.
    height_m:
        From the soles to the crown.
    """

    points: NDArray[np.float32]
    joints: NDArray[np.float32]
    height_m: float

    def joint(self, bone: str) -> NDArray[np.float32]:
        """Where a bone turns, (3,)."""
        position: NDArray[np.float32] = self.joints[anatomy().bone(bone)]
        return position


@lru_cache(maxsize=64)
def body_of(build: Build) -> Body:
    """The body of this build, scaled as a whole to its height."""
    parts = anatomy()
    points = parts.template.copy()
    parts.macro.add(mixture(build), points)
    parts.local.add(dict(build.features), points)
    skin = points[np.unique(parts.meshes["body"]), 1]
    points[:, 1] -= skin.min()
    points *= np.float32(build.height_m / (skin.max() - skin.min()))
    return Body(points, np.asarray(parts.joints @ points, np.float32), build.height_m)
