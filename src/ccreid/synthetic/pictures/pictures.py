"""One picture of a person: figure, camera, scene and light come together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.draws import draws
from ccreid.synthetic.figure import Figure, Part
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.pictures.cameras import Camera, at_a_moment, draw_camera
from ccreid.synthetic.pictures.ground import darkening, shadow
from ccreid.synthetic.pictures.light import Light, draw_light
from ccreid.synthetic.pictures.moments import Moment, Window, draw_moment, in_window, window_around
from ccreid.synthetic.pictures.photo import developed, size_seen
from ccreid.synthetic.pictures.raster import Drawn, drawn_in
from ccreid.synthetic.pictures.scenes import Scene, draw_scene
from ccreid.synthetic.pictures.shading import shaded
from ccreid.synthetic.pictures.sight import backdrop
from ccreid.synthetic.poses import draw_pose

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

FINER = 2
"""People are drawn so many times as large as the picture, and averaged."""
PASSERS_BY = 12
"""Other people who may come into a picture: so many a seed, none of whom is anybody of the set."""
_PASSER_BY_NUMBER = 10_000_000


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and what is known of it.

    Attributes
    ----------
    pixels:
        (H, W, 3) RGB.
    mask:
        (H, W, 3): which :class:`Part` is seen, how much of the pixel is the person (0 to 255), and how dark the
        shadow of the person is on the ground (0 to 255).
    background:
        (H, W, 3) RGB: the same without any person; None where it was not asked for.
    light:
        What the hour's light is called.
    """

    pixels: Bytes
    mask: Bytes
    background: Bytes | None
    moment: Moment
    light: str


@dataclass(frozen=True)
class Stage:
    """A camera of a set, with its scene."""

    camera: Camera
    scene: Scene


@lru_cache(maxsize=512)
def stage(seed: int, number: int) -> Stage:
    """The camera of this number among those of this seed, and what it sees when nobody is there."""
    camera = draw_camera(seed, number)
    return Stage(camera, draw_scene(seed, number, camera))


@lru_cache(maxsize=PASSERS_BY)
def passer_by(seed: int, number: int) -> Figure:
    """Somebody in somebody's clothes, standing at the origin."""
    person = draw_person(seed, _PASSER_BY_NUMBER + number)
    outfit = draw_outfit(seed, _PASSER_BY_NUMBER + number)
    return make_figure(person, outfit, draw_pose(person, draws(seed, "passer-by", number)))


def take(
    seed: int,
    stage: Stage,
    figures: Sequence[Figure],
    size: tuple[int, int],
    random: np.random.Generator,
    *,
    travelled_m: Sequence[float] = (0.0,),
    background: bool = False,
) -> list[Picture]:
    """Consecutive pictures of one person by one camera, most often a single one.

    Parameters
    ----------
    figures:
        The person in each of them, at the origin.
    size:
        Height and width of a picture in pixels.
    random:
        Draws the moment.
    travelled_m:
        How far the person has come in each since the first.
    background:
        Whether the first picture is also wanted without any person.
    """
    camera = at_a_moment(stage.camera, random)
    light = draw_light(random, indoors=camera.indoors)
    moment = draw_moment(camera, stage.scene.wall_m, random)
    others = [_beside(seed, moment, random) for _ in range(moment.others)]
    taken = []
    for number, (figure, come) in enumerate(zip(figures, travelled_m, strict=True)):
        turned = np.radians(moment.heading)
        across = moment.across_m + come * float(np.sin(turned))
        away = moment.away_m - come * float(np.cos(turned))
        one = placed(figure, moment.heading, across, away)
        taken.append(
            _take(
                stage.scene,
                camera,
                light,
                one,
                others,
                replace(moment, across_m=across, away_m=away),
                size,
                random,
                background and number == 0,
            )
        )
    return taken


def placed(figure: Figure, heading: float, across_m: float, away_m: float) -> Figure:
    """A figure turned, in degrees, and put somewhere in the coordinates of a scene."""
    angle = np.radians(180 - heading)  # at 0 it looks back at the camera, against +z
    sin, cos = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]], np.float32)
    place = np.array([across_m, 0, away_m], np.float32)
    return replace(figure, vertices=figure.vertices @ turn + place, normals=figure.normals @ turn)


def _beside(seed: int, moment: Moment, random: np.random.Generator) -> Figure:
    """Another person near the one who is meant, most often behind."""
    behind = random.random() < 0.62
    away = moment.away_m + (random.uniform(0.8, 4.0) if behind else -random.uniform(0.7, 1.1))
    side = float(random.choice((-1, 1)) * random.uniform(0.4, 1.0))
    across = moment.across_m * away / moment.away_m + side
    figure = passer_by(seed, int(random.integers(PASSERS_BY)))
    return placed(figure, float(random.uniform(0, 360)), float(across), float(max(away, 1.0)))


def _take(
    scene: Scene,
    camera: Camera,
    light: Light,
    person: Figure,
    others: Sequence[Figure],
    moment: Moment,
    size: tuple[int, int],
    random: np.random.Generator,
    background: bool,
) -> Picture:
    window = window_around(camera.seen(person.vertices)[0], moment, size[1] / size[0])
    moment = replace(moment, native_px=float(window[3]))
    small = size_seen(moment.native_px, size)
    behind = backdrop(scene, camera, light, _middles(window, small), (moment.across_m, moment.away_m))
    empty = behind.light.reshape(*small, 3)
    depth, ground = behind.depth.reshape(small), behind.ground.reshape(small)
    own_shade = shadow(person, camera, light, window, small) * ground
    shade = np.maximum.reduce([own_shade, *(shadow(one, camera, light, window, small) * ground for one in others)])
    picture = empty * (1 - shade[..., None] * darkening(light))
    alpha = np.zeros(small, np.float32)
    part = np.zeros(small, np.uint8)
    for layer in sorted((person, *others), key=lambda one: -float(one.vertices[:, 2].mean())):
        drawn = _drawn(layer, camera, window, small)
        before = _before(drawn, depth)
        if not before.any():
            continue
        cover = _averaged(before.astype(np.float32), small)
        sent = _sent(layer, drawn, camera, light, window, small)
        picture = picture * (1 - cover[..., None]) + _averaged(sent * before[..., None], small)
        if layer is person:
            alpha, part = cover, _parts(layer, drawn, before)
        else:
            alpha = alpha * (1 - cover)
            part = np.where(cover > 0.5, np.uint8(Part.OTHER), part)
            own_shade = own_shade * (1 - cover)
    mask = _mask(part, alpha, own_shade, size)
    again = np.random.default_rng(random.integers(2**63)) if background else None
    pixels = developed(picture, camera, moment.native_px, size, random)
    alone = None if again is None else developed(empty, camera, moment.native_px, size, again)
    return Picture(pixels, mask, alone, moment, light.name)


def _middles(window: Window, size: tuple[int, int]) -> Floats:
    """(H, W, 2) pixels of the frame at the middles of a crop's pixels."""
    columns, rows = np.meshgrid((np.arange(size[1]) + 0.5) / size[1], (np.arange(size[0]) + 0.5) / size[0])
    places = np.stack([window[0] + columns * window[2], window[1] + rows * window[3]], axis=2)
    return places.astype(np.float32)


def _sent(figure: Figure, drawn: Drawn, camera: Camera, light: Light, window: Window, size: tuple[int, int]) -> Floats:
    """(H, W, 3) of the finer pixels: the light of a figure."""
    fine = np.zeros((*drawn.triangle.shape, 3), np.float32)
    eye = np.array([0, camera.height_m, 0], np.float32)
    away = float(figure.vertices[:, 2].mean())
    pixel_m = away / camera.focal_px * window[3] / (FINER * size[0])
    fine[drawn.triangle >= 0] = shaded(figure, drawn, light, eye, pixel_m)
    return fine


def _mask(part: Bytes, alpha: Floats, shade: Floats, size: tuple[int, int]) -> Bytes:
    """(H, W, 3) of the size of the picture, however coarse what was seen is."""
    wide = (size[1], size[0])
    part = np.asarray(cv2.resize(part, wide, interpolation=cv2.INTER_NEAREST), np.uint8)
    share, dark = (np.asarray(cv2.resize(one, wide), np.float32) for one in (alpha, shade))
    part = np.where((share < 0.25) & (part != Part.OTHER), np.uint8(Part.BACKGROUND), part)
    return np.stack([part, _byte(share), _byte(dark)], axis=2)


def _drawn(figure: Figure, camera: Camera, window: Window, size: tuple[int, int]) -> Drawn:
    finer = (FINER * size[0], FINER * size[1])
    places, depth = camera.seen(figure.vertices)
    return drawn_in(in_window(places, window, finer), depth, figure.triangles, finer)


def _before(drawn: Drawn, depth: Floats) -> NDArray[np.bool_]:
    """Which of the finer pixels show a figure before the scene: (2H, 2W) against depths (H, W) along the rays."""
    behind = np.repeat(np.repeat(depth, FINER, axis=0), FINER, axis=1)
    return (drawn.triangle >= 0) & (drawn.inverse_depth * (behind + 0.25) > 1)


def _averaged(fine: Floats, size: tuple[int, int]) -> Floats:
    small = cv2.resize(fine.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _parts(figure: Figure, drawn: Drawn, before: NDArray[np.bool_]) -> Bytes:
    """Which part of the person is seen at each pixel of the picture: of the finer ones, the last part that is seen."""
    fine = np.zeros(before.shape, np.uint8)
    of_surface = np.array([surface.part for surface in figure.surfaces], np.uint8)
    fine[before] = of_surface[figure.surface[drawn.triangle[before]]]
    corners = (fine[row::FINER, column::FINER] for row in range(FINER) for column in range(FINER))
    parts: Bytes = np.maximum.reduce(list(corners))
    return parts


def _byte(share: Floats) -> Bytes:
    return (np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)
