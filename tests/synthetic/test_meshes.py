"""Cutting, subdividing and normals, against what plain loops and plain shapes say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.meshes import (
    Piece,
    grid_triangles,
    kept,
    normals_of,
    parted,
    subdivided,
    triangulated,
)
from ccreid.synthetic.solids import ribbon, rounded_box, tube

Points = NDArray[np.floating]
Triangles = NDArray[np.int32]

CUBE = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]], np.int32)


def whole(points: NDArray[np.floating], triangles: NDArray[np.int32]) -> Piece:
    return Piece(sparse.csr_array(sparse.eye_array(len(points), format="csr", dtype=np.float32)), triangles)


def cut(points: Points, triangles: Triangles, side: Points) -> tuple[Points, Triangles]:
    """What lies on the positive side, with the points along the line, and without those that fell away."""
    left, pairs, share = parted(triangles, side)
    between = points[pairs[:, 0]] * (1 - share)[:, None] + points[pairs[:, 1]] * share[:, None]
    used, number = np.unique(left, return_inverse=True)
    return np.concatenate([points, between])[used], number.reshape(-1, 3).astype(np.int32)


def area(points: NDArray[np.floating], triangles: NDArray[np.int32]) -> float:
    return sum(
        float(np.linalg.norm(np.cross(points[b] - points[a], points[c] - points[a]))) / 2 for a, b, c in triangles
    )


def volume(points: NDArray[np.floating], triangles: NDArray[np.int32]) -> float:
    """Of a closed mesh whose triangles run counter-clockwise seen from outside."""
    return sum(float(np.dot(points[a], np.cross(points[b], points[c]))) / 6 for a, b, c in triangles)


@pytest.mark.parametrize("height", [-0.9, -0.35, 0.0, 0.6])
def test_a_cut_leaves_the_area_on_the_positive_side_with_its_edge_on_the_line(height: float) -> None:
    triangles = triangulated(QUADS)
    points, left = cut(CUBE, triangles, CUBE[:, 1] - height)
    assert points[:, 1].min() == pytest.approx(height, abs=1e-6)
    assert area(points, left) == pytest.approx(4 + 4 * 2 * (1 - height), rel=1e-5)
    center = np.array((0, 0, 0))
    for a, b, c in points[left]:  # every triangle still faces outwards
        assert np.dot(np.cross(b - a, c - a), a - center) > 0


def test_two_cuts_leave_no_crack_between_neighbours() -> None:
    points = np.stack(np.meshgrid(np.arange(6.0), np.arange(6.0), [0.0], indexing="ij"), axis=-1).reshape(-1, 3)
    triangles = grid_triangles(6, 6, closed=False)
    for slant in ((1.0, 0.3, -2.2), (-0.4, 1.0, -1.1)):
        points, triangles = cut(points, triangles, points[:, 0] * slant[0] + points[:, 1] * slant[1] + slant[2])
    edges: dict[tuple[int, int], int] = {}
    for triangle in triangles:
        for a, b in zip(triangle, np.roll(triangle, -1), strict=True):
            edges[int(a), int(b)] = edges.get((int(a), int(b)), 0) + 1
    assert max(edges.values()) == 1  # no two triangles on the same side of an edge
    rim = [(a, b) for a, b in edges if (b, a) not in edges]
    ends = {a for a, _ in rim}
    assert {b for _, b in rim} == ends  # the rim is closed
    assert len(rim) == len(ends)  # and one line


def test_nothing_is_left_where_all_is_outside_and_all_where_nothing_is() -> None:
    triangles = triangulated(QUADS)
    assert len(parted(triangles, np.full(8, -1.0))[0]) == 0
    everything, pairs, _ = parted(triangles, np.full(8, 1.0))
    assert np.array_equal(everything, triangles)
    assert len(pairs) == 0


def test_unused_points_go() -> None:
    piece = kept(whole(CUBE, triangulated(QUADS[1:2])))
    assert piece.mixture.shape == (4, 8)
    assert sorted((piece.mixture @ CUBE)[:, 0]) == [1, 1, 1, 1]


def test_a_subdivided_cube_is_what_catmull_and_clark_say() -> None:
    mixture, quads = subdivided(QUADS, 8)
    points = mixture @ CUBE
    assert quads.shape == (24, 4)
    np.testing.assert_allclose(mixture.sum(axis=1), 1, atol=1e-6)
    # By their rules on a cube: a corner becomes (F + 2 R + 0 P) / 3, an edge's point the mean of its two ends and
    # of the middles of its two faces, a face's point its middle.
    corner = np.array((1.0, 1.0, 1.0))
    faces = np.array(((1, 0, 0), (0, 1, 0), (0, 0, 1))).mean(axis=0)
    middles = np.array(((1, 1, 0), (1, 0, 1), (0, 1, 1))).mean(axis=0)
    np.testing.assert_allclose(points[7], (faces + 2 * middles + 0 * corner) / 3, atol=1e-6)
    edge = np.array(((1, 1, 1), (1, 1, -1), (1, 0, 0), (0, 1, 0))).mean(axis=0)
    assert np.abs(points[8:20] - edge).max(axis=1).min() < 1e-6
    assert np.abs(points[20:] - (0, 0, 1)).max(axis=1).min() < 1e-6
    assert volume(points, triangulated(quads)) > 0


def test_a_rim_is_smoothed_along_itself() -> None:
    square = np.array(((0.0, 0, 0), (0, 1, 0), (1, 1, 0), (1, 0, 0)))
    mixture, _ = subdivided(np.array([[0, 1, 2, 3]], np.int32), 4)
    points = mixture @ square
    np.testing.assert_allclose(points[0], (0.125, 0.125, 0), atol=1e-6)  # 3/4 of itself, 1/8 of each neighbour
    assert np.abs(points[4:8] - (0, 0.5, 0)).max(axis=1).min() < 1e-6


def test_normals_are_the_mean_of_the_triangles_round_a_point_by_area() -> None:
    random = np.random.default_rng(3)
    points = random.normal(size=(9, 3)).astype(np.float32)
    triangles = np.array([[0, 1, 2], [2, 1, 3], [3, 4, 5], [5, 6, 0], [0, 2, 6]], np.int32)
    expected = np.zeros((9, 3))
    for a, b, c in triangles:
        normal = np.cross(points[b] - points[a], points[c] - points[a])
        for corner in (a, b, c):
            expected[corner] += normal
    normals = normals_of(points, triangles)
    for point in range(7):
        np.testing.assert_allclose(normals[point], expected[point] / np.linalg.norm(expected[point]), atol=1e-5)
    np.testing.assert_array_equal(normals[7:], np.tile((0, 1, 0), (2, 1)))  # of no triangle: upwards


def test_a_net_that_goes_down_and_round_faces_outwards() -> None:
    angle = np.arange(12) / 12 * 2 * np.pi
    ring = np.stack([np.sin(angle), np.zeros(12), np.cos(angle)], axis=1)
    points = np.concatenate([ring + np.array((0, 1, 0)), ring])
    for a, b, c in points[grid_triangles(2, 12, closed=True)]:
        assert np.dot(np.cross(b - a, c - a), (a + b + c) * (1, 0, 1)) > 0
    assert len(grid_triangles(2, 12, closed=False)) == 22


def test_solids_face_outwards_and_have_their_sizes() -> None:
    box, faces = rounded_box(np.array((0.2, 0.4, 0.1)), 0.0)
    assert volume(box, faces) == pytest.approx(0.2 * 0.4 * 0.1, rel=1e-3)
    ball, faces = rounded_box(np.array((0.2, 0.2, 0.2)), 1.0, 12)
    assert volume(ball, faces) == pytest.approx(4 / 3 * np.pi * 0.1**3, rel=0.05)
    line = np.stack([np.zeros(20), np.linspace(0, -1, 20), np.linspace(0, 0.2, 20)], axis=1)
    for points, triangles in (
        tube(line, np.full(20, 0.05)),
        tube(line[::-1], np.full(20, 0.05)),
        ribbon(line, np.tile((0.03, 0, 0), (20, 1)), 0.004),
    ):
        assert volume(points, triangles) > 0
    round_, triangles = tube(line, np.full(20, 0.05), 24)
    assert area(round_, triangles) == pytest.approx(2 * np.pi * 0.05 * np.hypot(1, 0.2), rel=0.02)
