"""What light a figure sends to the camera."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ccreid.synthetic.fabric import albedo
from ccreid.synthetic.figure import Figure, Part
from ccreid.synthetic.pictures.light import Light
from ccreid.synthetic.pictures.raster import Drawn, draw

Floats = NDArray[np.float32]

SHADOW_PX = 192
"""The side of the picture from the light, in which a figure's own shadow is looked up."""
_SKIN_WRAP = np.float32(0.2)
"""So far light goes round the edge of skin, which it enters."""
_AROUND = np.array([(0.0, 0.0), (1.2, 0.5), (-1.2, -0.5), (0.5, -1.2), (-0.5, 1.2)], np.float32)
"""Where it is looked up around a point, in its pixels: the edges of shadows are soft."""
_BIAS_M = np.float32(0.03)
"""What is so little nearer to the light is the point itself."""


def shaded(figure: Figure, drawn: Drawn, light: Light, eye: Floats, pixel_m: float) -> Floats:
    """(N, 3) linear light of the N pixels where the figure is seen, row by row.

    Parameters
    ----------
    figure:
        Where it stands, in the coordinates of the scene.
    eye:
        (3,) of the camera.
    pixel_m:
        How much of the figure a pixel shows.
    """
    corners = np.concatenate([figure.vertices, figure.normals, figure.cloth, figure.paint], axis=1)
    seen = drawn.at(corners, figure.triangles)
    number = figure.surface[drawn.triangle[drawn.triangle >= 0]]
    sent = np.empty((len(seen), 3), np.float32)
    _light(
        seen,
        _colors(figure, number, seen[:, 6:9], seen[:, 9:12], pixel_m),
        np.array([surface.gloss for surface in figure.surfaces], np.float32)[number],
        np.array([_SKIN_WRAP * (surface.part is Part.SKIN) for surface in figure.surfaces], np.float32)[number],
        _lit(figure, seen, light),
        _open(drawn),
        eye.astype(np.float32),
        np.stack([light.towards, light.direct, light.above, light.below]).astype(np.float32),
        sent,
    )
    return sent


def _colors(figure: Figure, number: NDArray[np.int32], cloth: Floats, paint: Floats, pixel_m: float) -> Floats:
    """(N, 3) at the pixels where the figure is seen, of the surface of this number."""
    colors = paint.copy()
    for place, surface in enumerate(figure.surfaces):
        rows = np.flatnonzero(number == place)
        if len(rows):
            fabric = surface.fabric
            colors[rows] *= surface.color if fabric is None else albedo(fabric, cloth[rows], pixel_m)
    return colors


def _lit(figure: Figure, seen: Floats, light: Light) -> Floats:
    """(N,) how much of the strongest light reaches points past the figure itself."""
    side = np.cross(light.towards, np.array([0.0, 1.0, 0.0]))
    side /= max(float(np.linalg.norm(side)), 1e-6)
    axes = np.stack([side, np.cross(side, light.towards), light.towards], axis=1).astype(np.float32)
    turned = figure.vertices @ axes
    low, high = turned[:, :2].min(axis=0), turned[:, :2].max(axis=0)
    scale = np.float32((SHADOW_PX - 4) / float((high - low).max()))
    farthest = np.float32(turned[:, 2].max() + 1)
    inverse = np.asarray(1 / (farthest - turned[:, 2]), np.float32)
    from_light = draw((turned[:, :2] - low) * scale + 2, inverse, figure.triangles, SHADOW_PX, SHADOW_PX)
    lit = np.empty(len(seen), np.float32)
    _look_up(seen, axes, low, scale, farthest, from_light.inverse_depth, _AROUND, lit)
    return lit


@njit(cache=True)
def _look_up(seen, axes, low, scale, farthest, inverse_depth, around, lit):  # type: ignore[no-untyped-def]
    last = inverse_depth.shape[0] - 1
    for row in range(len(seen)):
        px, py, pz = seen[row, 0], seen[row, 1], seen[row, 2]
        x = (px * axes[0, 0] + py * axes[1, 0] + pz * axes[2, 0] - low[0]) * scale + 2
        y = (px * axes[0, 1] + py * axes[1, 1] + pz * axes[2, 1] - low[1]) * scale + 2
        depth = farthest - (px * axes[0, 2] + py * axes[1, 2] + pz * axes[2, 2])
        reached = 0
        for number in range(len(around)):
            column = min(max(int(x + around[number, 0]), 0), last)
            line = min(max(int(y + around[number, 1]), 0), last)
            if (depth - _BIAS_M) * inverse_depth[line, column] < 1:
                reached += 1
        lit[row] = reached / len(around)


def _open(drawn: Drawn) -> Floats:
    """(N,) how much of what is around reaches a pixel: less in hollows, where what is beside it is nearer."""
    seen = drawn.triangle >= 0
    depth = np.where(seen, 1 / np.maximum(drawn.inverse_depth, np.float32(1e-3)), np.float32(0))
    far = float(depth.max())
    depth[~seen] = far
    dark = np.zeros(int(seen.sum()), np.float32)
    height = len(depth)
    for size, weight in ((max(3, height // 57 | 1), 1.0), (max(5, height // 17 | 1), 0.7)):
        hollow = (depth - cv2.blur(depth, (size, size)))[seen]
        dark += np.float32(weight) * np.clip(hollow * np.float32(5), 0, np.float32(0.35))
    return np.clip(1 - dark, np.float32(0.45), 1)


@njit(cache=True)
def _light(seen, colors, gloss, wrap, lit, free, eye, light, sent):  # type: ignore[no-untyped-def]
    """Lambert's law with a wrapped edge for skin, light from all around, and a glance after Blinn and Phong."""
    for row in range(len(seen)):
        ex, ey, ez = eye[0] - seen[row, 0], eye[1] - seen[row, 1], eye[2] - seen[row, 2]
        length = np.sqrt(ex * ex + ey * ey + ez * ez)
        ex, ey, ez = ex / length, ey / length, ez / length
        nx, ny, nz = seen[row, 3], seen[row, 4], seen[row, 5]
        length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-6)
        if nx * ex + ny * ey + nz * ez < -0.2 * length:  # the inner side of cloth
            length = -length
        nx, ny, nz = nx / length, ny / length, nz / length
        facing = nx * light[0, 0] + ny * light[0, 1] + nz * light[0, 2]
        facing = max((facing + wrap[row]) / (1 + wrap[row]), 0.0) * lit[row]
        upward = 0.5 + 0.5 * ny
        around = free[row] * (0.75 + 0.25 * min(max(seen[row, 1] / 0.9, 0.0), 1.0))
        glance = 0.0
        if gloss[row] > 0 and lit[row] > 0:
            hx, hy, hz = ex + light[0, 0], ey + light[0, 1], ez + light[0, 2]
            length = max(np.sqrt(hx * hx + hy * hy + hz * hz), 1e-6)
            shine = min(max((nx * hx + ny * hy + nz * hz) / length, 0.0), 1.0)
            glance = gloss[row] * lit[row] * shine ** (8 + 40 * gloss[row])
        for band in range(3):
            sky = upward * light[2, band] + (1 - upward) * light[3, band]
            sent[row, band] = colors[row, band] * (facing * light[1, band] + around * sky) + glance * (
                0.8 * light[1, band] + 0.2 * light[2, band]
            )
