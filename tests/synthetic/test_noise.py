"""Noise is smooth, and repeats only far away."""

from __future__ import annotations

import numpy as np

from ccreid.synthetic.noise import noise

POINTS = np.random.default_rng(0).uniform(-1, 2, (4000, 3)).astype(np.float32)


def test_noise_is_smooth_of_mean_0_and_another_one_by_its_number() -> None:
    there, near = noise(POINTS, 0.1), noise(POINTS + np.float32(0.001), 0.1)
    assert abs(there.mean()) < 0.1
    assert 0.3 < there.std() < 0.8
    assert np.abs(there - near).max() < 0.2
    for other in (1, 2, 9_999):
        assert abs(np.corrcoef(there, noise(POINTS, 0.1, other))[0, 1]) < 0.1


def test_stretched_noise_varies_less_along_that_axis() -> None:
    step = np.float32(0.02)
    here = noise(POINTS, 0.05, 0, (1, 8, 1))
    across, along = (noise(POINTS + step * np.eye(3, dtype=np.float32)[axis], 0.05, 0, (1, 8, 1)) for axis in (0, 1))
    assert np.abs(along - here).mean() < 0.3 * np.abs(across - here).mean()


def test_the_lattice_holds_its_own_values_and_comes_again() -> None:
    corners = np.array([[x, y, z] for x in range(3) for y in range(3) for z in range(3)], np.float32) + 0.5
    assert np.array_equal(noise(corners, 1.0), noise(corners + np.float32(32), 1.0))
    assert np.unique(noise(corners, 1.0)).size == 27
