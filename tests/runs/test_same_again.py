"""A recipe ends with the same weights however and wherever it is run, and a run goes on as it is told to."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ccreid.errors import ArtefactError
from ccreid.model.bundle import WEIGHTS
from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from commands import carry_out
from wardrobes import TINY_SETTINGS, tiny_options

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unrendered")]


def rows(run: Path, kind: str) -> list[dict[str, object]]:
    every = map(json.loads, RunFolder(run).journal.read_text().splitlines())
    return [row for row in every if row["kind"] == kind]


def test_hash_seed_workers_folder_and_locale_decide_nothing(smallest_wardrobe: Path, tmp_path: Path) -> None:
    short = "training.epochs=2"  # one with attributes
    train.begin(load_recipe("wardrobe", [*TINY_SETTINGS, short], data=smallest_wardrobe), tmp_path / "here", Watch())
    data = os.path.relpath(smallest_wardrobe, tmp_path)
    words = [
        "-m",
        "ccreid",
        "train",
        "wardrobe",
        "--data",
        data,
        "--out",
        "there",
        *tiny_options(short, "data.workers=2"),
    ]
    elsewhere = {**os.environ, "PYTHONHASHSEED": "77", "LC_ALL": "C", "CCREID_CACHE": "off"}
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    weights = [(RunFolder(tmp_path / run).bundle / WEIGHTS).read_bytes() for run in ("here", "there")]
    assert weights[0] == weights[1]


def test_a_finished_run_takes_another_rate_and_more_epochs_where_that_is_allowed(
    smallest_wardrobe: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train.begin(load_recipe("wardrobe", TINY_SETTINGS, data=smallest_wardrobe), run, Watch())
    before = rows(run, "step")
    changes = ["training.learning_rate=1e-05", "training.epochs=4"]
    with pytest.raises(ArtefactError, match=r"training\.learning_rate was 0\.00035 and is 1e-05"):
        train.resume(run, Watch(), changes)
    train.resume(run, Watch(), changes, ["recipe"])
    after = rows(run, "step")
    assert after[: len(before)] == before
    assert {(row["epoch"], row["learning_rate"]) for row in after[len(before) :]} == {(4, 1e-05)}


def test_a_run_that_was_stopped_twice_at_once_goes_on(smallest_wardrobe: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    def stop_twice(process: int) -> None:
        os.kill(process, signal.SIGINT)
        time.sleep(0.02)
        os.kill(process, signal.SIGINT)

    words = ["train", "wardrobe", "--data", smallest_wardrobe, "--out", run, *tiny_options("training.epochs=400")]
    done = carry_out(words, once=RunFolder(run).checkpoint.exists, act=stop_twice)
    assert done.returncode in (130, -signal.SIGINT), done.stderr
    assert "Traceback" not in done.stderr
    epochs = len(rows(run, "epoch")) + 1
    train.resume(run, Watch(), [f"training.epochs={epochs}"], ["recipe"])
    assert [row["epoch"] for row in rows(run, "epoch")] == list(range(1, epochs + 1))
    assert RunFolder(run).finished
