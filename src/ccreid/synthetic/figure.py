"""A clothed person as a mesh: what bodies and outfits become, and what a picture is drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.fabric import Fabric

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Part(IntEnum):
    """What is seen at a pixel, as masks write it."""

    BACKGROUND = 0
    SKIN = 1
    HAIR = 2
    UPPER = 3
    LOWER = 4
    SHOES = 5
    ACCESSORY = 6
    OTHER = 7
    """Things and other people in front."""


@dataclass(frozen=True)
class Surface:
    """What a part of a figure is made of.

    Attributes
    ----------
    color:
        (3,) linear RGB in [0, 1]. Where there is a fabric, that gives the colours.
    gloss:
        How much it shines: 0 is chalk, 1 is patent leather.
    """

    part: Part
    color: Floats
    fabric: Fabric | None = None
    gloss: float = 0.0


@dataclass(frozen=True)
class Figure:
    """A person in an outfit and a pose, with V vertices and F triangles.

    Metres; y is up and the ground y = 0. It stands at the origin and looks towards +z; +x is its left. Figures of one
    person in one outfit share what a pose does not change: write to none of their arrays.

    Attributes
    ----------
    vertices:
        (V, 3).
    normals:
        (V, 3) of length 1, away from the body.
    triangles:
        (F, 3) numbers of vertices, counter-clockwise seen from outside. Garments are open sheets: their inner
        side may be seen.
    surface:
        (F,) number of each triangle's surface.
    cloth:
        (V, 3) where the vertex lies when the person stands upright with hanging arms, metres: a pattern in these
        coordinates moves with the cloth, and goes round sleeves and legs.
    paint:
        (V, 3) factor on the surface's colour: lips, brows, a beard, the iris. 1 elsewhere.
    surfaces:
        What `surface` counts through.
    height_m:
        Of the body without shoes, hair or hat, standing upright.
    """

    vertices: Floats
    normals: Floats
    triangles: Ints
    surface: Ints
    cloth: Floats
    paint: Floats
    surfaces: tuple[Surface, ...]
    height_m: float
