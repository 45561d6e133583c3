"""From a recipe to parts: who is trained on, selected on, scored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ccreid.errors import SettingError
from ccreid.evaluation.metrics import mean_precision, score
from ccreid.recipe import load_recipe
from ccreid.runs import build
from ccreid.vocabulary import Benchmark, Columns, Ignore, Protocol
from columns import annotated

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
