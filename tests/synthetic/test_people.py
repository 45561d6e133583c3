"""People differ widely in their bodies, stay who they are, and have doubles who are somebody else."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.body.anatomy_file import anatomy
from ccreid.synthetic.body.bodies import Body, body_of
from ccreid.synthetic.body.shapes import axes, mixture
from ccreid.synthetic.body.suit import skin
from ccreid.synthetic.draws import draws
from ccreid.synthetic.people import draw_person, look_alike

PEOPLE = [draw_person(3, number) for number in range(40)]


def waist_m(body: Body) -> float:
    """Round the body at the middle of the trunk, by the box it fits into."""
    places = skin().places
    at = (np.abs(places.height - 0.35) < 0.03) & (places.in_arm < 0.1)
    width, _, depth = np.ptp(np.asarray(skin().piece.mixture @ body.points)[at], axis=0)
    return float(np.pi * (width + depth) / 2)


def test_a_person_is_the_same_whoever_was_drawn_before() -> None:
    again = draw_person(3, 7)
    draw_person(3, 6)
    assert again == PEOPLE[7] == draw_person(3, 7)
    assert draw_person(4, 7) != again
    assert len(set(PEOPLE)) == len(PEOPLE)


def test_purposes_and_numbers_have_draws_of_their_own() -> None:
    first = [draws(1, "person", 2).random(), draws(1, "person", 3).random(), draws(1, "outfit", 2).random()]
    assert len({*first, draws(2, "person", 2).random(), draws(1, "person").random()}) == 5
    assert draws(1, "person", 2).random() == first[0]


@pytest.mark.parametrize("number", range(0, 40, 8))
def test_left_and_right_are_alike(number: int) -> None:
    body, parts = body_of(PEOPLE[number].build), anatomy()
    for index, name in enumerate(parts.bones):
        if name.endswith(".L"):
            mirrored = body.joint(name[:-1] + "R") * (-1, 1, 1)
            np.testing.assert_allclose(body.joints[index], mirrored, atol=0.004)


@pytest.mark.parametrize("number", range(0, 40, 5))
def test_a_body_stands_on_the_ground_at_its_height_and_has_the_proportions_of_people(number: int) -> None:
    build = PEOPLE[number].build
    body = body_of(build)
    points = np.asarray(skin().piece.mixture @ body.points)
    assert points[:, 1].min() == pytest.approx(0, abs=1e-5)
    assert points[:, 1].max() == pytest.approx(build.height_m, abs=1e-5)
    hip, knee = body.joint("upperleg01.L")[1], body.joint("lowerleg01.L")[1]
    assert 0.44 < hip / build.height_m < 0.62
    assert 0.22 < knee / build.height_m < 0.34
    arm = sum(
        float(np.linalg.norm(body.joint(b) - body.joint(a)))
        for a, b in (("upperarm01.L", "lowerarm01.L"), ("lowerarm01.L", "wrist.L"))
    )
    assert 0.22 < arm / build.height_m < 0.36
    assert 0.5 < waist_m(body) < 1.6


def test_heights_girths_and_limbs_are_spread_evenly() -> None:
    heights = np.array([person.build.height_m for person in PEOPLE])
    assert np.ptp(heights) > 0.35
    assert np.histogram(heights, 4)[0].min() >= 3  # no quarter of the range is nearly empty
    waists = np.array([waist_m(body_of(person.build)) for person in PEOPLE]) / heights
    legs = np.array([body_of(person.build).joint("upperleg01.L")[1] for person in PEOPLE]) / heights
    assert waists.max() / waists.min() > 1.4
    assert legs.max() / legs.min() > 1.08
    assert abs(np.corrcoef(heights, waists)[0, 1]) < 0.5  # the tall are not the broad


def test_a_look_alike_has_the_hair_and_another_body() -> None:
    person = PEOPLE[2]
    double = look_alike(person, 3, 0)
    assert double == look_alike(person, 3, 0)
    assert double != look_alike(person, 3, 1)
    assert double.looks.hair == person.looks.hair
    assert (double.looks.beard, double.looks.glasses) == (person.looks.beard, person.looks.glasses)
    np.testing.assert_allclose(double.looks.skin, person.looks.skin, rtol=0.3)
    assert double.gait != person.gait
    first, second = (np.asarray(skin().piece.mixture @ body_of(one.build).points) for one in (person, double))
    assert np.abs(first - second).max() > 0.02
    assert double.build.features != person.build.features


def test_every_build_is_a_mixture_of_whole_bodies() -> None:
    for person in PEOPLE[:10]:
        strengths = mixture(person.build)
        assert min(strengths.values()) > 0
        origins = sum(value for name, value in strengths.items() if name.startswith(("african", "asian", "caucasian")))
        assert origins == pytest.approx(1)


def test_opposite_shapes_exclude_each_other() -> None:
    positive, negative = {name for axis in axes() for name in axis[0]}, {name for axis in axes() for name in axis[1]}
    assert not positive & negative
    assert "measure-waist-circ-incr" in positive
    assert "measure-waist-circ-decr" in negative
    for person in PEOPLE[:10]:
        drawn = {name for name, _ in person.build.features}
        for more, less, _ in axes():
            assert not (drawn & set(more) and drawn & set(less))
