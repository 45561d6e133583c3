"""The hot loops: which triangle is nearest at each pixel, and what its corners say there."""

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
    inverse_depth:
        (H, W) float32: one over the distance along the axis of the view; 0 where nothing is.
    places, corners:
        (V, 2) where the vertices are on the picture, and (V,) one over their depths.
    """

    triangle: Ints
    inverse_depth: Floats
    places: Floats
    corners: Floats

    def at(self, values: Floats, triangles: Ints) -> Floats:
        """(N, C) values of the vertices (V, C), at the N pixels where something is seen, row by row.

        They are blended by how near the point is to each corner in space, and not on the picture.
        """
        found = np.empty((int((self.triangle >= 0).sum()), values.shape[1]), np.float32)
        _blend(self.triangle, self.places, self.corners, triangles, np.ascontiguousarray(values), found)
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
    drawn = Drawn(np.full((height, width), -1, np.int32), np.zeros((height, width), np.float32), places, inverse_depth)
    _draw(places, inverse_depth, triangles, drawn.triangle, drawn.inverse_depth)
    return drawn


def drawn_in(places: Floats, depth: Floats, triangles: Ints, size: tuple[int, int]) -> Drawn:
    """Draw a mesh from (V, 2) pixels and (V,) depths in metres; what is nearer than :data:`NEAREST_M` is left out."""
    inverse = np.where(depth > NEAREST_M, 1 / np.maximum(depth, NEAREST_M), -1).astype(np.float32)
    return draw(places, inverse, triangles, *size)


@njit(cache=True)
def _draw(places, inverse_depth, triangles, seen, nearest):  # type: ignore[no-untyped-def]
    """Most triangles are smaller than a pixel: those around no pixel's middle are passed over at once."""
    height, width = seen.shape
    for number in range(len(triangles)):
        a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        za, zb, zc = inverse_depth[a], inverse_depth[b], inverse_depth[c]
        if za <= 0 or zb <= 0 or zc <= 0:
            continue
        ya, yb, yc = places[a, 1], places[b, 1], places[c, 1]
        top = max(0, int(np.ceil(min(ya, yb, yc) - 0.5)))
        bottom = min(height - 1, int(np.floor(max(ya, yb, yc) - 0.5)))
        if top > bottom:
            continue
        xa, xb, xc = places[a, 0], places[b, 0], places[c, 0]
        left = max(0, int(np.ceil(min(xa, xb, xc) - 0.5)))
        right = min(width - 1, int(np.floor(max(xa, xb, xc) - 0.5)))
        if left > right:
            continue
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if area == 0:
            continue
        # How near a point is to a corner changes evenly along a row.
        step_a, step_b = (yb - yc) / np.float64(area), (yc - ya) / np.float64(area)
        for row in range(top, bottom + 1):
            x, y = left + 0.5, row + 0.5
            wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
            wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
            for column in range(left, right + 1):
                wc = 1 - wa - wb
                if wa >= 0 and wb >= 0 and wc >= 0:
                    depth = wa * za + wb * zb + wc * zc
                    if depth > nearest[row, column]:
                        nearest[row, column] = depth
                        seen[row, column] = number
                wa += step_a
                wb += step_b


@njit(cache=True)
def _blend(seen, places, inverse_depth, triangles, values, found):  # type: ignore[no-untyped-def]
    height, width = seen.shape
    at = 0
    for row in range(height):
        for column in range(width):
            number = seen[row, column]
            if number < 0:
                continue
            a, b, c = triangles[number, 0], triangles[number, 1], triangles[number, 2]
            x, y = column + 0.5, row + 0.5
            ax, ay = places[a, 0] - x, places[a, 1] - y
            bx, by = places[b, 0] - x, places[b, 1] - y
            cx, cy = places[c, 0] - x, places[c, 1] - y
            wa = (bx * cy - cx * by) * inverse_depth[a]
            wb = (cx * ay - ax * cy) * inverse_depth[b]
            wc = (ax * by - bx * ay) * inverse_depth[c]
            whole = wa + wb + wc
            wa, wb, wc = wa / whole, wb / whole, wc / whole
            for value in range(values.shape[1]):
                found[at, value] = wa * values[a, value] + wb * values[b, value] + wc * values[c, value]
            at += 1
