"""From a recipe to parts: who is trained on, selected on, scored."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.errors import DataError, SettingError
from ccreid.evaluation.metrics import mean_precision, score
from ccreid.machine.processes import Processes
from ccreid.model.bundle import About, save_bundle
from ccreid.recipe import load_recipe
from ccreid.runs import build, loading
from ccreid.vocabulary import Benchmark, Columns, Ignore, Protocol
from columns import annotated
from trees import build_tree, plant
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
    save_bundle(tmp_path / "run" / "bundle", trained, loading.preprocessing(first), About())
    second = load_recipe("wardrobe", [*TINY_SETTINGS, f"network.weights={tmp_path}/run"], data=small_wardrobe)
    others = train.select(train.person != train.person[0])
    begun = build.method(second, others)
    for name, weight in trained.named_parameters():
        torch.testing.assert_close(begun.network.get_parameter(name), weight, rtol=0, atol=0)
    assert begun.get_parameter("identity_head.weight").shape == (3, trained.dimension)


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Seven people of three pictures each, a folder a person and nothing else."""
    return plant(tmp_path / "people", [f"p{person}/{number}.jpg" for person in range(7) for number in range(3)])


@pytest.mark.parametrize(("by", "processes", "expected"), [("validation", 1, 5), ("last", 1, 7), ("last", 2, 6)])
def test_a_batch_takes_the_people_that_there_are(
    people: Path, caplog: pytest.LogCaptureFixture, by: str, processes: int, expected: int
) -> None:
    scored = "validation" if by == "validation" else "test"
    recipe = load_recipe("own", [f"selection.by={by}", f"selection.scored={scored}"], data=people)
    benchmark = build.benchmark(recipe)
    train = build.parts(recipe, benchmark).train if by == "validation" else benchmark.subset("train")
    loader = loading.train_loader(recipe, train, Processes(0, processes))
    assert loader.sampler.people == expected
    (told,) = {record.getMessage() for record in caplog.records if "batches take" in record.getMessage()}
    assert told.endswith(f"so that batches take {expected} where data.people asks for 8.")
    assert ("held out for validation" in told) == (by == "validation")


def test_enough_people_are_not_told_of(small_wardrobe: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = load_recipe("wardrobe", ["data.people=4"], data=small_wardrobe)
    assert loading.train_loader(recipe, build.benchmark(recipe).subset("train")).sampler.people == 4
    assert not caplog.records


def test_who_is_not_there_to_be_scored_is_said_before_training(people: Path) -> None:
    recipe = load_recipe("own", data=people)
    with pytest.raises(DataError, match="cannot be scored: it lacks query, gallery") as refused:
        build.parts(recipe, build.benchmark(recipe))
    assert "selection.scored to validation" in refused.value.mend
    followed = load_recipe("own", ["selection.scored=validation"], data=people)
    assert len(build.parts(followed, build.benchmark(followed)).train.people) == 5


@pytest.mark.parametrize("count", [2, 3])
def test_for_few_people_the_mend_works(people: Path, count: int) -> None:
    plant(
        people.parent / "few",
        [f"train/{name}/1.jpg" for name in "abcdef"[:count]] + ["query/x/1.jpg", "gallery/x/2.jpg"],
    )
    recipe = load_recipe("own", data=people.parent / "few")
    with pytest.raises(SettingError, match="too few") as refused:
        build.parts(recipe, build.benchmark(recipe))
    assert refused.value.mend == "Set selection.by to last."
    followed = load_recipe("own", ["selection.by=last"], data=people.parent / "few")
    parts = build.parts(followed, build.benchmark(followed))
    assert loading.train_loader(followed, parts.train).sampler.people == count


def test_one_person_alone_is_refused(people: Path) -> None:
    plant(people.parent / "one", ["train/a/1.jpg", "query/x/1.jpg", "gallery/x/2.jpg"])
    recipe = load_recipe("own", ["selection.by=last"], data=people.parent / "one")
    with pytest.raises(DataError, match="single person"):
        build.parts(recipe, build.benchmark(recipe))


def test_validation_people_that_are_missing_are_replaced_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = build_tree("last", tmp_path)
    shutil.rmtree(root / "val" / "query")
    recipe = load_recipe("last", data=root)
    assert build.parts(recipe, build.benchmark(recipe)).selected_on is not None
    assert "val/query/ is not there: validation people are held out of train." in caplog.text
