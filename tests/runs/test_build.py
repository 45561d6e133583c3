"""From a recipe to parts: who is trained on, selected on, scored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.errors import SettingError
from ccreid.evaluation.metrics import mean_precision, score
from ccreid.model.bundle import About, save_bundle
from ccreid.recipe import load_recipe
from ccreid.runs import build
from ccreid.runs.train import shippable
from ccreid.vocabulary import Benchmark, Columns, Ignore, Protocol
from columns import annotated
from wardrobes import TINY_SETTINGS

RULE = Protocol("validation", Ignore.SAME_CAMERA, "val-query", "val-gallery")


def with_validation(benchmark: Benchmark, cameras: tuple[int, ...], *rules: Protocol) -> Benchmark:
    """The set with some test images in the place of validation people's, as far as they are of some cameras."""
    subsets = dict(benchmark.subsets)
    for ours, theirs in (("val-query", "query"), ("val-gallery", "gallery")):
        samples = benchmark.subset(theirs)
        subsets[ours] = samples.select(np.isin(annotated(samples.camera), cameras))
    return replace(benchmark, subsets=subsets, validation=rules)


def test_nobody_selects_on_queries_that_have_no_answer(small_wardrobe: Path) -> None:
    recipe = load_recipe("wardrobe", ["selection.by=validation"], data=small_wardrobe)
    benchmark = build.benchmark(recipe)
    with pytest.raises(SettingError, match=r"No query.*validation: same camera ignored") as refused:
        build.parts(recipe, with_validation(benchmark, (1,), RULE))
    assert "selection.by" in refused.value.mend
    unanswered = replace(RULE, name="by clothes alone", ignore=Ignore.SAME_CLOTHES | Ignore.OTHER_CLOTHES)
    one_of_two = with_validation(benchmark, (1, 2, 3, 4), unanswered, RULE)
    assert build.parts(recipe, one_of_two).selected_on is not None
    last = load_recipe("wardrobe", ["selection.by=last"], data=small_wardrobe)
    assert build.parts(last, with_validation(benchmark, (1,), RULE)).selected_on is None


@pytest.mark.parametrize("on", ["validation", "test"])
def test_those_selected_on_are_part_of_what_a_resume_compares(small_wardrobe: Path, tmp_path: Path, on: str) -> None:
    data = Path(shutil.copytree(small_wardrobe, tmp_path / "data"))
    recipe = load_recipe("wardrobe", [f"selection.by={on}"], data=data)
    parts = build.parts(recipe, build.benchmark(recipe))
    before = build.fingerprint_of(parts)
    assert before == build.fingerprint_of(build.parts(recipe, build.benchmark(recipe)))
    assert parts.selected_on is not None
    judging = parts.selected_on.subset(parts.selected_on.protocols[0].query)
    assert judging.files[0] not in parts.train.files
    judging.path(0).write_bytes(judging.path(0).read_bytes() + b" ")
    assert build.fingerprint_of(parts) != before


def test_nobody_who_is_only_scored_is_part_of_what_a_resume_compares(small_wardrobe: Path, tmp_path: Path) -> None:
    data = Path(shutil.copytree(small_wardrobe, tmp_path / "data"))
    recipe = load_recipe("wardrobe", ["selection.by=last"], data=data)
    parts = build.parts(recipe, build.benchmark(recipe))
    before = build.fingerprint_of(parts)
    for image in (data / "query").iterdir():
        image.unlink()
    assert build.fingerprint_of(parts) == before


def test_the_criterion_is_the_mean_over_what_has_a_number() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(4, 8))
    people = Columns(np.array([0, 0, 1, 1]), camera=np.array([1, 1, 1, 1]))
    valid, without = (score(vectors, vectors, people, people, rule) for rule in (Ignore.NOTHING, Ignore.SAME_CAMERA))
    assert without.valid == 0
    assert mean_precision([valid, without]) == valid.mean_ap
    assert np.isnan(mean_precision([without]))


def test_ones_own_model_begins_a_training_on_other_people(small_wardrobe: Path, tmp_path: Path) -> None:
    first = load_recipe("wardrobe", TINY_SETTINGS, data=small_wardrobe)
    train = build.benchmark(first).subset("train")
    trained = build.method(first, train).network
    with torch.no_grad():
        for weight in trained.parameters():
            weight.add_(0.01)
        trained.neck.bias.zero_()
    save_bundle(tmp_path / "run" / "bundle", trained, build.preprocessing(first), About())
    second = load_recipe("wardrobe", [*TINY_SETTINGS, f"network.weights={tmp_path}/run"], data=small_wardrobe)
    others = train.select(train.person != train.person[0])
    begun = build.method(second, others)
    for name, weight in trained.named_parameters():
        torch.testing.assert_close(begun.network.get_parameter(name), weight, rtol=0, atol=0)
    assert begun.get_parameter("identity_head.weight").shape == (3, trained.dimension)


@pytest.mark.parametrize(("weights", "shipped"), [("/home/anna/secret/first.pth", "first.pth"), ("timm", "timm")])
def test_what_is_shipped_of_a_recipe_tells_of_no_folders(weights: str, shipped: str, tmp_path: Path) -> None:
    recipe = shippable(load_recipe("wardrobe", [f"network.weights={weights}"], data=tmp_path))
    assert recipe.network.weights == shipped
    assert recipe.data.root is None
