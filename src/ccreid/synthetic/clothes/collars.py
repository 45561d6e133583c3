"""What stands or lies round the neck: collars, hoods, scarves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.garments import Collar
from ccreid.synthetic.clothes.sections import section
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.fabric import Fabric, draw_fabric
from ccreid.synthetic.figure import Surface
from ccreid.synthetic.meshes import grid_triangles
from ccreid.synthetic.parts import Drawn

Floats = NDArray[np.floating]

COLUMNS = 40
BASE_M = 0.601
"""Height of the base mesh at which collars begin."""
BASE_MIDDLE_M = 0.022
"""The neck's middle there, before the body's."""


@dataclass(frozen=True)
class Form:
    """The profile of a collar.

    Attributes
    ----------
    behind, before:
        Rows from the neck's base on, centimetres up and outwards: at the nape and at the throat.
    gap:
        Degrees that stay open in front, on each side of the middle.
    """

    behind: tuple[tuple[float, float], ...]
    before: tuple[tuple[float, float], ...]
    gap: float


FORMS = {
    Collar.SHIRT: Form(
        ((-0.5, 0.2), (3.2, 0.4), (3.6, 0.9), (1.8, 1.7), (-0.6, 2.2)),
        ((-0.8, 0.2), (1.0, 0.5), (1.2, 1.2), (-1.4, 2.0), (-4.2, 2.0)),
        7,
    ),
    Collar.STAND: Form(((-1, 0.3), (2.5, 0.6), (4.8, 0.9)), ((-1, 0.4), (1.5, 1.0), (3.2, 1.6)), 5),
    Collar.ROLL: Form(
        ((-1, 0.2), (4.0, 0.5), (4.5, 1.2), (2.5, 1.5), (0.0, 1.4)),
        ((-1, 0.2), (2.6, 0.9), (3.0, 1.7), (1.2, 1.9), (-1.0, 1.6)),
        0,
    ),
    Collar.LAPELS: Form(
        ((-0.8, 0.3), (3.0, 0.5), (3.3, 1.2), (1.0, 2.2), (-2.0, 3.0)),
        ((-1.5, 0.6), (0.6, 0.9), (0.7, 1.6), (-1.5, 2.4), (-4.0, 2.6)),
        48,
    ),
    Collar.HOOD: Form(
        ((-2, 0.4), (3.0, 2.0), (4.2, 5.0), (1.5, 8.0), (-4.5, 8.6), (-9.5, 6.2), (-11, 3.0)),
        ((-1, 0.3), (1.0, 0.8), (1.2, 1.6), (0.2, 2.3), (-1.6, 2.4), (-2.8, 1.8), (-3.2, 0.8)),
        12,
    ),
}


@dataclass(frozen=True)
class Scarf:
    """A scarf, wound once round the neck.

    Attributes
    ----------
    thick:
        From a thin shawl (0) to thick knitwear (1).
    """

    fabric: Fabric
    thick: float


def draw_scarf(random: np.random.Generator) -> Scarf:
    """A scarf."""
    return Scarf(draw_fabric(random, "scarf"), float(random.random()))


def collar_of(collar: Collar, lying: Floats, surface: Surface) -> list[Drawn]:
    """The collar of a garment, unposed; nothing where it has none here, as for a hood that is up.

    Parameters
    ----------
    lying:
        (n, 3) where the garment has the suit's points.
    """
    form = FORMS.get(collar)
    return [] if form is None else [_round_neck(form, lying, surface)]


def scarf_of(scarf: Scarf, lying: Floats, surface: Surface) -> list[Drawn]:
    """A scarf over a garment, unposed; `lying` as in :func:`collar_of`."""
    out = 2.2 + 2.6 * scarf.thick
    behind = ((-2.5, 0.8), (-0.5, out), (2.5, out + 0.4), (4.8, 0.6 * out), (4.6, 0.4))
    before = ((-5.5, 0.6), (-4.5, out + 0.6), (-1.0, out + 1.6), (2.2, 0.7 * out + 0.6), (2.2, 0.6))
    return [_round_neck(Form(behind, before, 0), lying, surface)]


def _round_neck(form: Form, lying: Floats, surface: Surface) -> Drawn:
    base = _base(form.gap)
    ring = np.asarray(base @ lying)
    turn = _angles(form.gap)
    out = np.stack([np.sin(turn), np.zeros(COLUMNS), np.cos(turn)], axis=1)
    behind = ramp(1 - np.cos(turn), 0.3, 1.7)[:, None, None]
    profile = (behind * np.array(form.behind) + (1 - behind) * np.array(form.before)) / 100
    points = ring[:, None] + profile[:, :, :1] * (0.0, 1.0, 0.12) + profile[:, :, 1:] * out[:, None]
    rows = profile.shape[1]
    weights = sparse.csr_array(sparse.vstack([base @ suit().weights] * rows))
    triangles = grid_triangles(rows, COLUMNS, closed=not form.gap)[:, ::-1]  # the first row is the lowest
    return Drawn(points.transpose(1, 0, 2).reshape(-1, 3).astype(np.float32), weights, triangles, surface)


def _angles(gap: float) -> Floats:
    """(COLUMNS,) radians from the front over the left side."""
    if gap:
        return np.radians(np.linspace(gap, 360 - gap, COLUMNS))
    return np.arange(COLUMNS) / COLUMNS * 2 * np.pi


@lru_cache(maxsize=8)
def _base(gap: float) -> sparse.csr_array:
    """(COLUMNS, n) the base of the neck as mixtures of the suit's points."""
    x, y, z = suit().places.at.T
    return section(y - BASE_M, (0.0, BASE_MIDDLE_M), (x, z), _angles(gap))
