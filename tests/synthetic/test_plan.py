"""Who wears what before which camera."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import pytest

from ccreid.errors import SettingError
from ccreid.synthetic.plan import ALIKE, Wanted, is_alike, person_of, views_of

WANTED = Wanted(
    people=200, test_share=0.3, outfits=20, cameras=24, images=32, frames=1, height_px=128, width_px=64, seed=3
)


def test_some_outfits_are_seen_by_several_cameras_and_the_others_once() -> None:
    for number in (0, 150):
        views = list(views_of(WANTED, number))
        assert len(views) == 32
        often = Counter(view.outfit for view in views)
        assert sorted(often.values()) == [1] * 16 + [4] * 4
        for outfit in often:
            cameras = [view.camera for view in views if view.outfit == outfit]
            assert len(set(cameras)) == len(cameras)
            assert len({view.wardrobe_outfit for view in views if view.outfit == outfit}) == 1


def test_people_of_the_test_ask_with_one_picture_of_each_outfit_that_comes_again() -> None:
    splits = {number: Counter(view.split for view in views_of(WANTED, number)) for number in range(200)}
    assert all(split == {"train": 32} for number, split in splits.items() if number < 140)
    assert all(split == {"query": 4, "test": 28} for number, split in splits.items() if number >= 140)
    once = WANTED.model_copy(update={"outfits": 8, "images": 8})
    assert Counter(view.split for view in views_of(once, 199)) == {"query": 4, "test": 4}


def test_the_wardrobe_is_shared() -> None:
    worn = Counter(view.wardrobe_outfit for number in range(200) for view in views_of(WANTED, number))
    assert max(worn) < WANTED.wardrobe
    assert sum(count > 4 for count in worn.values()) > 0.5 * WANTED.wardrobe


def test_look_alikes_wear_the_same_and_have_the_same_hair_and_another_body() -> None:
    alike = [number for number in range(200) if is_alike(WANTED, number)]
    assert ALIKE / 4 < len(alike) / 200 < ALIKE
    for number in alike:
        first, second = person_of(WANTED, number - 1), person_of(WANTED, number)
        assert first.looks.hair == second.looks.hair
        assert first.build != second.build
        worn = [{view.wardrobe_outfit for view in views_of(WANTED, one)} for one in (number - 1, number)]
        assert worn[0] == worn[1]


def test_a_view_does_not_depend_on_which_others_were_asked_for() -> None:
    fewer = WANTED.model_copy(update={"people": 200})
    assert [asdict(view) for view in views_of(WANTED, 7)] == [asdict(view) for view in views_of(fewer, 7)]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"people": 0}, "--people is 0"),
        ({"images": 20_000}, "--images"),
        ({"test_share": 1.5}, "--test-share"),
        ({"height_px": 16}, "--size"),
        ({"height_px": 64, "width_px": 128}, "taller than wide"),
    ],
)
def test_what_cannot_be_made_is_said(changed: dict[str, float], message: str) -> None:
    with pytest.raises(SettingError) as caught:
        WANTED.model_copy(update=changed).check()
    assert message in f"{caught.value.message} {caught.value.mend}"
