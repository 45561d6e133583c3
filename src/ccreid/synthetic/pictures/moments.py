"""What is particular to one picture, whoever is in it: place, heading, the detector's box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.pictures.cameras import Camera

Floats = NDArray[np.float32]
Window = tuple[float, float, float, float]
"""Left, top, width and height of a crop on the camera's frame, in pixels from its middle."""


@dataclass(frozen=True, eq=False)
class Moment:
    """Where a person is, and what is cut out around.

    Attributes
    ----------
    heading:
        Which way the person looks, in degrees: 0 is towards the camera, 90 to the right of the picture.
    across_m, away_m:
        Where the person stands in the scene of the camera.
    box:
        How much larger than the person the crop is on each side (left, top, right, bottom), in parts of the
        person's height; below 0 the person is cut.
    native_px:
        Rows of the crop in the camera's frame.
    others:
        How many other people are in it.
    """

    heading: float
    across_m: float
    away_m: float
    box: tuple[float, float, float, float]
    native_px: float
    others: int


def draw_moment(camera: Camera, wall_m: float, random: np.random.Generator) -> Moment:
    """A moment before a camera whose scene ends at a wall so far away."""
    away = camera.distance_m * np.exp(random.normal(0, 0.18))
    away = float(np.clip(away, min(1.05 * camera.height_m, camera.distance_m), wall_m - 0.9))
    across = float(random.normal(0, 0.12) * away)
    box = random.normal(0.06, 0.05, 4)
    if random.random() < 0.2:  # what a detector cuts off: mostly the feet
        box[3] -= random.uniform(0.1, 0.45)
    if random.random() < 0.06:
        box[int(random.integers(0, 3))] -= random.uniform(0.05, 0.15)
    return Moment(
        heading=float(random.uniform(0, 360)),
        across_m=across,
        away_m=away,
        box=(float(box[0]), float(max(box[1], -0.05)), float(box[2]), float(box[3])),
        native_px=0.0,
        others=int(random.random() < 0.2) + int(random.random() < 0.06),
    )


def window_around(places: Floats, moment: Moment, ratio: float) -> Window:
    """The crop around where a person (V, 2) is on the frame; `ratio` is the picture's width over its height."""
    box = moment.box
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    tall = bottom - top
    left, top = left - box[0] * tall, top - box[1] * tall
    right, bottom = right + box[2] * tall, bottom + box[3] * tall
    wide, tall = max(right - left, 1.0), max(bottom - top, 1.0)
    if wide < ratio * tall:
        left, wide = left - (ratio * tall - wide) / 2, ratio * tall
    else:  # a detector's box is stretched to the ratio of the network's input, but not without bounds
        most = min(wide, 1.45 * ratio * tall)
        left, wide = left + (wide - most) / 2, most
    return float(left), float(top), float(wide), float(tall)


def in_window(places: Floats, window: Window, size: tuple[int, int]) -> Floats:
    """Pixels of the frame (V, 2) as pixels of a crop of so many rows and columns."""
    scale = np.array([size[1] / window[2], size[0] / window[3]], np.float32)
    return (places - np.array(window[:2], np.float32)) * scale
