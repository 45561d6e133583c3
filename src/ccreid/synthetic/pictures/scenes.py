"""What stands behind people: ground, walls, sky, things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.draws import draws
from ccreid.synthetic.pictures.cameras import Camera
from ccreid.synthetic.pictures.covers import Cover, draw_cover
from ccreid.synthetic.pictures.furniture import ROOM, STREET, WALL, Thing, draw_boxes, placed

Floats = NDArray[np.float32]

OUTDOOR_GROUNDS, INDOOR_GROUNDS = ("plain", "tiles", "blotches", "bricks"), ("plain", "tiles", "planks", "stripes")
WALLS = ("plain", "bricks", "tiles", "stripes", "panels", "plain", "blotches", "planks")


@dataclass(frozen=True, eq=False)
class Scene:
    """The surroundings of a camera, in its coordinates.

    Attributes
    ----------
    wall_m, wall_high_m:
        How far away the wall behind is, and how high.
    side:
        Where the wall at a side is (x), or None.
    sky:
        (3,) linear RGB.
    things, hung:
        What stands on the ground, and what hangs on the wall.
    """

    ground: Cover
    wall: Cover
    wall_m: float
    wall_high_m: float
    side: float | None
    sky: Floats
    things: tuple[Thing, ...]
    hung: tuple[Thing, ...]


def draw_scene(seed: int, number: int, camera: Camera) -> Scene:
    """The scene of the camera of this number."""
    random = draws(seed, "scene", number)
    indoors = camera.indoors
    away = camera.distance_m + float(random.uniform(1.5, 5) if indoors else random.uniform(2.5, 16))
    side = float(random.choice((-1, 1)) * random.uniform(1.6, 5)) if random.random() < 0.35 else None
    bright = random.uniform(0.4, 1.3)
    return Scene(
        ground=draw_cover(random, INDOOR_GROUNDS if indoors else OUTDOOR_GROUNDS, (0.1, 1.2), calm=0.85),
        wall=draw_cover(random, WALLS, (0.15, 1.6), calm=0.4 if indoors else 0.6),
        wall_m=away,
        wall_high_m=100.0 if indoors else float(random.uniform(1.0, 12)),
        side=side,
        sky=(bright * (np.ones(3) if indoors else np.array([0.75, 0.9, 1.15]))).astype(np.float32),
        things=tuple(_thing(random, camera, away) for _ in range(int(random.integers(3, 12)))),
        hung=tuple(
            placed(draw_boxes(random, WALL), float(random.uniform(-0.45, 0.45) * away), away)
            for _ in range(int(random.integers(0, 5)))
        ),
    )


def _thing(random: np.random.Generator, camera: Camera, wall_m: float) -> Thing:
    """A thing on the ground, most often by the wall."""
    boxes = draw_boxes(random, ROOM if camera.indoors else STREET)
    deep = max(float(box.high[2]) for box in boxes)
    near = wall_m - deep - 0.05 if random.random() < 0.5 else random.uniform(0.35, 1.0) * wall_m - 0.5 * deep
    return placed(boxes, float(random.uniform(-0.5, 0.5) * max(near, 4.0)), float(near))
