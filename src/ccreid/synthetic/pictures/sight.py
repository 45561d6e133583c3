"""What a camera sees of a scene when nobody is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ccreid.synthetic.pictures.cameras import Camera
from ccreid.synthetic.pictures.covers import Cover
from ccreid.synthetic.pictures.furniture import Box, Thing
from ccreid.synthetic.pictures.light import Light
from ccreid.synthetic.pictures.scenes import Scene

Floats = NDArray[np.float32]

FAR_M = 60.0
"""Nothing is seen beyond."""
_ACROSS = ((2, 1), (0, 2), (0, 1))
"""For each axis, the two that lie in a side perpendicular to it: across and along what covers it."""
_DARK_M = 0.25
"""So far from where things stand the ground is darker."""


@dataclass(frozen=True, eq=False)
class Side:
    """A rectangle perpendicular to an axis.

    Attributes
    ----------
    axis, level:
        Which axis (x, y, z), and where on it.
    low, high:
        Its corners along the two others.
    facing:
        1 where it faces along the axis, -1 against it.
    """

    axis: int
    level: float
    low: tuple[float, float]
    high: tuple[float, float]
    facing: int
    cover: Cover


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A scene without people: (N, 3) linear light and (N,) depths; (N,) how much of a shadow may fall there."""

    light: Floats
    depth: Floats
    ground: Floats


def backdrop(scene: Scene, camera: Camera, light: Light, places: Floats, person: tuple[float, float]) -> Backdrop:
    """What pixels of the frame see of a scene.

    Parameters
    ----------
    places:
        (H, W, 2), those of a crop.
    person:
        Where (x, z) the one who is meant stands: what would stand in the same place, or hide more than the legs, is not
        there at that moment.
    """
    eye = np.array([0, camera.height_m, 0], np.float32)
    there = [*scene.hung, *(thing for thing in scene.things if not _in_the_way(thing, person))]
    boxes = [box for thing in there for box in thing.boxes]
    sides = [*_room(scene, person), *(side for box in boxes for side in _seen_sides(box, eye))]
    rays = camera.rays(places.reshape(-1, 2))
    depth, which = np.full(len(rays), FAR_M, np.float32), np.full(len(rays), -1, np.int32)
    _first(
        eye,
        rays,
        np.array([side.axis for side in sides], np.int32),
        np.array([side.level for side in sides], np.float32),
        np.array([(*side.low, *side.high) for side in sides], np.float32),
        np.array(_ACROSS, np.int32),
        _reaches(sides, camera, places),
        places.shape[1],
        depth,
        which,
    )
    sent = np.empty_like(rays)
    sent[:] = scene.sky * light.sky
    pixel = float(places[0, 1, 0] - places[0, 0, 0]) / camera.focal_px
    order = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[order], np.arange(len(sides) + 1))
    for number in np.flatnonzero(np.diff(starts)):
        side, rows = sides[number], order[starts[number] : starts[number + 1]]
        points = eye + depth[rows, None] * rays[rows]
        across, along = _ACROSS[side.axis]
        slant = max(0.1, float(np.abs(rays[rows, side.axis]).mean()))
        pixel_m = pixel * float(depth[rows].mean()) / slant**0.5
        color = side.cover.albedo(points[:, across], points[:, along], pixel_m)
        normal = np.zeros((1, 3), np.float32)
        normal[0, side.axis] = side.facing
        sent[rows] = color * (light.on(normal, np.ones(1, np.float32)) + side.cover.glow)
    ground = (which == 0).astype(np.float32)
    standing = [(box.low[0], box.low[2], box.high[0], box.high[2]) for box in boxes if box.low[1] < 0.35]
    standing.append((-FAR_M, scene.wall_m, FAR_M, FAR_M))
    rows = np.flatnonzero(which == 0)
    free = np.empty(len(rows), np.float32)
    _beside(eye, rays[rows], depth[rows], np.array(standing, np.float32), free)
    sent[rows] *= free[:, None]
    return Backdrop(sent, depth, ground)


def _room(scene: Scene, person: tuple[float, float]) -> Iterator[Side]:
    """Ground and walls; a wall at the side on which the person stands is not there."""
    yield Side(1, 0.0, (-FAR_M, -FAR_M), (FAR_M, FAR_M), 1, scene.ground)
    yield Side(2, scene.wall_m, (-FAR_M, 0), (FAR_M, scene.wall_high_m), -1, scene.wall)
    if scene.side is not None and (scene.side - person[0]) * np.sign(scene.side) > 0.7:
        yield Side(0, scene.side, (0, 0), (FAR_M, scene.wall_high_m), -int(np.sign(scene.side)), scene.wall)


def _seen_sides(box: Box, eye: Floats) -> Iterator[Side]:
    """Those that are turned towards the eye."""
    for axis, (across, along) in enumerate(_ACROSS):
        before, beyond = eye[axis] < box.low[axis], eye[axis] > box.high[axis]
        if before or beyond:
            low, high = ((float(corner[across]), float(corner[along])) for corner in (box.low, box.high))
            yield Side(axis, float((box.low if before else box.high)[axis]), low, high, -1 if before else 1, box.cover)


def _reaches(sides: list[Side], camera: Camera, places: Floats) -> NDArray[np.int32]:
    """(S, 4) first row and column of a crop's pixels in which each side may be seen, and those after the last."""
    height, width = places.shape[:2]
    corners = np.empty((len(sides), 4, 3), np.float32)
    number, axis = np.arange(len(sides)), np.array([side.axis for side in sides])
    across, along = np.array(_ACROSS)[axis].T
    low, high = np.array([side.low for side in sides]), np.array([side.high for side in sides])
    corners[number, :, axis] = np.array([side.level for side in sides])[:, None]
    corners[number, :, across] = np.stack([low[:, 0], high[:, 0], low[:, 0], high[:, 0]], axis=1)
    corners[number, :, along] = np.stack([low[:, 1], low[:, 1], high[:, 1], high[:, 1]], axis=1)
    seen, depth = camera.seen(corners.reshape(-1, 3))
    at = (seen.reshape(-1, 4, 2) - places[0, 0]) / ((places[-1, -1] - places[0, 0]) / (width - 1, height - 1))
    first = np.clip(np.floor(at.min(axis=1)), 0, (width, height))
    last = np.clip(np.ceil(at.max(axis=1)) + 1, 0, (width, height))
    near = depth.reshape(-1, 4).min(axis=1) < 0.1
    first[near], last[near] = 0, (width, height)
    return np.concatenate([first[:, ::-1], last[:, ::-1]], axis=1).astype(np.int32)


def _in_the_way(thing: Thing, person: tuple[float, float]) -> bool:
    across, away = person
    beside = thing.high[0] < across - 0.5 or thing.low[0] > across + 0.5
    behind = thing.low[2] > away + 0.5
    low_in_front = thing.high[2] < away - 0.5 and thing.high[1] < 0.75
    return not (beside or behind or low_in_front)


@njit(cache=True)
def _first(eye, rays, axes, levels, corners, others, reach, width, depth, which):  # type: ignore[no-untyped-def]
    """The nearest side on each ray, and after how many lengths of the ray."""
    for number in range(len(axes)):
        axis = axes[number]
        one, two = others[axis, 0], others[axis, 1]
        away = levels[number] - eye[axis]
        for line in range(reach[number, 0], reach[number, 2]):
            for row in range(line * width + reach[number, 1], line * width + reach[number, 3]):
                along = rays[row, axis]
                if along == 0:
                    continue
                steps = away / along
                if steps < 0.2 or steps >= depth[row]:
                    continue
                x, y = eye[one] + steps * rays[row, one], eye[two] + steps * rays[row, two]
                if corners[number, 0] <= x <= corners[number, 2] and corners[number, 1] <= y <= corners[number, 3]:
                    depth[row] = steps
                    which[row] = number


@njit(cache=True)
def _beside(eye, rays, depth, standing, free):  # type: ignore[no-untyped-def]
    """How much light from around reaches the ground beside what stands on it."""
    for row in range(len(rays)):
        x, z = eye[0] + depth[row] * rays[row, 0], eye[2] + depth[row] * rays[row, 2]
        nearest = _DARK_M * _DARK_M
        for number in range(len(standing)):
            across = max(standing[number, 0] - x, x - standing[number, 2])
            away = max(standing[number, 1] - z, z - standing[number, 3])
            if across < _DARK_M and away < _DARK_M:
                nearest = min(nearest, max(across, 0.0) ** 2 + max(away, 0.0) ** 2)
        free[row] = 0.45 + 0.55 * np.sqrt(nearest) / _DARK_M
