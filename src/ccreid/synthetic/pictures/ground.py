"""Shadows on the ground."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.figure import Figure
from ccreid.synthetic.pictures.cameras import Camera
from ccreid.synthetic.pictures.light import Light
from ccreid.synthetic.pictures.moments import Window, in_window
from ccreid.synthetic.pictures.raster import drawn_in

Floats = NDArray[np.float32]

SHADOW_DARK = 0.75
"""How much of the direct light a shadow takes from the ground."""


def shadow(figure: Figure, camera: Camera, light: Light, window: Window, size: tuple[int, int]) -> Floats:
    """(H, W) how much of the strongest light a figure takes from the ground, and what it stands on from all light."""
    along = light.towards / max(float(light.towards[1]), 0.15)
    fallen = figure.vertices - figure.vertices[:, 1:2] * along
    fallen[:, 1] = 0
    places, depth = camera.seen(fallen)
    height, width = size
    on_window = in_window(places, window, size)
    dark = (drawn_in(on_window, depth, figure.triangles, size).triangle >= 0).astype(np.float32)
    soft = max(0.6, 0.5 * light.softness * height)
    dark = np.asarray(cv2.GaussianBlur(dark, (0, 0), soft), np.float32)
    feet = np.zeros(size, np.float32)
    near = on_window[figure.vertices[:, 1] < 0.1]
    inside = near[(near >= 0).all(axis=1) & (near < (width, height)).all(axis=1)].astype(np.int32)
    feet[inside[:, 1], inside[:, 0]] = 1
    wide = max(3, int(0.04 * height) | 1)
    spread = cv2.dilate(feet, np.ones((max(3, wide // 2 | 1), wide), np.uint8))
    feet = np.asarray(cv2.GaussianBlur(spread, (0, 0), 0.02 * height), np.float32)
    shade: Floats = np.maximum(dark, 0.6 * feet).astype(np.float32)
    return shade


def darkening(light: Light) -> Floats:
    """(3,) which share of the light on the ground a full shadow takes."""
    direct = light.direct * light.towards[1]
    share: Floats = (SHADOW_DARK * (direct + 0.25 * light.above) / (direct + light.above)).astype(np.float32)
    return share
