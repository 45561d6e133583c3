"""Skirts hang round the legs and keep their length, whatever the legs do."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import ConvexHull, Delaunay

from ccreid.synthetic.clothes.skirts import COLUMNS, RINGS, Skirt, angles, fall


def hips(width_m: float = 0.34, depth_m: float = 0.24) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    turn = angles(0)
    ring = np.stack([width_m / 2 * np.sin(turn), np.zeros(COLUMNS), depth_m / 2 * np.cos(turn)], axis=1)
    return np.stack([ring + np.array((0, 1.0 - 0.02 * row, 0)) for row in range(RINGS)])


def legs(forward_m: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Two posts from the hips to the ground, one foot ahead and the other one behind."""
    share = np.linspace(0, 1, 60)[:, None]
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    round_ = 0.07 * np.stack([np.sin(turn), np.zeros(16), np.cos(turn)], axis=1)
    posts = []
    for side, ahead in ((1, forward_m), (-1, -forward_m)):
        middle = np.array((side * 0.09, 0.92, 0.0)) + share * np.array((0, -0.92, ahead))
        posts.append((middle[:, None] + round_).reshape(-1, 3))
    return np.concatenate(posts)


SKIRT = Skirt(top=0.3, length=0.6, flare=0.05, folds_m=0.0, gap=0.0)


@pytest.mark.parametrize("forward_m", [0.0, 0.2, 0.4])
def test_both_legs_are_inside_every_ring(forward_m: float) -> None:
    points, _ = fall(SKIRT, hips(), legs(forward_m), 0.5)
    rows = points.reshape(-1, COLUMNS, 3)
    for row in rows[RINGS + 2 :: 3]:
        near = legs(forward_m)
        near = near[np.abs(near[:, 1] - row[:, 1].mean()) < 0.012]
        inside = Delaunay(row[:, [0, 2]]).find_simplex(near[:, [0, 2]]) >= 0
        assert inside.mean() > 0.97


def test_the_cloth_is_not_stretched_by_a_stride() -> None:
    lengths = []
    for forward_m in (0.0, 0.2, 0.35):
        points, _ = fall(SKIRT, hips(), legs(forward_m), 0.5)
        rows = points.reshape(-1, COLUMNS, 3)[RINGS - 1 :]
        lengths.append(np.linalg.norm(np.diff(rows, axis=0), axis=2).sum(axis=0))
    still, small, large = lengths
    np.testing.assert_allclose(still, 0.5, rtol=0.05)
    np.testing.assert_allclose(small, still, rtol=0.12)
    np.testing.assert_allclose(large, still, rtol=0.25)


def test_what_hangs_free_goes_straight_down_and_flares_as_told() -> None:
    far = np.array(((0.0, 5.0, 0.0),))
    for flare in (0.0, 0.3):
        points, _ = fall(Skirt(0.3, 0.6, flare, 0.0, 0.0), hips(), far, 0.5)
        rows = points.reshape(-1, COLUMNS, 3)
        first, last = np.ptp(rows[RINGS - 1], axis=0), np.ptp(rows[-1], axis=0)
        assert last[0] - first[0] == pytest.approx(2 * 0.5 * flare, abs=0.02)
        assert ConvexHull(rows[-1][:, [0, 2]]).volume >= 0.97 * ConvexHull(rows[RINGS - 1][:, [0, 2]]).volume


def test_an_open_one_has_a_gap_in_front() -> None:
    turn = angles(0.2)
    assert turn[0] == pytest.approx(0.2)
    assert turn[-1] == pytest.approx(2 * np.pi - 0.2)
    ring = np.stack([0.17 * np.sin(turn), np.zeros(COLUMNS), 0.12 * np.cos(turn)], axis=1)
    open_hips = np.stack([ring + np.array((0, 1.0 - 0.02 * row, 0)) for row in range(RINGS)])
    _, closed = fall(SKIRT, hips(), legs(0.1), 0.5)
    _, opened = fall(Skirt(0.3, 0.6, 0.05, 0.0, 0.2), open_hips, legs(0.1), 0.5)
    rows = len(closed) // (2 * COLUMNS)
    assert len(opened) == 2 * rows * (COLUMNS - 1)
