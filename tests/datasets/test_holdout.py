"""Validation people taken out of the train set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ccreid.datasets.holdout import hold_out
from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Ignore, Samples
from columns import annotated


def people(count: int, *, clothes: bool = True) -> Samples:
    """Person p has p % 3 + 1 outfits, two cameras and two frames an outfit and camera."""
    rows = [
        (person, outfit, camera, frame)
        for person in range(count)
        for outfit in range(person % 3 + 1)
        for camera in (1, 2)
        for frame in range(2)
    ]
    person, outfit, camera, _ = np.array(rows).T
    files = tuple(f"{p}_{o}_{c}_{f}.jpg" for p, o, c, f in rows)
    return Samples(person, camera, person * 10 + outfit if clothes else None, root=Path(), files=files)


def test_people_are_on_one_side_alone_and_nothing_is_lost() -> None:
    samples = people(30)
    train, validation, protocol = hold_out(samples, 0.2, seed=0)
    query, gallery = validation[protocol.query], validation[protocol.gallery]
    assert not set(train.person) & set(query.person)
    assert set(query.person) == set(gallery.person)
    assert len(set(query.person)) == 6
    assert sorted(train.files + query.files + gallery.files) == sorted(samples.files)


def test_rich_and_poor_identities_are_held_out_alike() -> None:
    _, validation, _ = hold_out(people(30), 0.2, seed=0)
    outfits = sorted(int(person) % 3 + 1 for person in set(validation["val-query"].person))
    assert outfits == [1, 1, 2, 2, 3, 3]


def test_an_unknown_outfit_makes_nobody_richer() -> None:
    person = np.repeat(np.arange(30), 8)
    second = np.where(person < 15, UNKNOWN, person * 10 + 1)
    clothes = np.where(np.arange(len(person)) % 2, second, person * 10)
    samples = Samples(
        person, np.arange(len(person)) // 2 % 2, clothes, root=Path(), files=tuple(map(str, range(len(person))))
    )
    for seed in range(5):
        _, validation, _ = hold_out(samples, 0.2, seed)
        assert sum(one < 15 for one in set(validation["val-query"].person)) == 3


def test_queries_are_one_image_for_each_outfit_and_camera() -> None:
    _, validation, protocol = hold_out(people(30), 0.2, seed=0)
    query = validation["val-query"]
    assert query.clothes is not None
    assert query.camera is not None
    keys = list(zip(query.clothes, query.camera, strict=True))
    assert len(keys) == len(set(keys)) == len(validation["val-gallery"])
    assert protocol.ignore == Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES


def test_without_clothes_only_the_camera_counts() -> None:
    _, validation, protocol = hold_out(people(10, clothes=False), 0.3, seed=0)
    assert protocol.ignore == Ignore.SAME_CAMERA
    assert len(validation["val-query"]) == 3 * 2


def test_the_seed_decides() -> None:
    first, again, other = (hold_out(people(60), 0.2, seed)[0].files for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_too_few_people_are_refused() -> None:
    with pytest.raises(SettingError, match="too few") as caught:
        hold_out(people(3), 0.5, seed=0)
    assert "selection" in caught.value.mend


def test_people_of_one_camera_cannot_validate() -> None:
    samples = people(10, clothes=False)
    one_camera = samples.select(annotated(samples.camera) == 1)
    with pytest.raises(SettingError, match="would count as right") as caught:
        hold_out(one_camera, 0.3, seed=0)
    assert "selection.by" in caught.value.mend


def test_who_has_no_two_images_alike_asks_with_half_of_them() -> None:
    # As people of `ccreid people make` may be: every image in another outfit, by another camera.
    rows = [(person, person * 10 + view, view + 1) for person in range(8) for view in range(5)]
    person, clothes, camera = np.array(rows).T
    samples = Samples(person, camera, clothes, root=Path(), files=tuple(f"{row}.jpg" for row in range(len(rows))))
    _, validation, protocol = hold_out(samples, 0.5, seed=0)
    query, gallery = validation[protocol.query], validation[protocol.gallery]
    for one in set(query.person):
        assert (int((query.person == one).sum()), int((gallery.person == one).sum())) == (2, 3)
