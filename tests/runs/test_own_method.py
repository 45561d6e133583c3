"""A method is a value: one of somebody's own goes every journey, and nothing there knows of it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import own_method
from ccreid.datasets import read_benchmark
from ccreid.errors import InterruptedRun
from ccreid.recipe import Recipe, RunFolder, load_recipe
from ccreid.runs import ablate, train
from ccreid.runs.publish import publish
from ccreid.runs.score import evaluate_bundle
from ccreid.runs.watch import Watch
from ccreid.training.rows import Row, StepRow
from journals import without_clock
from together import train_together
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

OWN = (*TINY_SETTINGS, "method.name=clothes", "data.people=4")


def recipe(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [*OWN, *more], data=data)


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own") / "run"
    train.begin(recipe(small_wardrobe), folder, Watch())
    return folder


def stop_in_the_second_epoch(row: Row) -> None:
    if isinstance(row, StepRow) and (row.epoch, row.step) == (2, 3):
        os.kill(os.getpid(), signal.SIGINT)


def test_its_settings_are_the_recipes(small_wardrobe: Path) -> None:
    assert isinstance(recipe(small_wardrobe).method, own_method.ClothesSettings)
    assert recipe(small_wardrobe, "method.clothes_weight=2.0").affecting("training")["method.clothes_weight"] == 2.0


def test_it_trains_and_its_terms_are_in_the_journal(finished: Path) -> None:
    steps = [row for row in without_clock(finished) if row["kind"] == "step"]
    assert {(row["epoch"] > 1, tuple(row["terms"])) for row in steps} == {
        (False, ("identity",)),
        (True, ("identity", "clothes")),
    }
    assert (finished / "report.html").is_file()


def test_it_goes_on_to_the_very_same_end(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe), tmp_path / "run", Watch(listener=stop_in_the_second_epoch))
    train.resume(tmp_path / "run", Watch())
    assert without_clock(tmp_path / "run") == without_clock(finished)
    ours, theirs = (load_file(RunFolder(folder).checkpoint) for folder in (tmp_path / "run", finished))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_two_processes_take_its_course(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    assert train_together(2, tmp_path / "run", [*OWN, f"data.root={small_wardrobe}"], ["own_method"]) == [0, 0]
    ours, theirs = (
        [row for row in without_clock(folder) if row["kind"] == "step"] for folder in (tmp_path / "run", finished)
    )
    assert len(ours) == len(theirs) > 0
    for mine, its in zip(ours, theirs, strict=True):
        assert mine["terms"] == pytest.approx(its["terms"], rel=1e-3, abs=1e-5), mine["step"]


def test_it_is_compared_with_others(small_wardrobe: Path, tmp_path: Path) -> None:
    changes = {"baseline": ["method.name=baseline"], "clothes": []}
    recipes = {name: recipe(small_wardrobe, *own, "training.epochs=2") for name, own in changes.items()}
    ablate.ablate(recipes, [0], tmp_path, lambda _name: Watch(), changes)
    result = json.loads((tmp_path / ablate.RESULT).read_text())
    assert {(row["variant"], row["against"]) for row in result["paired"]} == {("clothes", "baseline")}


def test_it_is_published_and_evaluated(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    publish(finished, tmp_path / "shared", Watch())
    assert "`wardrobe`" in (tmp_path / "shared" / "MODEL_CARD.md").read_text()
    evaluate_bundle(tmp_path / "shared", read_benchmark("wardrobe", small_wardrobe), tmp_path / "scores")
    assert (tmp_path / "scores" / "report.json").is_file()
