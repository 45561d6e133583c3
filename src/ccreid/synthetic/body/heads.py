"""The skin that is seen, with what is painted on the face, and the eyes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import Body, body_of
from ccreid.synthetic.body.looks import Looks
from ccreid.synthetic.body.shapes import Build
from ccreid.synthetic.body.shells import HEAD_M
from ccreid.synthetic.body.suit import skin
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.meshes import triangulated
from ccreid.synthetic.parts import Drawn

Floats = NDArray[np.floating]

EYES = ("helper-l-eye", "helper-r-eye")
WHITE = (0.5, 0.47, 0.45)


def skin_of(looks: Looks, build: Build, hidden: NDArray[np.bool_]) -> list[Drawn]:
    """The skin that no garment hides, and the eyes, unposed.

    Parameters
    ----------
    hidden:
        (n,) for the points of :func:`ccreid.synthetic.body.suit.skin`.
    """
    sheet = skin()
    mouth = sheet.piece.mixture @ anatomy().masks["inside-mouth"] > 0.5
    seen = sheet.piece.triangles[~(hidden | mouth)[sheet.piece.triangles].all(axis=1)]
    used = np.unique(seen)
    place = np.zeros(len(hidden), np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    flesh = Drawn(
        skin_points(build)[used],
        sheet.weights[used],
        place[seen],
        Surface(Part.SKIN, np.array(looks.skin, np.float32), gloss=0.15),
        _paint(looks, build)[used],
    )
    return [flesh, *(_eye(name, looks, body_of(build)) for name in EYES)]


def skin_points(build: Build) -> NDArray[np.float32]:
    """(n, 3) points of :func:`ccreid.synthetic.body.suit.skin` on a body, unposed."""
    return np.asarray(skin().piece.mixture @ body_of(build).points, np.float32)


def head_m(build: Build) -> float:
    """The height of the head, from chin to crown."""
    sheet, points = skin(), skin_points(build)
    chin = points[(sheet.places.in_head > 0.9) & (sheet.places.at[:, 2] > 0.11), 1].min()
    return float(points[:, 1].max() - chin)


def _eye(name: str, looks: Looks, body: Body) -> Drawn:
    """An eyeball with a painted iris."""
    quads = anatomy().meshes[name]
    numbers, corners = np.unique(quads, return_inverse=True)
    points = body.points[numbers]
    away = points - points.mean(axis=0)
    ahead = away[:, 2] / np.maximum(np.linalg.norm(away, axis=1), 1e-9)
    pupil, iris = (ahead > 0.9)[:, None], (ahead > 0.72)[:, None]
    color = np.where(pupil, np.full(3, 0.01), np.where(iris, np.array(looks.eyes), np.array(WHITE)))
    return Drawn(
        points,
        anatomy().weights[numbers],
        triangulated(corners.reshape(-1, 4).astype(np.int32)),
        Surface(Part.SKIN, np.array(WHITE, np.float32), gloss=0.6),
        np.asarray(color / np.array(WHITE), np.float32),
    )


@lru_cache(maxsize=16)
def _paint(looks: Looks, build: Build) -> NDArray[np.float32]:
    """(n, 3) factors on the skin's colour: lips, brows, beard, shadow round the eyes, the scalp below hair."""
    sheet, masks, body, points = skin(), anatomy().masks, body_of(build), skin_points(build)
    at = sheet.places.at
    skin_color = np.array(looks.skin)
    lips = np.asarray(sheet.piece.mixture @ masks["lips"])
    paint = np.ones((len(points), 3))

    def cover(share: Floats, color: Floats) -> None:
        paint[:] = paint * (1 - share)[:, None] + share[:, None] * (color / skin_color)

    hair = np.array(looks.hair.color)
    size = head_m(build)
    for name in EYES:
        eye = body.points[np.unique(anatomy().meshes[name])].mean(axis=0)
        aside, above, before = ((points - eye) / size * HEAD_M).T
        front = before > -0.01
        cover(0.25 * np.exp(-(aside**2 + above**2) / (2 * 0.013**2)) * front, skin_color * 0.3)
        outer = aside * np.sign(eye[0])
        line = 0.0215 - 0.35 * np.abs(outer - 0.004) * (outer > 0.004)
        brow = np.exp(-(((above - line) / (0.0028 + 0.0025 * looks.brows)) ** 2) - ((outer - 0.001) / 0.021) ** 4)
        cover(brow * front * (0.35 + 0.6 * looks.brows), hair * 0.8)
    cover(np.clip(lips, 0, 1), np.array(looks.lips))
    if looks.beard > 0:
        cover(_beard(looks, at) * (1 - lips), hair)
    return np.clip(paint, 0.02, 12).astype(np.float32)


def _beard(looks: Looks, at: NDArray[np.float32]) -> Floats:
    """(n,) how densely a beard grows where, on the base mesh: its mouth is 0.66 m high."""
    x, y, z = at.T
    before = ramp(z, 0.05, 0.075) * (np.abs(x) < 0.09)
    jaw = before * ramp(-y, -0.685 - 0.25 * np.clip(0.11 - z, 0, 0.05), -0.655) * ramp(y, 0.59, 0.615)
    lip = ramp(z, 0.095, 0.115) * np.exp(-(((y - 0.677 + 0.25 * np.abs(x)) / 0.008) ** 2) - (x / 0.042) ** 4)
    chin = jaw * np.exp(-((x / 0.032) ** 4)) * ramp(z, 0.1, 0.12)
    grown = {"full": np.maximum(jaw, lip), "chin": np.maximum(chin, lip), "moustache": lip}
    dense: Floats = looks.beard * grown.get(looks.beard_form, 0.45 * np.maximum(jaw, lip))
    return dense
