"""The rasteriser against the definition, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.pictures.raster import draw, drawn_in


def slowly(places: np.ndarray, inverse: np.ndarray, triangles: np.ndarray, height: int, width: int) -> np.ndarray:
    """The number of the nearest triangle around the middle of each pixel; -1 for none."""
    seen = np.full((height, width), -1)
    for row in range(height):
        for column in range(width):
            nearest = 0.0
            for number, corners in enumerate(triangles):
                a, b, c = places[corners].astype(float)
                system = np.array([[a[0], b[0], c[0]], [a[1], b[1], c[1]], [1, 1, 1]])
                if abs(np.linalg.det(system)) < 1e-9:
                    continue
                shares = np.linalg.solve(system, [column + 0.5, row + 0.5, 1])
                depth = float(shares @ inverse[corners])
                if (shares >= 0).all() and depth > nearest:
                    nearest, seen[row, column] = depth, number
    return seen


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_triangle_is_seen(seed: int) -> None:
    random = np.random.default_rng(seed)
    places = random.uniform(-4, 20, (18, 2)).astype(np.float32)
    inverse = random.uniform(0.1, 1, 18).astype(np.float32)
    triangles = random.integers(0, 18, (9, 3)).astype(np.int32)
    assert np.array_equal(draw(places, inverse, triangles, 14, 16).triangle, slowly(places, inverse, triangles, 14, 16))


def test_values_are_interpolated_in_space_and_not_on_the_picture() -> None:
    # A floor that runs away from the eye: half-way up the picture it is not half-way along.
    places = np.array([[0, 8], [8, 8], [0, 0], [8, 0]], np.float32)
    depth = np.array([1, 1, 4, 4], np.float32)
    triangles = np.array([[0, 1, 2], [1, 3, 2]], np.int32)
    drawn = drawn_in(places, depth, triangles, (8, 8))
    assert (drawn.triangle >= 0).all()
    along = drawn.at(depth[:, None], triangles).reshape(8, 8)
    share = (np.arange(8) + 0.5) / 8  # from the top
    assert along == pytest.approx(np.repeat((1 / (share + (1 - share) / 4))[:, None], 8, axis=1), rel=1e-5)
    assert drawn.inverse_depth == pytest.approx(1 / along, rel=1e-5)


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    places = np.array([[0, 0], [8, 0], [0, 8]], np.float32)
    drawn = drawn_in(places, np.array([1, -1, 1], np.float32), np.array([[0, 1, 2]], np.int32), (8, 8))
    assert (drawn.triangle == -1).all()
