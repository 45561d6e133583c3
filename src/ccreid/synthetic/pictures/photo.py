"""From light to the pixels of a crop, as a camera and a detector give it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.pictures.cameras import Camera

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_MIDDLE = 0.32
"""The brightness that an automatic exposure goes for."""
_SMALLEST_PX = 24


def size_seen(native_px: float, size: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns in which a crop is seen, which becomes a picture of this size; no more than that."""
    rows = int(np.clip(round(native_px), _SMALLEST_PX, size[0]))
    return rows, max(_SMALLEST_PX // 2, round(size[1] * rows / size[0]))


def developed(
    light: Floats, camera: Camera, native_px: float, size: tuple[int, int], random: np.random.Generator
) -> Bytes:
    """(H, W, 3) linear light as an RGB picture.

    Parameters
    ----------
    native_px:
        How many rows the crop has in the camera's frame: fewer than the picture, and it was enlarged.
    size:
        Height and width of the picture.
    """
    seen = light * np.array(camera.balance, np.float32)
    middle = float((1 - np.exp(-1.2 * seen)).mean())
    seen = seen * np.float32(camera.exposure * np.clip((_MIDDLE / max(middle, 0.02)) ** 0.6, 0.45, 2.4))
    shown = (1 - np.exp(-1.2 * np.clip(seen, 0, None))) ** np.float32(camera.gamma / 2.2)
    gray = shown.mean(axis=2, keepdims=True)
    shown = gray + np.float32(camera.saturation) * (shown - gray)
    shown = (shown - 0.5) * np.float32(camera.contrast) + 0.5
    shown = shown * np.float32(1 - camera.lift) + np.float32(camera.lift)
    rows, columns = size_seen(native_px, size)
    small = shown.astype(np.float32)
    if small.shape[:2] != (rows, columns):
        small = cv2.resize(small, (columns, rows), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), max(0.2, camera.blur_px * rows / max(native_px, rows)))
    if random.random() < 0.12:
        small = _moved(small, random)
    grain = 0.5 * random.standard_normal(small.shape, np.float32)
    grain += random.standard_normal((*small.shape[:2], 1), np.float32)
    small = small + np.float32(camera.noise) * grain * (0.5 + np.sqrt(np.clip(small, 0, 1)))
    pixels = (np.clip(small, 0, 1) * 255 + 0.5).astype(np.uint8)
    _, coded = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(camera.quality)])
    pixels = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR))[..., ::-1]
    return np.asarray(cv2.resize(pixels, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), np.uint8)


def _moved(picture: Floats, random: np.random.Generator) -> Floats:
    """The picture of somebody who moved while the shutter was open."""
    size = max(3, round(picture.shape[0] * random.uniform(0.01, 0.028)))
    line = np.zeros((size, size), np.float32)
    line[size // 2] = 1 / size
    return np.asarray(cv2.filter2D(picture, -1, line), np.float32)
