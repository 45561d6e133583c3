"""People stand on the ground, inside the picture, and masks say where."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from ccreid.synthetic.draws import draws
from ccreid.synthetic.figure import Figure, Part
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.pictures.light import draw_light
from ccreid.synthetic.pictures.moments import draw_moment, window_around
from ccreid.synthetic.pictures.photo import developed
from ccreid.synthetic.pictures.pictures import Picture, placed, stage, take
from ccreid.synthetic.pictures.sight import backdrop
from ccreid.synthetic.poses import draw_pose

SIZE = (96, 48)
NUMBERS = range(10)


def figure(number: int) -> Figure:
    person = draw_person(7, number)
    return make_figure(person, draw_outfit(7, number), draw_pose(person, np.random.default_rng(number)))


def picture(number: int) -> Picture:
    return take(7, stage(7, number), [figure(number)], SIZE, draws(7, "test", number), background=True)[0]


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return [picture(number) for number in NUMBERS]


def test_the_same_draws_give_the_same_picture(pictures: list[Picture]) -> None:
    again = picture(3)
    assert np.array_equal(again.pixels, pictures[3].pixels)
    assert np.array_equal(again.mask, pictures[3].mask)


def test_a_person_is_in_every_picture_in_the_middle_of_it(pictures: list[Picture]) -> None:
    for one in pictures:
        person = one.mask[..., 1] > 127
        assert 0.08 < person.mean() < 0.8
        columns = np.flatnonzero(person.any(axis=0))
        assert columns.min() < 0.6 * SIZE[1] < columns.max() + 0.2 * SIZE[1]


def test_nothing_is_cut_where_the_box_has_room_and_the_feet_where_it_has_none(pictures: list[Picture]) -> None:
    for one in pictures:
        person = one.mask[..., 1] > 127
        if min(one.moment.box) > 0.02 and not one.moment.others:
            assert not person[0].any()
            assert not person[-1].any()
        if one.moment.box[3] < -0.05:
            assert person[-1].any()


def test_masks_name_parts_where_the_person_is_and_shadows_where_not(pictures: list[Picture]) -> None:
    parts = [set(np.unique(one.mask[..., 0]).tolist()) for one in pictures]
    assert set().union(*parts) <= {int(part) for part in Part}
    assert all({Part.UPPER, Part.SKIN} <= found for found in parts)
    for one in pictures:
        sure = one.mask[..., 1] > 200
        assert (one.mask[..., 0][sure] != Part.BACKGROUND).all()
    assert max(one.mask[..., 2].max() for one in pictures) > 100


def test_what_the_mask_calls_background_is_as_when_nobody_was_there(pictures: list[Picture]) -> None:
    for one in pictures:
        assert one.background is not None
        if one.moment.others:
            continue
        person, shadow = one.mask[..., 1] > 0, one.mask[..., 2] > 0
        untouched = cv2.dilate((person | shadow).astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
        if untouched.sum() < 200:
            continue
        here, alone = (cv2.blur(one_of, (9, 9))[untouched].astype(float) for one_of in (one.pixels, one.background))
        # Exposure follows what is in the picture, so light differs by a factor; what is where does not.
        assert np.corrcoef(here.ravel(), alone.ravel())[0, 1] > 0.8 or here.std() < 8


def test_soles_are_on_the_ground_and_the_head_is_above(pictures: list[Picture]) -> None:
    del pictures
    for number in NUMBERS:
        camera = stage(7, number).camera
        one = placed(figure(number), 40.0 * number, 0.3, camera.distance_m)
        assert one.vertices[:, 1].min() == pytest.approx(0, abs=1e-5)
        places, depth = camera.seen(one.vertices)
        lowest, highest = one.vertices[:, 1].argmin(), one.vertices[:, 1].argmax()
        assert places[lowest, 1] > places[highest, 1]
        eye = np.array([0, camera.height_m, 0], np.float32)
        ground = eye + depth[lowest] * camera.rays(places[lowest : lowest + 1])[0]
        assert ground[1] == pytest.approx(0, abs=2e-3)


@pytest.mark.parametrize(("heading", "towards"), [(0, (0, -1)), (90, (1, 0)), (180, (0, 1)), (270, (-1, 0))])
def test_a_heading_is_where_the_person_looks(heading: float, towards: tuple[float, float]) -> None:
    nose = Figure(
        vertices=np.array([[0, 1.6, 0.1]], np.float32),
        normals=np.array([[0, 0, 1]], np.float32),
        triangles=np.zeros((0, 3), np.int32),
        surface=np.zeros(0, np.int32),
        cloth=np.zeros((1, 3), np.float32),
        paint=np.ones((1, 3), np.float32),
        surfaces=(),
        height_m=1.7,
    )
    one = placed(nose, heading, 2.0, 9.0)
    looked = np.array([towards[0], 0, towards[1]])
    assert one.vertices[0] == pytest.approx(np.array([2, 1.6, 9]) + 0.1 * looked, abs=1e-5)
    assert one.normals[0] == pytest.approx(looked, abs=1e-5)


def test_a_crop_has_the_ratio_of_the_picture_or_is_wider_within_bounds() -> None:
    for number in range(20):
        random = np.random.default_rng(number)
        moment = draw_moment(stage(7, 0).camera, 20.0, random)
        places = random.uniform((-100, -200), (100, 200), (50, 2)).astype(np.float32)
        left, top, width, height = window_around(places, moment, 0.5)
        assert 0.5 * height - 1e-3 <= width <= 0.73 * height
        assert left < 100
        assert top < 200


def test_who_walks_comes_along() -> None:
    person = draw_person(7, 1)
    pose = draw_pose(person, np.random.default_rng(1))
    one = make_figure(person, draw_outfit(7, 1), pose)
    taken = take(7, stage(7, 1), [one, one], SIZE, draws(7, "walk", 1), travelled_m=[0, 0.5])
    moved = np.hypot(
        taken[1].moment.across_m - taken[0].moment.across_m, taken[1].moment.away_m - taken[0].moment.away_m
    )
    assert moved == pytest.approx(0.5)
    assert taken[0].moment.heading == taken[1].moment.heading


def test_the_scene_is_the_cameras_and_shows_ground_below_and_no_wall_before_the_person() -> None:
    for number in range(12):
        place = stage(7, number)
        light = draw_light(np.random.default_rng(0), indoors=place.camera.indoors)
        feet = np.array([[0.2, 0, place.camera.distance_m], [0.2, 1.7, place.camera.distance_m]], np.float32)
        places, depth = place.camera.seen(feet)
        crop = np.stack([places, places + np.array([1, 0], np.float32)], axis=1)
        seen = backdrop(place.scene, place.camera, light, crop, (0.2, place.camera.distance_m))
        assert seen.depth[2] > depth[1] - 0.02, "nothing hides a head"
        assert np.isfinite(seen.light).all()
        assert seen.light.min() >= 0


def test_fewer_rows_in_the_frame_make_a_picture_less_sharp() -> None:
    camera = replace(stage(7, 0).camera, noise=0.0, blur_px=0.2, quality=95.0)
    light = np.random.default_rng(0).uniform(0, 1, (*SIZE, 3)).astype(np.float32)
    sharp, coarse = (
        developed(light, camera, native, SIZE, np.random.default_rng(1)).astype(float) for native in (500, 30)
    )
    assert np.abs(np.diff(coarse, axis=0)).mean() < 0.5 * np.abs(np.diff(sharp, axis=0)).mean()
