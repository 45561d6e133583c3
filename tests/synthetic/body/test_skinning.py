"""Bones and the points that follow them, against the definition written out in loops."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import body_of
from ccreid.synthetic.body.posing import bones_in
from ccreid.synthetic.body.skinning import moved, onto, transforms, turn
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.poses import Arm, Pose


def test_a_turn_is_a_rotation_counter_clockwise_about_its_axis() -> None:
    np.testing.assert_allclose(turn(np.array((0, 2.0, 0)), 90) @ (0, 0, 1), (1, 0, 0), atol=1e-12)
    random = np.random.default_rng(0)
    for _ in range(20):
        axis, angle = random.normal(size=3), random.uniform(-170, 170)
        rotation = turn(axis, angle)
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(rotation @ axis, axis, atol=1e-12)
        assert np.isclose(np.trace(rotation), 1 + 2 * np.cos(np.radians(angle)))


def test_the_smallest_rotation_carries_one_direction_onto_the_other_and_leaves_their_axis() -> None:
    random = np.random.default_rng(1)
    for _ in range(20):
        first, second = random.normal(size=(2, 3))
        rotation = onto(first, second)
        np.testing.assert_allclose(rotation @ first / np.linalg.norm(first), second / np.linalg.norm(second), atol=1e-9)
        axis = np.cross(first, second)
        np.testing.assert_allclose(rotation @ axis, axis, atol=1e-9)


def test_points_follow_their_bones_and_those_their_parents() -> None:
    random = np.random.default_rng(2)
    joints, parents = random.normal(size=(6, 3)), np.array([-1, 0, 1, 1, 3, 0], np.int32)
    turns = {bone: turn(random.normal(size=3), random.uniform(-90, 90)) for bone in (0, 1, 3, 4)}
    points = random.normal(size=(30, 3)).astype(np.float32)
    weights = random.dirichlet(np.full(6, 0.4), 30).astype(np.float32)

    expected = np.zeros((30, 3))
    for point in range(30):
        for bone in range(6):
            at = points[point].astype(float)
            above = bone
            while above >= 0:  # turned about the bone's own joint, then about its parent's, and so on
                at = joints[above] + turns.get(above, np.eye(3)) @ (at - joints[above])
                above = parents[above]
            expected[point] += weights[point, bone] * at

    found = moved(points, sparse.csr_array(weights), transforms(joints, parents, turns))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_turns_nothing_moves() -> None:
    body = body_of(draw_person(1, 0).build)
    parts = anatomy()
    bones = transforms(body.joints, parts.parents, {})
    np.testing.assert_allclose(moved(body.points, parts.weights, bones), body.points, atol=1e-5)


def test_limbs_keep_their_lengths_in_every_pose() -> None:
    person = draw_person(1, 3)
    body, parts = body_of(person.build), anatomy()
    pose = Pose(phase=0.3, walking=1, left=Arm.PHONE, right=Arm.POCKET, head_turn=30)
    bones = bones_in(body, person.gait, pose)
    at = np.einsum("bij,bj->bi", bones[:, :, :3], body.joints) + bones[:, :, 3]
    placed = dict(zip(parts.bones, at, strict=True))
    for number, parent in enumerate(parts.parents):
        if parent >= 0:
            before = np.linalg.norm(body.joints[number] - body.joints[parent])
            after = np.linalg.norm(placed[parts.bones[number]] - placed[parts.bones[parent]])
            assert np.isclose(before, after, atol=1e-5)
    ear = placed["head"] + (0, 0.05, 0)
    assert np.linalg.norm(placed["finger2-1.L"] - ear) < 0.32  # the phone is at the head
    assert placed["wrist.R"][1] < placed["lowerarm01.R"][1] < placed["upperarm01.R"][1]
