"""Cameras see straight, and each its own way."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.pictures.cameras import at_a_moment, draw_camera


@pytest.mark.parametrize("number", range(4))
def test_a_ray_meets_what_is_seen_there(number: int) -> None:
    camera = draw_camera(3, number)
    points = np.random.default_rng(number).uniform((-3, 0, 4), (3, 2, 20), (50, 3)).astype(np.float32)
    places, depth = camera.seen(points)
    met = np.array([0, camera.height_m, 0], np.float32) + depth[:, None] * camera.rays(places)
    assert met == pytest.approx(points, abs=2e-3)
    assert (depth > 0).all()


def test_higher_is_further_up_and_further_right_is_further_right() -> None:
    camera = draw_camera(3, 0)
    points = np.array([[0, 0, 9], [0, 1, 9], [1, 0, 9]], np.float32)
    places, _ = camera.seen(points)
    assert places[1, 1] < places[0, 1]
    assert places[2, 0] > places[0, 0]


def test_cameras_differ_and_moments_of_one_differ_less() -> None:
    cameras = [draw_camera(3, number) for number in range(60)]
    assert len({camera.height_m for camera in cameras}) == 60
    assert 0.2 < np.mean([camera.indoors for camera in cameras]) < 0.6
    moments = [at_a_moment(cameras[0], np.random.default_rng(number)) for number in range(60)]
    assert {moment.height_m for moment in moments} == {cameras[0].height_m}
    assert np.std(np.log([one.exposure for one in moments])) < np.std(np.log([one.exposure for one in cameras]))
