"""The one hot loop: which triangle is nearest at each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

NEAREST_M = np.float32(0.3)
"""What is nearer to the camera is behind it."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What is seen of a mesh in a window of H x W pixels.

    Attributes
    ----------
    triangle:
        (H, W) int32: which one; -1 where there is none.
    weights:
        (H, W, 3) float32: how near the point that is seen is to each corner, in space and not on the picture.
    inverse_depth:
        (H, W) float32: one over the distance along the axis of the view; 0 where nothing is.
    """

    triangle: Ints
    weights: Floats
    inverse_depth: Floats

    def at(self, values: Floats, triangles: Ints) -> Floats:
        """(N, C) values of the vertices (V, C), at the N pixels where something is seen, row by row."""
        seen = np.flatnonzero(self.triangle >= 0)
        corners = triangles[self.triangle.ravel()[seen]]
        weights = self.weights.reshape(-1, 3)[seen]
        found: Floats = np.einsum("nk,nkc->nc", weights, values[corners])
        return found


def draw(places: Floats, inverse_depth: Floats, triangles: Ints, height: int, width: int) -> Drawn:
    """Draw a mesh.

    Parameters
    ----------
    places:
        (V, 2) float32: column and row in pixels, the middle of the first pixel at 0.5.
    inverse_depth:
        (V,) float32, above 0; a triangle with a corner at 0 or below is left out.
    triangles:
        (F, 3).
    """
    drawn = Drawn(
        np.full((height, width), -1, np.int32),
        np.zeros((height, width, 3), np.float32),
        np.zeros((height, width), np.float32),
    )
    _draw(places, inverse_depth, triangles, drawn.triangle, drawn.weights, drawn.inverse_depth)
    return drawn


def drawn_in(places: Floats, depth: Floats, triangles: Ints, size: tuple[int, int]) -> Drawn:
    """Draw a mesh from (V, 2) pixels and (V,) depths in metres; what is nearer than :data:`NEAREST_M` is left out."""
    inverse = np.where(depth > NEAREST_M, 1 / np.maximum(depth, NEAREST_M), -1).astype(np.float32)
    return draw(places, inverse, triangles, *size)


@njit(cache=True)
def _draw(places, inverse_depth, triangles, seen, weights, nearest):  # type: ignore[no-untyped-def]
    height, width = seen.shape
    for number in range(len(triangles)):
        a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        za, zb, zc = inverse_depth[a], inverse_depth[b], inverse_depth[c]
        if za <= 0 or zb <= 0 or zc <= 0:
            continue
        xa, ya = places[a, 0], places[a, 1]
        xb, yb = places[b, 0], places[b, 1]
        xc, yc = places[c, 0], places[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0:
            continue
        left = max(0, int(np.floor(min(xa, xb, xc) - 0.5)))
        right = min(width - 1, int(np.ceil(max(xa, xb, xc) - 0.5)))
        top = max(0, int(np.floor(min(ya, yb, yc) - 0.5)))
        bottom = min(height - 1, int(np.ceil(max(ya, yb, yc) - 0.5)))
        for row in range(top, bottom + 1):
            y = row + 0.5
            for column in range(left, right + 1):
                x = column + 0.5
                wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                wc = 1 - wa - wb
                if wa < 0 or wb < 0 or wc < 0:
                    continue
                depth = wa * za + wb * zb + wc * zc
                if depth > nearest[row, column]:
                    nearest[row, column] = depth
                    seen[row, column] = number
                    weights[row, column, 0] = wa * za / depth
                    weights[row, column, 1] = wb * zb / depth
                    weights[row, column, 2] = wc * zc / depth
