"""The pieces of a figure before a pose moves them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.fabric import Fabric
from ccreid.synthetic.figure import Part, Surface

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


def in_fabric(part: Part, fabric: Fabric, gloss: float = 0.0) -> Surface:
    """A surface that shows the fabric's own colours."""
    return Surface(part, np.ones(3, np.float32), fabric, gloss)


def bound(count: int, bones: Mapping[str, float]) -> sparse.csr_array:
    """(count, B) weights of a thing that moves as a whole with one bone or a mixture of several."""
    parts = anatomy()
    columns = np.array([parts.bone(name) for name in bones])
    shares = np.array(list(bones.values()), np.float32)
    rows = np.repeat(np.arange(count), len(columns))
    entries = sparse.coo_array(
        (np.tile(shares, count), (rows, np.tile(columns, count))), shape=(count, len(parts.bones))
    )
    return sparse.csr_array(entries)
