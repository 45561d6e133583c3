"""Trackers: what of a journal they are given, where, and what happens where they cannot."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ccreid.errors import SettingError
from ccreid.recipe import load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training import trackers
from ccreid.training.checkpoint import Position
from ccreid.training.health import StepValues
from ccreid.training.journal import Journal
from ccreid.training.rows import BeginRow, EpochRow, PlanRow, StepRow
from ccreid.training.trackers import KINDS, QUIET, Described, Kind, Trackers, metrics, require
from wardrobes import TINY_SETTINGS

RUN = Described("demo", {"training.epochs": 2})
STEP = StepRow(
    epoch=1, step=1, terms={"identity": 1.5}, total=2.5, learning_rate=0.1, notes={"without_donor": 0}, seconds=1.0
)
FOUND = BeginRow(epoch=2, notes={"attributes": 7}, seconds=1.0)


class Fake:
    """A tracker that remembers."""

    def __init__(self, fails: bool = False) -> None:
        self.fails = fails
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.settings: dict[str, Any] = {}
        self.experiment = None
        self.ended: bool | None = None

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        if self.fails:
            raise OSError("the server is gone")
        self.logged.append((step, dict(values)))

    def log_hyperparams(self, settings: dict[str, Any]) -> None:
        self.settings = settings


@pytest.fixture(autouse=True)
def _environment_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[Fake]:
    """Puts fakes in the place of TensorBoard, as many as are opened; gives them and notes the ids that go on."""
    opened: list[Fake] = []

    def open_one(_folder: Path, _name: str, known: str | None) -> Fake:
        opened.append(Fake())
        opened[-1].settings = {"known": known}
        return opened[-1]

    def close(tracker: Fake, well: bool) -> None:
        tracker.ended = well

    monkeypatch.setitem(KINDS, "tensorboard", Kind((), open_one, lambda _tracker: "id-1", close))
    return opened


def test_every_number_of_a_row_is_logged_under_its_name() -> None:
    assert metrics(STEP) == {"loss/identity": 1.5, "loss/total": 2.5, "learning_rate": 0.1, "without_donor": 0}
    assert metrics(FOUND) == {"attributes": 7}
    epoch = EpochRow(
        epoch=3, steps=1, terms=STEP.terms, total=2.5, learning_rate=0.1, validation=None, notes={}, seconds=9.0
    )
    expected = {"epoch_loss/identity": 1.5, "epoch_loss/total": 2.5, "epoch": 3, "epoch_seconds": 9.0}
    assert metrics(epoch) == expected
    assert metrics(epoch.model_copy(update={"validation": 0.25})) == {**expected, "validation/map": 0.25}


def test_steps_are_counted_over_epochs_from_where_the_run_stands(fake: list[Fake], tmp_path: Path) -> None:
    with Trackers(["tensorboard"], tmp_path, RUN) as follow:
        follow(PlanRow(epochs=2, steps=9, done=4))
        follow(FOUND)
        follow(STEP)
        follow(STEP)
    assert [step for step, _ in fake[0].logged] == [4, 5, 6]
    assert fake[0].settings == RUN.settings
    assert fake[0].ended is True


def test_a_run_that_goes_on_does_so_in_the_same_place_and_repeats_nothing(fake: list[Fake], tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    values = StepValues({"identity": 1.0}, 1.0, {})
    with Trackers(["tensorboard"], tmp_path, RUN) as follow, Journal(path, Position(), follow) as journal:
        for step in range(3):
            journal.step(0, step, values, 0.1)
    with (
        Trackers(["tensorboard"], tmp_path, RUN) as follow,
        Journal(path, Position(0, 1), follow) as journal,  # the run was killed after its checkpoint of step 1
    ):
        follow(PlanRow(epochs=1, steps=4, done=1))
        follow.repeat(journal.dropped)
        for step in range(1, 4):
            journal.step(0, step, values, 0.1)
    assert [[step for step, _ in one.logged] for one in fake] == [[1, 2, 3], [4]]
    assert fake[1].settings == {"known": "id-1"}


def test_one_that_is_named_later_gets_the_repeated_rows(fake: list[Fake], tmp_path: Path) -> None:
    with Trackers(["tensorboard"], tmp_path, RUN) as follow:
        follow.repeat(2)
        follow(STEP)
    assert len(fake[0].logged) == 1


def test_one_that_fails_is_let_go_with_a_warning(
    fake: list[Fake], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Trackers(["tensorboard"], tmp_path, RUN) as follow:
        fake[0].fails = True
        follow(STEP)
        follow(STEP)
    assert [record.getMessage() for record in caplog.records] == [
        "The tracker tensorboard failed and gets no more rows; the journal has all of them: the server is gone"
    ]
    assert fake[0].ended is None


def test_one_that_cannot_be_opened_is_named_before_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("no such store\nat all")

    monkeypatch.setitem(KINDS, "mlflow", Kind((), refuse, str, lambda *_: None))
    with pytest.raises(SettingError, match=r"mlflow cannot be opened: no such store\nMend it"):
        Trackers(["mlflow"], tmp_path, RUN)


def test_a_missing_library_is_named_before_anything_is_read(
    monkeypatch: pytest.MonkeyPatch, small_wardrobe: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _module: None)
    recipe = load_recipe("wardrobe", [f"data.root={small_wardrobe}", *TINY_SETTINGS, "training.trackers=[wandb]"])
    with pytest.raises(SettingError) as caught:
        train.begin(recipe, tmp_path / "run", Watch())
    assert caught.value.mend == "Install it: pip install 'ccreid[wandb]'"
    assert not (tmp_path / "run").exists()
    require([])


def test_libraries_are_quiet_unless_the_user_says_otherwise(fake: list[Fake], tmp_path: Path) -> None:
    os.environ |= {"DO_NOT_TRACK": "false"}
    os.environ.pop("MLFLOW_DISABLE_TELEMETRY", None)
    Trackers([], tmp_path, RUN)
    assert "MLFLOW_DISABLE_TELEMETRY" not in os.environ
    Trackers(["tensorboard"], tmp_path, RUN)
    assert {name: os.environ[name] for name in QUIET} == {**QUIET, "DO_NOT_TRACK": "false"}


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
@pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric", "ignore::DeprecationWarning")
def test_tensorboard_holds_what_the_journal_holds(small_wardrobe: Path, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tmp_path / "run"
    settings = [f"data.root={small_wardrobe}", *TINY_SETTINGS, "training.epochs=2", "training.trackers=[tensorboard]"]
    train.begin(load_recipe("wardrobe", settings), folder, Watch())
    train.resume(folder, Watch(), ["training.epochs=3"], ["recipe"])
    rows = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    steps = [row for row in rows if row["kind"] == "step"]
    held = events.EventAccumulator(str(folder / "tensorboard"))
    held.Reload()
    totals = held.Scalars("loss/total")
    assert [event.step for event in totals] == list(range(1, len(steps) + 1))
    assert [event.value for event in totals] == pytest.approx([row["total"] for row in steps])
    mined = [row["notes"]["attributes"] for row in rows if row["kind"] == "begin"]
    assert [event.value for event in held.Scalars("attributes")] == mined
    assert {"loss/recomposition", "learning_rate", "epoch_loss/triplet"} <= set(held.Tags()["scalars"])


def test_trackers_do_not_decide_what_a_training_ends_with() -> None:
    assert "training.trackers" not in load_recipe("demo", ["training.trackers=[tensorboard]"]).affecting(
        "training", "scores"
    )
