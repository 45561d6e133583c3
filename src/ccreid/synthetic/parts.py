"""The pieces of a figure before a pose moves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.fabric import Fabric
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.skirts import Skirt

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Drawn:
    """A piece that bones move.

    Attributes
    ----------
    points:
        (n, 3) unposed, metres.
    weights:
        (n, B) of the bones.
    triangles:
        (F, 3) counter-clockwise from outside.
    paint:
        (n, 3) factor on the surface's colour, None for 1.
    """

    points: Floats
    weights: sparse.csr_array
    triangles: NDArray[np.int32]
    surface: Surface
    paint: Floats | None = None


@dataclass(frozen=True, eq=False)
class Hanging:
    """A skirt, which hangs anew in every pose.

    Attributes
    ----------
    suit:
        (m, 3) where the garment has the suit's points, unposed.
    """

    skirt: Skirt
    surface: Surface
    suit: Floats


def in_fabric(part: Part, fabric: Fabric, gloss: float = 0.0) -> Surface:
    """A surface that shows the fabric's own colours."""
    return Surface(part, np.ones(3, np.float32), fabric, gloss)
