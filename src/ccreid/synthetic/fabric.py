"""What cloth looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Fabric:
    """A cloth in one colour.

    Attributes
    ----------
    color:
        (3,) linear RGB in [0, 1].
    """

    color: NDArray[np.float32]


def draw_fabric(random: np.random.Generator, garment: str) -> Fabric:  # noqa: ARG001 - every kind is one colour as yet
    """A cloth such as garments of this kind are made of."""
    return Fabric(random.uniform(0.02, 0.8, 3).astype(np.float32))
