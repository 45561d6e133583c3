"""Several processes train as one does, and end together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from ccreid import run, scoring
from ccreid.recipe import load_recipe
from ccreid.training.journal import read_journal
from together import train_together
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")

FOUR = (*TINY_SETTINGS, "data.people=4")  # of whom each process has two


def losses(folder: Path) -> list[dict[str, float]]:
    return [row["terms"] for row in read_journal(folder / run.JOURNAL) if row["kind"] == "step"]


def found(folder: Path) -> list[int]:
    return [row["attributes"] for row in read_journal(folder / run.JOURNAL) if row["kind"] == "mining"]


def assert_same_course(folder: Path, other: Path) -> None:
    ours, theirs = losses(folder), losses(other)
    assert len(ours) == len(theirs) > 0
    for step, (mine, its) in enumerate(zip(ours, theirs, strict=True)):
        assert mine == pytest.approx(its, rel=2e-4, abs=2e-5), f"step {step}"
    assert found(folder) == found(other)
    left, right = (load_file(where / "bundle" / "weights.safetensors") for where in (folder, other))
    for name, value in right.items():
        torch.testing.assert_close(left[name], value, rtol=1e-2, atol=1e-3, msg=name)


@pytest.fixture(scope="module")
def alone(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "alone"
    run.begin(load_recipe("wardrobe", [f"data.root={small_wardrobe}", *FOUR]), folder, scoring.Watch())
    return folder


@pytest.fixture(scope="module")
def two(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "two"
    assert train_together(2, folder, [f"data.root={small_wardrobe}", *FOUR]) == [0, 0]
    return folder


def test_two_processes_take_the_course_of_one(alone: Path, two: Path) -> None:
    assert_same_course(two, alone)


def test_two_processes_score_as_one(alone: Path, two: Path) -> None:
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in (two, alone))
    assert ours["conditions"]["processes"] == 2
    for mine, its in zip(ours["protocols"], theirs["protocols"], strict=True):
        assert mine["map"] == pytest.approx(its["map"], abs=0.5)
