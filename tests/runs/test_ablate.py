"""Variants of a recipe, run and compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ccreid.errors import SettingError
from ccreid.recipe import RunFolder, load_recipe, recipe_names, to_yaml
from ccreid.runs import ablate, train
from ccreid.runs.watch import Watch
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

CHANGES = {
    "baseline": ["method.name=baseline"],
    "FIRe²": [],
    "clipped": ["method.mining.small_identities=clip"],
    "kept": ["method.reset_optimizer_each_epoch=false"],
}


def quietly(_name: str) -> Watch:
    return Watch()


def variants(data: Path) -> dict[str, Any]:
    tiny = [f"data.root={data}", *TINY_SETTINGS, "training.epochs=2"]
    return {name: load_recipe("wardrobe", [*tiny, *changes]) for name, changes in CHANGES.items()}


@pytest.fixture(scope="module")
def small_wardrobe(smallest_wardrobe: Path) -> Path:
    """A smaller one still: what is asked here is how a run is varied, not what it scores."""
    return smallest_wardrobe


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_variants_are_run_once_a_seed_and_compared(small_wardrobe: Path, tmp_path: Path) -> None:
    recipes = variants(small_wardrobe)
    result = ablate.ablate(recipes, [0, 1], tmp_path, quietly, CHANGES)
    assert json.loads((tmp_path / ablate.RESULT).read_text()) == result.model_dump(mode="json")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"baseline", "fire²", "kept"}
    assert result.variants["clipped"] == result.variants["FIRe²"].model_copy(
        update={"changes": tuple(CHANGES["clipped"])}
    )
    for name, of in (("baseline", "baseline"), ("kept", "kept")):
        reports = [json.loads(RunFolder(tmp_path / of / f"seed-{seed}").report.read_text()) for seed in (0, 1)]
        means = [row.map for row in result.variants[name].protocols]
        assert means == [
            pytest.approx(sum(report["protocols"][number]["map"] for report in reports) / 2) for number in range(3)
        ]
    pairs = {(row.variant, row.against) for row in result.paired}
    assert pairs == {("FIRe²", "baseline"), ("clipped", "baseline"), ("kept", "baseline"), ("kept", "FIRe²")}
    for row in result.paired:
        ours, theirs = (
            {one.name: one for one in result.variants[side].protocols}[row.protocol]
            for side in (row.variant, row.against)
        )
        assert ours.map is not None
        assert theirs.map is not None
        assert row.map == pytest.approx(ours.map - theirs.map)
    text = (tmp_path / "ablation.txt").read_text()
    assert "±" in text
    assert "kept" in text

    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")}
    ablate.ablate(recipes, [0, 1], tmp_path, quietly, CHANGES)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("weights.safetensors")} == written


def test_validation_people_are_scored_and_test_people_never_read(small_wardrobe: Path, tmp_path: Path) -> None:
    held_out = [f"data.root={small_wardrobe}", *TINY_SETTINGS, "selection.scored=validation", "data.people=2"]
    report = train.begin(load_recipe("wardrobe", held_out), tmp_path / "run", Watch())
    assert [row.name for row in report.protocols] == ["validation"]
    assert report.conditions.scored_on == "people held out of training"
    embedded = {path.name.rsplit("-", 1)[0] for path in RunFolder(tmp_path / "run").embeddings.iterdir()}
    assert embedded == {"val-query", "val-gallery"}
    with pytest.raises(SettingError, match=r"selection\.by cannot be test"):
        load_recipe("wardrobe", ["selection.scored=validation", "selection.by=test"])


OF_FIRE2 = {"parts", "improvements"}


@pytest.mark.parametrize("source", ablate.variant_names())
def test_the_variants_of_the_package_fit_every_recipe_of_their_method(source: str) -> None:
    changes = ablate.load_variants(source)
    assert ([] in changes.values()) is (source in OF_FIRE2)  # they are of the recipe itself; the methods name theirs
    for name in recipe_names():
        if source in OF_FIRE2 and load_recipe(name).method.name != "fire2":
            with pytest.raises(SettingError, match="is a setting of fire2 alone"):
                [load_recipe(name, own) for own in changes.values()]
            continue
        recipes = {variant: load_recipe(name, own) for variant, own in changes.items()}
        assert len({to_yaml(recipe) for recipe in recipes.values()}) >= len(changes) - 2
        assert recipes["FIRe²"].method.name == "fire2"  # whatever the recipe's own method is


@pytest.mark.parametrize("text", ["", "- a", "a: b", "a: [1]", "a: [", "{}"])
def test_what_is_no_list_of_variants_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(SettingError) as refused:
        ablate.load_variants(str(file))
    assert "name: [section.name=value" in refused.value.mend
    with pytest.raises(SettingError, match="cannot be read"):
        ablate.load_variants("prats")


def test_names_that_differ_in_punctuation_alone_are_refused(small_wardrobe: Path, tmp_path: Path) -> None:
    recipe, other, *_ = variants(small_wardrobe).values()
    with pytest.raises(SettingError, match="no name of its own"):
        ablate.ablate({"a+": recipe, "a-": other}, [0], tmp_path, quietly, {"a+": [], "a-": []})
    with pytest.raises(SettingError, match="no name of its own"):
        ablate.ablate({"+": recipe}, [0], tmp_path, quietly, {"+": []})


@pytest.mark.parametrize(
    ("unchanged", "pairs"),
    [
        (["b"], [("b", "a"), ("c", "a"), ("d", "a"), ("c", "b"), ("d", "b")]),
        (["a"], [("b", "a"), ("c", "a"), ("d", "a")]),
        (["c"], [("b", "a"), ("c", "a"), ("d", "a"), ("d", "c")]),
        ([], [("b", "a"), ("c", "a"), ("d", "a"), ("c", "b"), ("d", "b")]),
    ],
)
def test_variants_are_compared_with_the_first_and_with_the_recipe_or_the_second(
    unchanged: list[str], pairs: list[tuple[str, str]]
) -> None:
    assert list(ablate._pairs({name: name for name in "abcd"}, unchanged)) == pairs
