"""Cameras: where they hang, what they look at, how they see colours."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.draws import draws

Floats = NDArray[np.float32]

ROWS = 1080
"""Pixels of a whole frame from top to bottom: what a lens and a distance come to in pixels is counted in these."""


@dataclass(frozen=True)
class Camera:
    """A camera, at one moment.

    It hangs above the origin of its scene, looks along +z and downwards; x is to its right.

    Attributes
    ----------
    height_m:
        Above the ground.
    focal_px:
        Of the lens, in pixels of a frame of :data:`ROWS` rows.
    distance_m:
        Of the people whom it sees, on average.
    pitch, roll:
        How far it looks down, and is tilted, in radians.
    indoors:
        Whether its scene is.
    balance:
        (3,) factors of red, green and blue.
    exposure, gamma, contrast, saturation, lift:
        How light becomes a picture: 1, and 0 for the lift, is a plain one.
    noise, blur_px:
        Deviation of the noise in a middling light; of the blur, in pixels of the frame.
    quality:
        Of its JPEG compression, 1 to 100.
    """

    height_m: float
    focal_px: float
    distance_m: float
    pitch: float
    roll: float
    indoors: bool
    balance: tuple[float, float, float]
    exposure: float
    gamma: float
    contrast: float
    saturation: float
    lift: float
    noise: float
    blur_px: float
    quality: float

    def seen(self, points: Floats) -> tuple[Floats, Floats]:
        """Where (N, 3) points of the scene are on the frame: (N, 2) pixels from its middle; (N,) depths in metres."""
        sin, cos = np.float32(np.sin(self.pitch)), np.float32(np.cos(self.pitch))
        up = points[:, 1] - np.float32(self.height_m)
        depth = points[:, 2] * cos - up * sin
        raised = up * cos + points[:, 2] * sin
        near = np.maximum(depth, np.float32(1e-3))
        places = np.stack([points[:, 0] / near, -raised / near], axis=1) * np.float32(self.focal_px)
        return np.asarray(places @ self._tilt.T, np.float32), depth

    def rays(self, places: Floats) -> Floats:
        """The directions (N, 3), of length 1 along the axis, in which (N, 2) pixels of the frame look."""
        straight = (places @ self._tilt) / np.float32(self.focal_px)
        sin, cos = np.float32(np.sin(self.pitch)), np.float32(np.cos(self.pitch))
        across, raised = straight[:, 0], -straight[:, 1]
        return np.stack([across, raised * cos - sin, cos + raised * sin], axis=1).astype(np.float32)

    @property
    def _tilt(self) -> Floats:
        sin, cos = np.sin(self.roll), np.cos(self.roll)
        return np.array([[cos, -sin], [sin, cos]], np.float32)


def draw_camera(seed: int, number: int) -> Camera:
    """The camera of this number among those of this seed."""
    random = draws(seed, "camera", number)
    indoors = bool(random.random() < 0.4)
    height = float(random.uniform(1.4, 2.4) if random.random() < 0.2 else random.uniform(2.2, 3.6 if indoors else 6.0))
    distance = float(np.exp(random.uniform(np.log(3.5), np.log(9.0 if indoors else 16.0))))
    distance = max(distance, 1.1 * height)  # closer ones are seen from above alone
    warm = random.normal(0, 0.1)
    return Camera(
        height_m=height,
        focal_px=float(np.exp(random.uniform(np.log(700), np.log(1900)))),
        distance_m=distance,
        pitch=float(np.arctan((height - 0.9) / distance) + random.normal(0, 0.05)),
        roll=float(random.normal(0, 0.03)),
        indoors=indoors,
        balance=(float(np.exp(warm)), float(np.exp(random.normal(0, 0.04))), float(np.exp(-warm))),
        exposure=float(np.exp(random.normal(0, 0.18))),
        gamma=float(np.exp(random.normal(0, 0.12))),
        contrast=float(random.uniform(0.75, 1.2)),
        saturation=float(random.uniform(0.55, 1.25)),
        lift=float(random.uniform(0, 0.08)),
        noise=float(np.exp(random.uniform(np.log(0.003), np.log(0.018)))),
        blur_px=float(random.uniform(0.3, 1.6)),
        quality=float(random.uniform(35, 95)),
    )


def at_a_moment(camera: Camera, random: np.random.Generator) -> Camera:
    """The camera as it is at one of its moments: exposure, colours, sharpness and compression vary a little."""
    return replace(
        camera,
        exposure=float(camera.exposure * np.exp(random.normal(0, 0.1))),
        balance=(
            float(camera.balance[0] * np.exp(random.normal(0, 0.03))),
            camera.balance[1],
            float(camera.balance[2] * np.exp(random.normal(0, 0.03))),
        ),
        noise=float(camera.noise * np.exp(random.normal(0, 0.3))),
        blur_px=float(camera.blur_px * np.exp(random.normal(0, 0.25))),
        quality=float(np.clip(camera.quality + random.normal(0, 6), 25, 97)),
    )
