"""Garments are cut from the suit as if every triangle had been cut at every edge."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.layers import edges_of_bottom, edges_of_top, sewn
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.meshes import Piece, cut
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
    slow = Piece(sparse.csr_array(sparse.eye_array(len(lying), format="csr", dtype=np.float32)), sheet.piece.triangles)
    for edge in edges:
        slow = cut(slow, np.asarray(slow.mixture @ edge))
    quick = sewn(edges, lying, SURFACE)
    points = np.asarray(slow.mixture @ lying)
    assert len(quick.triangles) == len(slow.triangles)
    assert len(np.unique(quick.triangles)) == len(quick.points) == len(points)
    assert np.sort(areas(quick.points, quick.triangles)) == pytest.approx(
        np.sort(areas(points, slow.triangles)), abs=1e-7
    )
    assert quick.weights.sum(axis=1) == pytest.approx(1, abs=1e-3)
    # As many edges of triangles lie at the rim: no seam has opened between what was cut and what was not.
    assert rim(quick.triangles) == rim(slow.triangles)


def rim(triangles: np.ndarray) -> int:
    ends = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return int((np.unique(ends, axis=0, return_counts=True)[1] == 1).sum())
