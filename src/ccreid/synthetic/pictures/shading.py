"""What light a figure sends to the camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.fabric import albedo
from ccreid.synthetic.figure import Figure, Part
from ccreid.synthetic.pictures.light import Light
from ccreid.synthetic.pictures.raster import Drawn, draw

Floats = NDArray[np.float32]

SHADOW_PX = 192
"""The side of the picture from the light, in which a figure's own shadow is looked up."""
_SKIN_WRAP = 0.2
"""So far light goes round the edge of skin, which it enters."""


def shaded(figure: Figure, drawn: Drawn, light: Light, eye: Floats) -> Floats:
    """(N, 3) linear light of the N pixels where the figure is seen, row by row.

    Parameters
    ----------
    figure:
        Where it stands, in the coordinates of the scene.
    eye:
        (3,) of the camera.
    """
    corners = np.concatenate([figure.vertices, figure.normals, figure.cloth, figure.paint], axis=1)
    points, normals, cloth, paint = np.split(drawn.at(corners, figure.triangles), 4, axis=1)
    away = eye - points
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    normals = np.where((normals * away).sum(axis=1, keepdims=True) < -0.2, -normals, normals)  # the inner side of cloth
    colors, gloss, skin = _surfaces(figure, drawn, cloth, paint)
    lit = _lit(figure, points, light)
    wrapped = np.where(skin, _SKIN_WRAP, 0.0)
    facing = np.clip((normals @ light.towards + wrapped) / (1 + wrapped), 0, None) * lit
    upward = 0.5 + 0.5 * normals[:, 1:2]
    around = upward * light.above + (1 - upward) * light.below
    around *= (_open(drawn) * (0.75 + 0.25 * np.clip(points[:, 1] / 0.9, 0, 1)))[:, None]
    between = away + light.towards
    between /= np.maximum(np.linalg.norm(between, axis=1, keepdims=True), 1e-6)
    glance = gloss * np.clip((normals * between).sum(axis=1), 0, 1) ** (8 + 40 * gloss) * lit
    sent = colors * (facing[:, None] * light.direct + around)
    sent += glance[:, None] * (0.8 * light.direct + 0.2 * light.above)
    return np.asarray(sent, np.float32)


def _surfaces(figure: Figure, drawn: Drawn, cloth: Floats, paint: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Colours (N, 3), gloss (N,) and what is skin, at the pixels where the figure is seen."""
    number = figure.surface[drawn.triangle[drawn.triangle >= 0]]
    colors = paint.copy()
    for place, surface in enumerate(figure.surfaces):
        rows = np.flatnonzero(number == place)
        if len(rows):
            colors[rows] *= surface.color if surface.fabric is None else albedo(surface.fabric, cloth[rows])
    gloss = np.array([surface.gloss for surface in figure.surfaces], np.float32)[number]
    skin = np.array([surface.part is Part.SKIN for surface in figure.surfaces])[number]
    return colors, gloss, skin


def _lit(figure: Figure, points: Floats, light: Light) -> Floats:
    """(N,) how much of the strongest light reaches the points past the figure itself."""
    side = np.cross(light.towards, np.array([0.0, 1.0, 0.0]))
    side /= max(float(np.linalg.norm(side)), 1e-6)
    axes = np.stack([side, np.cross(side, light.towards), light.towards], axis=1).astype(np.float32)
    seen, asked = figure.vertices @ axes, points @ axes
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    scale = np.float32((SHADOW_PX - 4) / float((high - low).max()))
    places = (seen[:, :2] - low) * scale + 2
    farthest = np.float32(seen[:, 2].max() + 1)
    from_light = draw(
        places, np.asarray(1 / (farthest - seen[:, 2]), np.float32), figure.triangles, SHADOW_PX, SHADOW_PX
    )
    nearest = np.where(from_light.inverse_depth > 0, 1 / np.maximum(from_light.inverse_depth, 1e-6), np.inf)
    at = (asked[:, :2] - low) * scale + 2
    depth = farthest - asked[:, 2]
    reached = np.zeros(len(points), np.int32)
    for across, along in ((0.0, 0.0), (1.2, 0.5), (-1.2, -0.5), (0.5, -1.2), (-0.5, 1.2)):
        columns = np.clip((at[:, 0] + across).astype(np.int32), 0, SHADOW_PX - 1)
        rows = np.clip((at[:, 1] + along).astype(np.int32), 0, SHADOW_PX - 1)
        reached += depth < nearest[rows, columns] + 0.03
    return (reached / 5).astype(np.float32)


def _open(drawn: Drawn) -> Floats:
    """(N,) how much of what is around reaches a pixel: less in hollows, where what is beside it is nearer."""
    seen = drawn.triangle >= 0
    depth = 1 / np.maximum(drawn.inverse_depth, 1e-3)
    far = float(depth[seen].max()) if seen.any() else 1.0
    depth = np.where(seen, depth, far).astype(np.float32)
    dark = np.zeros(depth.shape, np.float32)
    for size, weight in ((9, 1.0), (31, 0.7)):
        dark += weight * np.clip((depth - cv2.blur(depth, (size, size))) / 0.2, 0, 0.35)
    return np.clip(1 - dark[seen], 0.45, 1).astype(np.float32)
