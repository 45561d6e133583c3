"""Several processes train as one does, and end together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from coarse import unrendered_pictures
from journals import without_clock
from together import train_together
from wardrobes import TINY_SETTINGS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")]

# Four people, of whom each process has two; small steps, since large ones make much of the last digits.
FOUR = (*TINY_SETTINGS, "data.people=4", "training.learning_rate=1e-5")


# What two processes are given, and what makes the same of one.
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "the whole batch together": ((), ()),
    "each by itself": (("training.replicas=2",), ("training.replicas=2",)),
    "held to what was known": (("training.remember.features=1", "training.remember.relations=1"),) * 2,
    "two batches a step": (("training.accumulate=2", "training.clip_norm=1"),) * 2,
}

Pair = tuple[Path, Path]


@pytest.fixture(scope="module", params=KINDS)
def pair(request: pytest.FixtureRequest, small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """The runs of two processes and of one."""
    of_two, of_one = KINDS[request.param]
    folder = tmp_path_factory.mktemp("runs")
    settings = (f"data.root={small_wardrobe}", *FOUR)
    assert train_together(2, folder / "two", [*settings, *of_two]) == [0, 0]
    with unrendered_pictures():
        train.begin(load_recipe("wardrobe", [*settings, *of_one]), folder / "one", Watch())
    return folder / "two", folder / "one"


def rows(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [row for row in without_clock(folder) if row["kind"] == kind]


def test_two_processes_take_the_course_of_one(pair: Pair) -> None:
    ours, theirs = (rows(folder, "step") for folder in pair)
    assert len(ours) == len(theirs) > 0
    for mine, its in zip(ours, theirs, strict=True):
        assert mine["terms"] == pytest.approx(its["terms"], rel=1e-4, abs=1e-5), mine["step"]
        assert mine["notes"] == its["notes"]


def test_two_processes_find_the_attributes_of_one(pair: Pair) -> None:
    ours, theirs = ([row["notes"] for row in rows(folder, "begin")] for folder in pair)
    assert ours == theirs
    mined, same = (load_file(RunFolder(folder).checkpoint)["method.attributes"] for folder in pair)
    assert torch.equal(mined, same)


def test_two_processes_score_as_one(pair: Pair) -> None:
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in pair)
    assert ours["conditions"]["processes"] == 2
    for mine, its in zip(ours["protocols"], theirs["protocols"], strict=True):
        assert mine["map"] == pytest.approx(its["map"], abs=0.5)
