"""Walks go on smoothly and carry people as far as their feet do."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import body_of
from ccreid.synthetic.body.posing import bones_in
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.people import Person, draw_person
from ccreid.synthetic.poses import FRAMES_PER_S, Arm, Pose, draw_pose, stride_m, walk

NUMBERS = (0, 1, 2)


def joint(person: Person, pose: Pose, bone: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    number, body = anatomy().bone(bone), body_of(person.build)
    moved = bones_in(body, person.gait, pose)[number]
    placed: np.ndarray[tuple[int], np.dtype[np.float64]] = moved[:, :3] @ body.joints[number] + moved[:, 3]
    return placed


@pytest.mark.parametrize("number", NUMBERS)
def test_a_walk_is_continuous_and_a_stride_ends_as_it_began(number: int) -> None:
    person, outfit = draw_person(5, number), draw_outfit(5, number)
    poses = walk(person, np.random.default_rng(number), 12)
    assert len(poses) == 12
    figures = [make_figure(person, outfit, pose) for pose in poses]
    for first, second in pairwise(figures):
        assert np.array_equal(first.triangles, second.triangles)
        assert np.linalg.norm(first.vertices - second.vertices, axis=1).max() < 0.3  # a foot swings at 5 m/s at most
    start = replace(poses[0], phase=0.0)
    end = make_figure(person, outfit, replace(start, phase=1.0 - 1e-6))
    np.testing.assert_allclose(make_figure(person, outfit, start).vertices, end.vertices, atol=1e-3)


def test_frames_of_a_walk_are_even_and_go_forward() -> None:
    person = draw_person(5, 4)
    poses = walk(person, np.random.default_rng(0), 30)
    steps = np.diff([pose.phase for pose in poses]) % 1
    np.testing.assert_allclose(steps, steps[0])
    assert 0.7 < steps[0] * FRAMES_PER_S < 1.25  # strides a second
    speed = poses[-1].travelled_m / (29 / FRAMES_PER_S)
    assert 0.5 < speed < 2.2
    assert poses[0].travelled_m == 0


@pytest.mark.parametrize("number", range(6))
def test_the_foot_on_the_ground_hardly_slides(number: int) -> None:
    person = draw_person(5, number)
    pose = walk(person, np.random.default_rng(number), 2)[0]
    frames = [replace(pose, phase=phase) for phase in (0.12, 0.2, 0.28, 0.36)]
    ahead = [joint(person, frame, "foot.L")[2] + (frame.phase) * stride_m(person, pose) for frame in frames]
    assert np.ptp(ahead) < 0.3 * stride_m(person, pose) * (0.36 - 0.12) + 0.03


def test_legs_take_turns_and_arms_swing_against_them() -> None:
    person = draw_person(5, 1)
    left_first, right_first = Pose(0.0, 1), Pose(0.5, 1)
    assert joint(person, left_first, "foot.L")[2] > joint(person, left_first, "foot.R")[2] + 0.2
    assert joint(person, right_first, "foot.R")[2] > joint(person, right_first, "foot.L")[2] + 0.2
    swinging = replace(person, gait=replace(person.gait, arm_swing=30.0, arm_uneven=0.0))
    assert joint(swinging, left_first, "wrist.R")[2] > joint(swinging, left_first, "wrist.L")[2]
    assert joint(swinging, right_first, "wrist.L")[2] > joint(swinging, right_first, "wrist.R")[2]


def test_who_stands_does_not_step() -> None:
    person = draw_person(5, 2)
    feet = [joint(person, Pose(phase, 0), "foot.L") for phase in (0.0, 0.3, 0.7)]
    np.testing.assert_allclose(feet, np.tile(feet[0], (3, 1)), atol=1e-6)


def test_drawn_poses_have_walkers_standers_and_phones() -> None:
    person, random = draw_person(5, 2), np.random.default_rng(0)
    poses = [draw_pose(person, random) for _ in range(300)]
    assert 0.6 < np.mean([pose.walking > 0 for pose in poses]) < 0.95
    assert {pose.left for pose in poses} == {pose.right for pose in poses} == set(Arm)
    assert np.histogram([pose.phase for pose in poses], 4, (0, 1))[0].min() > 40
    assert all(abs(pose.head_turn) <= 55 for pose in poses)
