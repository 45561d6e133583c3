"""What stands behind people: ground, walls, sky, things."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.draws import draws
from ccreid.synthetic.fabric import draw_color
from ccreid.synthetic.patterns import Pattern, noise
from ccreid.synthetic.pictures.cameras import Camera
from ccreid.synthetic.pictures.light import Light

Floats = NDArray[np.float32]

OUTDOOR_GROUNDS, INDOOR_GROUNDS = ("plain", "tiles", "blotches", "heather"), ("plain", "tiles", "heather", "stripes")
WALLS = ("plain", "bricks", "tiles", "stripes", "panels", "plain", "blotches")
FAR_M = 60.0
"""Nothing is seen beyond."""


@dataclass(frozen=True, eq=False)
class Cover:
    """What covers a wall, the ground or a thing: (3, 3) linear RGB colours in a pattern, and dirt."""

    pattern: Pattern
    colors: Floats
    dirt: float

    def albedo(self, across: Floats, along: Floats) -> Floats:
        """(N, 3) linear RGB at two coordinates in metres."""
        points = np.stack([across, along, np.zeros_like(across)], axis=1)
        stained = 1 + self.dirt * (noise(points, 0.9, self.pattern.shift) + 0.5 * noise(points, 0.11))
        return np.clip((self.pattern(points) @ self.colors) * stained[:, None], 0.01, 0.95).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Thing:
    """A box with its sides along the axes: (3,) lowest and highest corner in metres."""

    low: Floats
    high: Floats
    cover: Cover


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
    """

    ground: Cover
    wall: Cover
    wall_m: float
    wall_high_m: float
    side: float | None
    sky: Floats
    things: tuple[Thing, ...]


def draw_scene(seed: int, number: int, camera: Camera) -> Scene:
    """The scene of the camera of this number."""
    random = draws(seed, "scene", number)
    away = camera.distance_m + float(random.uniform(1.5, 5) if camera.indoors else random.uniform(2.5, 16))
    side = float(random.choice((-1, 1)) * random.uniform(1.6, 5)) if random.random() < 0.35 else None
    bright = random.uniform(0.4, 1.3)
    return Scene(
        ground=_cover(random, INDOOR_GROUNDS if camera.indoors else OUTDOOR_GROUNDS, (0.25, 1.2), calm=True),
        wall=_cover(random, WALLS, (0.2, 1.6)),
        wall_m=away,
        wall_high_m=float(random.uniform(2.6, 4) if camera.indoors else random.uniform(1.0, 12)),
        side=side,
        sky=(bright * (np.ones(3) if camera.indoors else np.array([0.75, 0.9, 1.15]))).astype(np.float32),
        things=tuple(_thing(random, away) for _ in range(int(random.integers(2, 13)))),
    )


def _cover(
    random: np.random.Generator, kinds: tuple[str, ...], sizes: tuple[float, float], *, calm: bool = False
) -> Cover:
    first = draw_color(random)
    if calm or random.random() < 0.6:
        first = 0.3 * first + 0.7 * first.mean()
    shade = float(np.exp(random.normal(0, 0.35)))
    colors = np.stack([first, shade * first, np.clip(0.45 * first + 0.02, 0, 1)])
    return Cover(
        Pattern(
            kind=str(random.choice(kinds)),
            size_m=float(random.uniform(*sizes)),
            share=float(random.uniform(0.2, 0.7)),
            turn=float(random.choice((0, 0, np.pi / 2))),
            shift=float(random.random()),
        ),
        np.clip(colors, 0.01, 0.9).astype(np.float32),
        float(random.uniform(0.05, 0.5)),
    )


def _thing(random: np.random.Generator, wall_m: float) -> Thing:
    """A bench, a bin, a cupboard, a car, a column, a sign on the wall."""
    wide, high, deep = np.exp(random.uniform(np.log((0.3, 0.4, 0.2)), np.log((3.0, 2.6, 1.2))))
    left, near = random.uniform(-6, 6), random.uniform(0.3, 1.0) * wall_m
    hung = random.uniform(0.8, 2.0) if random.random() < 0.25 else 0.0
    if hung:
        near, deep = wall_m - 0.06, 0.05
    low = np.array([left, hung, near], np.float32)
    cover = _cover(random, WALLS, (0.1, 0.7))
    return Thing(low, low + np.array([wide, high, deep], np.float32), cover)


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A scene without people: (N, 3) linear light and (N,) depths; (N,) how much of a shadow may fall there."""

    light: Floats
    depth: Floats
    ground: Floats


def backdrop(scene: Scene, camera: Camera, light: Light, places: Floats, person: tuple[float, float]) -> Backdrop:
    """What (N, 2) pixels of the frame see of a scene.

    `person` is where (x, z) the one who is meant stands: what would stand in the same place, or hide more than the
    legs, is not there at that moment.
    """
    sight = _Sight(np.array([0, camera.height_m, 0], np.float32), camera.rays(places), scene.sky)
    eye, rays = sight.eye, sight.rays
    with np.errstate(divide="ignore", invalid="ignore"):
        sight.meets(rays[:, 1] < -1e-4, -eye[1] / rays[:, 1], scene.ground, (0, 2), (0, 1, 0))
        high = np.inf if camera.indoors else scene.wall_high_m
        to_wall = scene.wall_m / rays[:, 2]
        heights = eye[1] + to_wall * rays[:, 1]
        sight.meets((heights < high) & (heights > 0), to_wall, scene.wall, (0, 1), (0, 0, -1))
        if scene.side is not None and (scene.side - person[0]) * np.sign(scene.side) > 0.7:
            to_side = scene.side / rays[:, 0]
            heights = eye[1] + to_side * rays[:, 1]
            facing = (-float(np.sign(scene.side)), 0, 0)
            sight.meets((heights > 0) & (heights < high), to_side, scene.wall, (2, 1), facing)
        for thing in scene.things:
            if not _in_the_way(thing, person):
                sight.meets_thing(thing)
    on_ground = (sight.normals[:, 1] > 0.5).astype(np.float32)
    lit = sight.colors * light.on(sight.normals, np.ones(len(rays), np.float32))
    return Backdrop(np.where(sight.shines[:, None], sight.colors, lit), sight.nearest, on_ground)


class _Sight:
    """What rays from an eye meet first: (N,) how far away, its (N, 3) colours and the directions it faces."""

    def __init__(self, eye: Floats, rays: Floats, sky: Floats) -> None:
        self.eye, self.rays = eye, rays
        self.nearest = np.full(len(rays), FAR_M, np.float32)
        self.colors = np.broadcast_to(sky, rays.shape).astype(np.float32)
        self.normals = np.zeros_like(rays)
        self.shines = np.ones(len(rays), bool)

    def meets(
        self,
        where: NDArray[np.bool_],
        steps: Floats,
        cover: Cover,
        axes: tuple[int, int],
        normal: tuple[float, float, float],
    ) -> None:
        """Rays meet a surface after (N,) steps, in some places; what they have met nearer hides it."""
        rows = np.flatnonzero(where & (steps > 0.2) & (steps < self.nearest))
        if not len(rows):
            return
        points = self.eye + steps[rows, None] * self.rays[rows]
        self.nearest[rows] = steps[rows]
        self.colors[rows] = cover.albedo(points[:, axes[0]], points[:, axes[1]])
        self.normals[rows] = normal
        self.shines[rows] = False

    def meets_thing(self, thing: Thing) -> None:
        """The sides of a box that are turned towards the eye."""
        for axis, others in ((2, (0, 1)), (0, (2, 1)), (1, (0, 2))):
            before, beyond = self.eye[axis] < thing.low[axis], self.eye[axis] > thing.high[axis]
            if not before and not beyond:
                continue
            steps = ((thing.low if before else thing.high)[axis] - self.eye[axis]) / self.rays[:, axis]
            inside = np.ones(len(steps), bool)
            for other in others:
                place = self.eye[other] + steps * self.rays[:, other]
                inside &= (place >= thing.low[other]) & (place <= thing.high[other])
            normal = [0.0, 0.0, 0.0]
            normal[axis] = -1.0 if before else 1.0
            self.meets(inside, steps, thing.cover, others, (normal[0], normal[1], normal[2]))


def _in_the_way(thing: Thing, person: tuple[float, float]) -> bool:
    across, away = person
    beside = thing.high[0] < across - 0.5 or thing.low[0] > across + 0.5
    behind = thing.low[2] > away + 0.5
    low_in_front = thing.high[2] < away - 0.5 and thing.high[1] < 0.6
    return not (beside or behind or low_in_front)
