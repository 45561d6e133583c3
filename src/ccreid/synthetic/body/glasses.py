"""Glasses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import Body
from ccreid.synthetic.body.heads import EYES
from ccreid.synthetic.body.looks import Looks
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.parts import Drawn, bound
from ccreid.synthetic.solids import tube

Floats = NDArray[np.floating]


def glasses_of(looks: Looks, body: Body, size_m: float) -> list[Drawn]:
    """The frame of a person's glasses, unposed; nothing where they have none.

    Parameters
    ----------
    size_m:
        The head's height.
    """
    if looks.glasses is None:
        return []
    surface = Surface(Part.ACCESSORY, np.array(looks.glasses, np.float32), gloss=0.5)
    unit = size_m / 0.22
    drawn = []
    angle = np.linspace(0, 2 * np.pi, 25)
    power = 1 - 0.55 * (1 - looks.glasses_round)  # below 1 the circle becomes a rounded rectangle
    round_x, round_y = (np.sign(wave) * np.abs(wave) ** power for wave in (np.cos(angle), np.sin(angle)))
    for name in EYES:
        eye = body.points[np.unique(anatomy().meshes[name])].mean(axis=0)
        side = np.sign(eye[0])
        middle = eye + np.array((side * 0.001, -0.003, 0.027)) * unit
        height = 0.015 + 0.006 * looks.glasses_round
        rim = np.stack([0.0245 * round_x, height * round_y, -0.004 * round_x**2], axis=1) * unit
        bridge = np.array(((-side * 0.0235, 0.003, -0.002), (-side * 0.0335, 0.005, 0.001))) * unit
        temple = np.array(((0.0245, 0.006, -0.004), (0.037, 0.006, -0.02), (0.042, 0.006, -0.09))) * unit
        for line in (rim, bridge, temple * (side, 1, 1)):
            drawn.append(_wire(middle + line, surface, 0.0019 * unit))
    return drawn


def _wire(line: Floats, surface: Surface, radius_m: float) -> Drawn:
    points, triangles = tube(line, np.full(len(line), radius_m), 5)
    return Drawn(points, bound(len(points), {"head": 1}), triangles, surface)
