"""Simple bodies: tubes, rounded boxes, ribbons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.meshes import grid_triangles

Floats = NDArray[np.floating]
Ints = NDArray[np.int32]


def tube(line: Floats, radius: Floats, sides: int = 8) -> tuple[NDArray[np.float32], Ints]:
    """Points and triangles of a tube along a line.

    Parameters
    ----------
    line:
        (n, 3) its middle.
    radius:
        (n,) or (n, 2): the second is across the first, which lies as level as it can.
    """
    ahead = np.gradient(line, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    level = np.cross(ahead, (0.0, 1.0, 0.0))
    steep = np.linalg.norm(level, axis=1, keepdims=True) < 0.05
    level = np.where(steep, np.array((1.0, 0.0, 0.0)), level)
    level -= (level * ahead).sum(axis=1, keepdims=True) * ahead
    level /= np.linalg.norm(level, axis=1, keepdims=True)
    across = np.cross(level, ahead)
    angle = np.arange(sides) / sides * 2 * np.pi
    wide, high = (radius[:, 0], radius[:, 1]) if radius.ndim == 2 else (radius, radius)
    ring = (
        np.cos(angle)[None, :, None] * (wide[:, None] * level)[:, None]
        + np.sin(angle)[None, :, None] * (high[:, None] * across)[:, None]
    )
    points = (line[:, None] + ring).reshape(-1, 3)
    return points.astype(np.float32), grid_triangles(len(line), sides, closed=True)


def rounded_box(size: Floats, roundness: float, parts: int = 6) -> tuple[NDArray[np.float32], Ints]:
    """Points and triangles of a box round the origin.

    Parameters
    ----------
    size:
        (3,) whole lengths of its edges.
    roundness:
        0 is a box, 1 an ellipsoid.
    """
    step = np.linspace(-1, 1, parts)
    u, v = (side.ravel() for side in np.meshgrid(step, step, indexing="ij"))
    points: list[Floats] = []
    triangles: list[Ints] = []
    for axis in range(3):
        for sign in (1, -1):
            face = np.empty((parts * parts, 3))
            face[:, axis], face[:, (axis + 1) % 3], face[:, (axis + 2) % 3] = sign, u, v * sign
            own = grid_triangles(parts, parts, closed=False)
            triangles.append(own + len(points) * parts * parts)
            points.append(face)
    cube = np.concatenate(points)
    ball = cube / np.linalg.norm(cube, axis=1, keepdims=True)
    mixed = cube * (1 - roundness) + ball * roundness
    return (mixed * np.asarray(size) / 2).astype(np.float32), np.concatenate(triangles).astype(np.int32)


def ribbon(line: Floats, across: Floats, thickness_m: float) -> tuple[NDArray[np.float32], Ints]:
    """Points and triangles of a flat strap with two sides.

    Parameters
    ----------
    line:
        (n, 3) its middle.
    across:
        (n, 3) from the middle to one edge.
    """
    ahead = np.gradient(line, axis=0)
    out = np.cross(across, ahead)
    out *= thickness_m / 2 / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    corners = np.stack([line + across + out, line - across + out, line - across - out, line + across - out], axis=1)
    return corners.reshape(-1, 3).astype(np.float32), grid_triangles(len(line), 4, closed=True)
