"""The loop: its phases, interruption and resumption, and that it learns."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ccreid.errors import ArtefactError, DivergedError, InterruptedRun, MemoryShortage, SettingError, StorageError
from ccreid.methods import SharedBatch
from ccreid.recipe import Recipe, RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import Checkpoints
from ccreid.training.optimizer import Optimizer
from ccreid.training.rows import Row
from journals import without_clock
from papers import PLAN
from wardrobes import TINY_SETTINGS

pytestmark = [pytest.mark.usefixtures("unrendered"), pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")]


def recipe(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [f"data.root={data}", *TINY_SETTINGS, *more])


class StopAt:
    """Asks for a stop, as Ctrl-C does, after the step of that number."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, row: Row) -> None:
        if row.kind == "step":
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def small_wardrobe(smallest_wardrobe: Path) -> Path:
    """A smaller one still: what is asked here is how a run trains, not what it scores."""
    return smallest_wardrobe


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train.begin(recipe(small_wardrobe), folder, Watch())
    return folder


def test_phases(finished: Path) -> None:
    rows = without_clock(finished)
    for row in rows:
        if row["kind"] == "step":
            expected = {"identity"} if row["epoch"] == 1 else {"identity", "triplet", "attribute", "recomposition"}
            assert set(row["terms"]) == expected
    assert [row["epoch"] for row in rows if row["kind"] == "begin"] == [2, 3]
    assert [row["epoch"] for row in rows if row["kind"] == "epoch"] == [1, 2, 3]
    attributes = [row["notes"].get("attributes") for row in rows if row["kind"] == "epoch"]
    assert attributes[0] is None
    assert all(count >= 4 for count in attributes[1:])  # at least one a person


def test_a_run_leaves_every_artefact(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    protocols = ("standard", "cloth-changing", "same-clothes")
    assert names == {
        "recipe.yaml",
        "journal.jsonl",
        "checkpoint.safetensors",
        "bundle",
        "embeddings",
        "report.json",
        "report.txt",
        "report.html",
        "queries.parquet",
        *(f"ranked-{protocol}.png" for protocol in protocols),
    }
    report = json.loads((finished / "report.json").read_text())
    assert [row["name"] for row in report["protocols"]] == list(protocols)
    card = json.loads((finished / "bundle" / "bundle.json").read_text())
    assert card["scores"] == report["protocols"]
    assert card["recipe"]["data"]["root"] is None  # nothing about this machine's folders is shipped
    assert card["trained_on"]["licence"].startswith("CC0")


@pytest.mark.parametrize("stop_after", [8, *(pytest.param(step, marks=pytest.mark.slow) for step in (1, 4, 17))])
def test_an_interrupted_run_goes_on_to_the_very_same_end(
    finished: Path, small_wardrobe: Path, tmp_path: Path, stop_after: int
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRun, match="Stopped in epoch") as stopped:
        train.begin(recipe(small_wardrobe), folder, Watch(listener=StopAt(stop_after)))
    assert f"--resume {folder}" in stopped.value.mend
    assert sum(row["kind"] == "step" for row in without_clock(folder)) == stop_after
    train.resume(folder, Watch())
    assert without_clock(folder) == without_clock(finished)
    ours, theirs = (load_file(where / "bundle" / "weights.safetensors") for where in (folder, finished))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.slow
def test_resuming_with_kept_moments_is_exact_too(small_wardrobe: Path, tmp_path: Path) -> None:
    kept = recipe(small_wardrobe, "method.reset_optimizer_each_epoch=false")
    train.begin(kept, tmp_path / "whole", Watch())
    with pytest.raises(InterruptedRun):
        train.begin(kept, tmp_path / "halves", Watch(listener=StopAt(13)))
    train.resume(tmp_path / "halves", Watch())
    assert without_clock(tmp_path / "halves") == without_clock(tmp_path / "whole")


@pytest.mark.slow
def test_keeping_the_moments_is_another_training(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    kept = recipe(small_wardrobe, "method.reset_optimizer_each_epoch=false")
    train.begin(kept, tmp_path / "kept", Watch())
    first, last = without_clock(tmp_path / "kept"), without_clock(finished)
    warmup = [row for row in first if row["epoch"] == 1]
    assert warmup == [row for row in last if row["epoch"] == 1]
    assert first != last


@pytest.mark.slow
def test_another_seed_is_another_training(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    train.begin(recipe(small_wardrobe, "training.seed=1"), tmp_path / "run", Watch())
    assert without_clock(tmp_path / "run")[0] != without_clock(finished)[0]


@pytest.mark.slow
def test_a_full_disk_leaves_the_previous_checkpoint(
    finished: Path, small_wardrobe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves = []
    original = Checkpoints.save

    def save_until_the_disk_is_full(self: Checkpoints, *arguments: Any) -> None:
        saves.append(arguments)
        if len(saves) == 2:
            monkeypatch.setattr(os, "fsync", refuse)
        original(self, *arguments)

    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "save", save_until_the_disk_is_full)
        with pytest.raises(StorageError, match=r"checkpoint\.safetensors.*No space left"):
            train.begin(recipe(small_wardrobe), folder, Watch())
    monkeypatch.undo()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    train.resume(folder, Watch())
    assert without_clock(folder) == without_clock(finished)


def test_a_damaged_checkpoint_is_named(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe), folder, Watch(listener=StopAt(2)))
    (RunFolder(folder).checkpoint).write_bytes(b"not a checkpoint")
    with pytest.raises(ArtefactError, match=r"checkpoint\.safetensors is damaged"):
        train.resume(folder, Watch())


def test_other_data_are_refused(small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRun):
        train.begin(recipe(data), folder, Watch(listener=StopAt(2)))
    next((data / "train").glob("*.jpg")).unlink()
    with pytest.raises(ArtefactError, match="the images that are trained or selected on are not those of before"):
        train.resume(folder, Watch())


def test_a_folder_in_use_is_refused(finished: Path, small_wardrobe: Path) -> None:
    with pytest.raises(SettingError, match="is not empty") as caught:
        train.begin(recipe(small_wardrobe), finished, Watch())
    assert "--resume" in caught.value.mend


def test_a_folder_that_is_no_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="is no run"):
        train.resume(tmp_path, Watch())


def test_a_loss_that_is_no_number_stops_the_run(small_wardrobe: Path, tmp_path: Path) -> None:
    wild = recipe(small_wardrobe, "training.learning_rate=1e30", "training.warmup_epochs=0")
    with pytest.raises(DivergedError, match="term is"):
        train.begin(wild, tmp_path / "run", Watch())
    assert {path.name for path in RunFolder(tmp_path / "run").diverged().iterdir()} == {
        "batch.json",
        "batch.safetensors",
    }


@pytest.mark.parametrize("full", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_too_little_memory_names_the_settings_to_lower(
    small_wardrobe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: Exception
) -> None:
    def fill(*_arguments: Any) -> None:
        raise full

    monkeypatch.setattr(SharedBatch, "forward", fill)
    with pytest.raises(MemoryShortage, match="The memory is full") as stopped:
        train.begin(recipe(small_wardrobe), tmp_path / "run", Watch())
    for setting in ("data.people", "data.height_px", "training.accumulate", "training.precision"):
        assert setting in stopped.value.mend


def test_batches_are_put_together_for_a_step_of_the_optimizer() -> None:
    plan = replace(PLAN, accumulate=2)
    assert [plan.accumulation(step, 5) for step in range(5)] == [
        (2, False),
        (2, True),
        (2, False),
        (2, True),
        (1, True),  # what is left makes a step of its own, with its whole weight
    ]


@pytest.mark.slow
def test_two_batches_a_step_change_the_weights_half_as_often(
    small_wardrobe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    descents: list[int] = []
    step = Optimizer.step

    def counted(optimizer: Optimizer) -> None:
        descents.append(1)
        step(optimizer)

    monkeypatch.setattr(Optimizer, "step", counted)
    train.begin(recipe(small_wardrobe, "training.accumulate=2"), tmp_path / "run", Watch())
    of_epochs = [row["steps"] for row in without_clock(tmp_path / "run") if row["kind"] == "epoch"]
    assert len(descents) == sum(math.ceil(count / 2) for count in of_epochs) < sum(of_epochs)


@pytest.mark.slow
def test_the_average_of_the_weights_is_what_is_shipped(small_wardrobe: Path, tmp_path: Path) -> None:
    train.begin(recipe(small_wardrobe, "training.average=0.9"), tmp_path / "run", Watch())
    shipped = load_file(tmp_path / "run" / "bundle" / "weights.safetensors")
    state = load_file(RunFolder(tmp_path / "run").checkpoint)
    assert all(torch.equal(value, state[f"average.module.{name}"]) for name, value in shipped.items())
    assert not all(torch.equal(value, state[f"method.network.{name}"]) for name, value in shipped.items())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision_goes_on_to_the_very_same_end(
    finished: Path, small_wardrobe: Path, tmp_path: Path, precision: str
) -> None:
    mixed = recipe(small_wardrobe, f"training.precision={precision}")
    train.begin(mixed, tmp_path / "whole", Watch())
    with pytest.raises(InterruptedRun):
        train.begin(mixed, tmp_path / "halves", Watch(listener=StopAt(13)))
    train.resume(tmp_path / "halves", Watch())
    assert without_clock(tmp_path / "halves") == without_clock(tmp_path / "whole")
    first, in_full = without_clock(tmp_path / "whole")[0], without_clock(finished)[0]
    assert first != in_full
    assert first["total"] == pytest.approx(in_full["total"], rel=0.05)


@pytest.mark.slow
def test_settings_that_differ_are_listed_and_may_be_allowed(small_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe), folder, Watch(listener=StopAt(2)))
    changes = ("training.learning_rate=0.001", "method.margin=0.5")
    with pytest.raises(ArtefactError) as refused:
        train.resume(folder, Watch(), changes)
    assert "training.learning_rate was 0.00035 and is 0.001" in refused.value.message
    assert "method.margin was 0.3 and is 0.5" in refused.value.message
    assert "--allow recipe" in refused.value.mend
    train.resume(folder, Watch(), changes, ["recipe"])
    assert RunFolder(folder).recipe().affecting("training")["method.margin"] == 0.5
    assert {row["learning_rate"] for row in without_clock(folder) if row["kind"] == "step"} >= {0.001}


@pytest.mark.slow
def test_settings_that_do_not_decide_may_change(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe), folder, Watch(listener=StopAt(2)))
    train.resume(folder, Watch(), ["data.workers=1", "data.cache_gb=0"])
    assert without_clock(folder) == without_clock(finished)


@pytest.mark.slow
def test_a_copy_of_the_data_is_the_same_data(finished: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe), folder, Watch(listener=StopAt(2)))
    shutil.copytree(small_wardrobe, elsewhere, copy_function=shutil.copyfile)  # with times of its own
    train.resume(folder, Watch(), [f"data.root={elsewhere}"])
    assert without_clock(folder) == without_clock(finished)


@pytest.mark.slow
def test_two_replicas_train(small_wardrobe: Path, tmp_path: Path) -> None:
    halves = recipe(small_wardrobe, "training.replicas=2", "data.people=4", "training.epochs=2")
    report = train.begin(halves, tmp_path / "run", Watch())
    assert all(row.map is not None for row in report.protocols)


@pytest.mark.slow
def test_the_baseline_of_a_recipe_mines_nothing(small_wardrobe: Path, tmp_path: Path) -> None:
    train.begin(recipe(small_wardrobe, "method.name=baseline"), tmp_path / "run", Watch())
    rows = without_clock(tmp_path / "run")
    assert not [row for row in rows if row["kind"] == "begin"]
    assert set(rows[-1]["terms"]) == {"identity", "triplet"}


@pytest.mark.slow
@pytest.mark.parametrize(("on", "words"), [("validation", "validation people"), ("test", "ON THE TEST SET")])
def test_the_best_epoch_is_reported_with_how_it_was_found(
    small_wardrobe: Path, tmp_path: Path, on: str, words: str
) -> None:
    settings = (f"selection.by={on}", "selection.every=1", "selection.share=0.5", "data.people=2")
    report = train.begin(recipe(small_wardrobe, *settings), tmp_path / "run", Watch())
    selected = report.conditions.selection
    assert selected is not None
    assert words in selected
    values = [row["validation"] for row in without_clock(tmp_path / "run") if row["kind"] == "epoch"]
    assert f"epoch {values.index(max(values)) + 1} of 3" in selected
    kept = load_file(tmp_path / "run" / "bundle" / "weights.safetensors")
    best = load_file(tmp_path / "run" / "best.safetensors")
    assert all(torch.equal(kept[name], best[name]) for name in best)


@pytest.mark.slow
def test_selection_survives_an_interruption(small_wardrobe: Path, tmp_path: Path) -> None:
    settings = ("selection.by=validation", "selection.every=1", "selection.share=0.5", "data.people=2")
    whole = train.begin(recipe(small_wardrobe, *settings), tmp_path / "whole", Watch())
    with pytest.raises(InterruptedRun):
        train.begin(recipe(small_wardrobe, *settings), tmp_path / "halves", Watch(listener=StopAt(7)))
    halves = train.resume(tmp_path / "halves", Watch())
    assert halves.conditions.selection == whole.conditions.selection
    assert halves.protocols == whole.protocols
