"""Garments are cut from the suit as if every triangle had been cut at every edge."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.layers import edges_of_bottom, edges_of_top, sewn
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.meshes import parted
from ccreid.synthetic.outfits import draw_outfit

SURFACE = Surface(Part.UPPER, np.ones(3, np.float32))


def areas(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    a, b, c = (points[triangles[:, corner]] for corner in range(3))
    return np.asarray(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1))


@pytest.mark.parametrize("number", range(6))
def test_only_what_an_edge_crosses_is_cut_and_nothing_else_is_lost(number: int) -> None:
    outfit, sheet = draw_outfit(3, number), suit()
    top = outfit.jacket or outfit.top
    edges = (
        edges_of_top(top, sheet.places)
        if number % 2 or not outfit.bottom
        else edges_of_bottom(outfit.bottom, sheet.places)
    )
    lying = np.asarray(sheet.places.at, np.float32)
    points, triangles, sides = lying, sheet.piece.triangles, np.stack(edges, axis=1)
    for number_of_edge in range(len(edges)):
        triangles, pairs, share = parted(triangles, sides[:, number_of_edge])
        points, sides = (
            np.concatenate([one, one[pairs[:, 0]] * (1 - share)[:, None] + one[pairs[:, 1]] * share[:, None]])
            for one in (points, sides)
        )
    quick = sewn(edges, lying, SURFACE)
    assert len(quick.triangles) == len(triangles)
    assert len(np.unique(quick.triangles)) == len(quick.points) == len(np.unique(triangles))
    one, other = (np.sort(found) for found in (areas(quick.points, quick.triangles), areas(points, triangles)))
    assert one == pytest.approx(other, abs=1e-7)
    assert quick.weights.sum(axis=1) == pytest.approx(1, abs=1e-3)
    # As many edges of triangles lie at the rim: no seam has opened between what was cut and what was not.
    assert rim(quick.triangles) == rim(triangles)


def rim(triangles: np.ndarray) -> int:
    ends = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return int((np.unique(ends, axis=0, return_counts=True)[1] == 1).sum())
