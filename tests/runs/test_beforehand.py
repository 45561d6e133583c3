"""What cannot work is said before anything is trained, with the setting that says so."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest

from ccreid.errors import CcreidError, DataError, SettingError
from ccreid.machine.processes import Processes
from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import ablate, beforehand, build, series, train
from ccreid.runs.watch import Watch
from ccreid.vocabulary import UNKNOWN, Benchmark, Ids
from columns import annotated
from wardrobes import TINY_SETTINGS

LOW_MAP = ("network.backbone=mobilenetv2_100", "network.last_stride=2", "data.height_px=32", "data.width_px=32")


def check(data: Path, *changes: str, processes: int = 1) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, *changes], data=data)
    beforehand.check(recipe, build.benchmark(recipe), Processes(0, processes))


@pytest.mark.parametrize(
    ("changes", "words", "mend"),
    [
        (LOW_MAP, "feature map of 1 x 1 has too few pixels for 2 stripes", "method.stripes"),
        (["data.height_px=1", "data.width_px=1"], "feature map of 1 x 1", "data.height_px"),
        (["data.people=1", "data.images=1"], "batch is 1 x 1 image", "data.images"),
        (["training.replicas=24"], "training.replicas is 24", "one of 1, 2, 3, 4, 6,"),
        (["training.replicas=12"], "training.replicas is 12", "one of 1, 2, 3, 4, 6,"),
        (["training.replicas=5"], "training.replicas is 5", "one of 1, 2, 3, 4, 6,"),
        (["data.images=1", "method.donors=same-person"], "method.donors is same-person", "any or other-people"),
        (["data.people=1", "method.donors=other-people"], "method.donors is other-people", "any or same-person"),
        (["training.replicas=3", "method.donors=other-people"], "method.donors is other-people", "same-person"),
        (["data.sampler=clothes-aware", "data.images=1"], "data.images is 1", "data.images"),
        (["data.redress=0.5"], "has no folder masks/, which data.redress needs", "set data.redress to 0"),
        (["data.background=0.1"], "which data.background needs", "set data.background to 0"),
        (["network.weights=/nowhere/weights.pth"], "weights.pth", ""),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_with_the_setting(
    small_wardrobe: Path, changes: list[str], words: str, mend: str
) -> None:
    with pytest.raises(CcreidError) as refused:
        check(small_wardrobe, *changes)
    assert words in refused.value.message
    assert mend in refused.value.mend


@pytest.mark.parametrize(
    "changes",
    [
        [],
        ["training.replicas=6"],
        ["training.replicas=2", "method.donors=other-people"],
        [*LOW_MAP, "method.stripes=1", "data.height_px=64"],
        [*LOW_MAP, "method.weights.recomposition=0"],
        [*LOW_MAP, "training.epochs=1"],  # the term is never due
        [*LOW_MAP, "method.name=baseline"],
        [*LOW_MAP, "method.name=cal"],
        ["method.attributes=clothes", "method.donors=same-person"],
        ["data.images=1", "method.donors=same-person", "method.weights.recomposition=0"],
        ["data.people=1"],
    ],
)
def test_what_works_is_let_through(small_wardrobe: Path, changes: list[str]) -> None:
    check(small_wardrobe, *changes)


def with_clothes(data: Path, clothes: Ids | None) -> Benchmark:
    whole = build.benchmark(load_recipe("wardrobe", TINY_SETTINGS, data=data))
    train = replace(whole.subset("train"), clothes=clothes)
    return replace(whole, subsets={**whole.subsets, "train": train})


def test_a_method_that_needs_clothes_where_there_are_none_is_told_from_those_that_do_not(small_wardrobe: Path) -> None:
    nowhere = with_clothes(small_wardrobe, None)
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, "method.name=cal"], data=small_wardrobe)
    with pytest.raises(SettingError, match=r"method\.name is cal, which needs the column 'clothes'") as refused:
        beforehand.check(recipe, nowhere)
    assert "(baseline, fire2" in refused.value.mend
    assert "cal" not in refused.value.mend
    beforehand.check(load_recipe("wardrobe", TINY_SETTINGS, data=small_wardrobe), nowhere)


def test_single_images_of_unknown_clothes_are_told_and_let_through(
    small_wardrobe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, "method.name=cal"], data=small_wardrobe)
    train = build.benchmark(recipe).subset("train")
    clothes = annotated(train.clothes).copy()
    clothes[:3] = UNKNOWN
    with caplog.at_level(logging.WARNING):
        beforehand.check(recipe, build.benchmark(recipe))
        assert "clothes" not in caplog.text
        beforehand.check(recipe, with_clothes(small_wardrobe, clothes))
    assert f"'clothes' is not known of 3 of {len(train)} training images" in caplog.text
    clothes[train.identities > 0] = UNKNOWN
    with pytest.raises(DataError, match="'clothes' of the train set is known for 1 of 4 people"):
        beforehand.check(recipe, with_clothes(small_wardrobe, clothes))


def test_outfits_for_attributes_where_there_are_none_are_refused(small_wardrobe: Path) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, "method.attributes=clothes"], data=small_wardrobe)
    words = r"method\.attributes is clothes, which needs the column 'clothes', and the training images of wardrobe"
    with pytest.raises(SettingError, match=words) as refused:
        beforehand.check(recipe, with_clothes(small_wardrobe, None))
    assert "Leave method.attributes at mined" in refused.value.mend


def test_images_of_unknown_outfit_become_attributes_of_their_own_and_are_told(
    small_wardrobe: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, "method.attributes=clothes"], data=small_wardrobe)
    clothes = annotated(build.benchmark(recipe).subset("train").clothes).copy()
    clothes[:3] = UNKNOWN
    with caplog.at_level(logging.WARNING):
        beforehand.check(recipe, with_clothes(small_wardrobe, clothes))
    assert f"'clothes' is not known of 3 of {len(clothes)} training images: each of them is an attribute" in caplog.text


def test_donors_of_the_same_person_need_somebody_of_two_outfits(small_wardrobe: Path) -> None:
    own = [*TINY_SETTINGS, "method.attributes=clothes", "method.donors=same-person"]
    recipe = load_recipe("wardrobe", own, data=small_wardrobe)
    clothes = build.benchmark(recipe).subset("train").identities.copy()
    with pytest.raises(SettingError, match=r"method\.donors is same-person") as refused:
        beforehand.check(recipe, with_clothes(small_wardrobe, clothes))
    assert "set method.donors to any or other-people" in refused.value.mend
    clothes[0] = UNKNOWN  # an attribute of its own
    beforehand.check(recipe, with_clothes(small_wardrobe, clothes))


def test_a_run_that_cannot_work_leaves_nothing(small_wardrobe: Path, tmp_path: Path) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, *LOW_MAP], data=small_wardrobe)
    with pytest.raises(SettingError, match="too few pixels"):
        train.begin(recipe, tmp_path / "run", Watch())
    assert not (tmp_path / "run").exists()


def test_processes_count(small_wardrobe: Path) -> None:
    check(small_wardrobe, "training.replicas=3", processes=3)
    with pytest.raises(SettingError, match=r"replicas is 2, and there are 3"):
        check(small_wardrobe, "training.replicas=2", processes=3)


def test_what_is_never_reached_is_told(small_wardrobe: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        check(small_wardrobe)
        assert "never" not in caplog.text
        check(small_wardrobe, "method.after_epoch=3", "training.warmup_epochs=3")
    assert "method.after_epoch is not below training.epochs (3)" in caplog.text
    assert "training.warmup_epochs (3)" in caplog.text


def test_a_milestone_stands_once() -> None:
    with pytest.raises(SettingError, match=r"training\.milestones names 20 twice"):
        load_recipe("wardrobe", ["training.milestones=[20, 10, 20]"])


def test_every_variant_is_checked_before_the_first_is_trained(small_wardrobe: Path, tmp_path: Path) -> None:
    changes = {"fine": [], "low": list(LOW_MAP)}
    recipes = {
        name: load_recipe("wardrobe", [*TINY_SETTINGS, *own], data=small_wardrobe) for name, own in changes.items()
    }
    with pytest.raises(SettingError, match=r"'low'.*too few pixels"):
        ablate.ablate(recipes, [0], tmp_path / "ablation", lambda _name: Watch(), changes)
    assert not (tmp_path / "ablation").exists()


def test_every_seed_is_checked_before_the_first_is_trained(small_wardrobe: Path, tmp_path: Path) -> None:
    recipe = load_recipe("wardrobe", [*TINY_SETTINGS, "training.replicas=5"], data=small_wardrobe)
    with pytest.raises(SettingError, match=r"training\.replicas is 5"):
        series.run_seeds(recipe, [0, 1], tmp_path / "seeds", lambda _name: Watch())
    assert not (tmp_path / "seeds").exists()


def test_a_run_of_other_settings_is_met_before_the_first_is_trained(small_wardrobe: Path, tmp_path: Path) -> None:
    recipe = load_recipe("wardrobe", TINY_SETTINGS, data=small_wardrobe)
    RunFolder(tmp_path / "seed-1").write_recipe(recipe)  # of seed 0
    with pytest.raises(SettingError, match="seed-1 holds a run of other settings"):
        series.run_seeds(recipe, [0, 1], tmp_path, lambda _name: Watch())
    assert not (tmp_path / "seed-0").exists()
