"""Bones that turn, and the points that follow them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.floating]

X, Y, Z = np.eye(3)


def turn(axis: Floats, degrees: float) -> Floats:
    """(3, 3) rotation about an axis of any length, counter-clockwise seen from its tip (Rodrigues' formula)."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    angle = np.radians(degrees)
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    rotation: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
    return rotation


def onto(first: Floats, second: Floats) -> Floats:
    """(3, 3) smallest rotation that turns one direction into another; they must not be opposite."""
    a, b = first / np.linalg.norm(first), second / np.linalg.norm(second)
    x, y, z = np.cross(a, b)
    cross = np.array(((0, -z, y), (z, 0, -x), (-y, x, 0)))
    rotation: Floats = np.eye(3) + cross + cross @ cross / (1 + a @ b)
    return rotation


def transforms(joints: Floats, parents: NDArray[np.int32], turns: Mapping[int, Floats]) -> Floats:
    """Where every bone carries its points.

    Parameters
    ----------
    joints:
        (B, 3) where bones turn, before the pose.
    parents:
        (B,) each bone's parent, which comes before it; -1 has none.
    turns:
        Rotations (3, 3) of bones against their parents, in the axes of the unposed body; the others do not turn.

    Returns
    -------
    (B, 3, 4): a point p goes to M[:, :3] @ p + M[:, 3].
    """
    result = np.empty((len(joints), 3, 4))
    for bone, parent in enumerate(parents):
        own = turns.get(bone)
        if parent < 0:
            rotation, place = np.eye(3), joints[bone]
        else:
            rotation = result[parent, :, :3]
            place = rotation @ joints[bone] + result[parent, :, 3]
        rotation = rotation if own is None else rotation @ own
        result[bone, :, :3] = rotation
        result[bone, :, 3] = place - rotation @ joints[bone]
    return result


def moved(points: NDArray[np.float32], weights: sparse.csr_array, bones: Floats) -> NDArray[np.float32]:
    """Points where the mean of their bones' transforms carries them (linear blend skinning).

    Parameters
    ----------
    points:
        (n, 3) unposed.
    weights:
        (n, B) rows that sum to 1.
    bones:
        (B, 3, 4) of :func:`transforms`.
    """
    carried = np.empty((len(points), 3), np.float32)
    flat = bones.reshape(len(bones), 12).astype(np.float32)
    _carry(points, weights.indptr, weights.indices, weights.data.astype(np.float32), flat, carried)
    return carried


@njit(cache=True)
def _carry(points, starts, columns, shares, bones, carried):  # type: ignore[no-untyped-def]
    blended = np.empty(12, np.float32)
    for point in range(len(points)):
        blended[:] = 0
        for entry in range(starts[point], starts[point + 1]):
            share, bone = shares[entry], columns[entry]
            for value in range(12):
                blended[value] += share * bones[bone, value]
        x, y, z = points[point, 0], points[point, 1], points[point, 2]
        for axis in range(3):
            row = 4 * axis
            carried[point, axis] = blended[row] * x + blended[row + 1] * y + blended[row + 2] * z + blended[row + 3]
