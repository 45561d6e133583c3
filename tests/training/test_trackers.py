"""Trackers: what they are given of the journal, and that they never end a training."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ccreid import run, scoring
from ccreid.errors import InterruptedRun, SettingError
from ccreid.recipe import load_recipe
from ccreid.run_folder import JOURNAL, read_journal
from ccreid.training import trackers
from ccreid.training.trackers import Trackers, metrics, require
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore")  # the libraries' own, of each other


class Fake:
    """Keeps what it is given."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.settings: dict[str, Any] = {}
        self.given: list[tuple[int, Mapping[str, float]]] = []
        self.fails_at = fails_at
        self.ended: list[str] = []

    def log_hyperparams(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def log_metrics(self, values: Mapping[str, float], step: int) -> None:
        if len(self.given) == self.fails_at:
            raise ConnectionError("the server is gone\nlong story")
        self.given.append((step, values))

    def finalize(self, status: str) -> None:
        self.ended.append(status)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Stands where TensorBoard would."""
    made = Fake()
    monkeypatch.setattr(trackers, "require", lambda _names: None)
    monkeypatch.setattr(run, "require", lambda _names: None)
    monkeypatch.setattr(trackers, "MAKERS", {"tensorboard": lambda _folder: made})
    return made


def begun(data: Path, folder: Path, **watch: Any) -> None:
    settings = [f"data.root={data}", *TINY_SETTINGS, "training.epochs=2", "training.trackers=[tensorboard]"]
    run.begin(load_recipe("wardrobe", settings), folder, scoring.Watch(**watch))


def test_a_row_becomes_numbers_with_names() -> None:
    row = {"kind": "epoch", "epoch": 2, "terms": {"triplet": 0.5}, "total": 1.5, "validation": None, "attributes": 7}
    assert metrics(row) == {"epoch/epoch": 2, "epoch/triplet": 0.5, "epoch/total": 1.5, "epoch/attributes": 7}


def test_every_row_of_a_run_is_given_with_the_number_of_steps_before_it(
    fake: Fake, small_wardrobe: Path, tmp_path: Path
) -> None:
    begun(small_wardrobe, tmp_path / "run")
    rows = read_journal(tmp_path / "run" / JOURNAL)
    assert [values for _, values in fake.given] == [metrics(row) for row in rows]
    of_steps = [step for step, values in fake.given if "step/total" in values]
    assert of_steps == list(range(1, len(of_steps) + 1))
    assert fake.settings["objective.margin"] == 0.3
    assert not [name for name in fake.settings if "root" in name]  # nothing about this machine's folders
    assert fake.ended == ["success"]


def test_a_resumed_run_goes_on_counting(fake: Fake, small_wardrobe: Path, tmp_path: Path) -> None:
    def stop(row: Mapping[str, Any]) -> None:
        if (row["kind"], row.get("step"), row.get("epoch")) == ("step", 2, 1):
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(InterruptedRun):
        begun(small_wardrobe, tmp_path / "run", listener=stop)
    run.resume(tmp_path / "run", scoring.Watch())
    of_steps = [step for step, values in fake.given if "step/total" in values]
    assert of_steps == list(range(1, len(of_steps) + 1))
    assert fake.ended == ["failed", "success"]


def test_a_tracker_that_fails_is_left_out_and_the_run_goes_on(
    fake: Fake, small_wardrobe: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake.fails_at = 3
    begun(small_wardrobe, tmp_path / "run")
    assert (tmp_path / "run" / "report.json").exists()
    assert caplog.text.count("tensorboard follows no longer: the server is gone.") == 1
    assert len(fake.given) == 3


def test_what_is_not_installed_is_said_before_anything_is_trained(
    small_wardrobe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers, "find_spec", lambda _module: None)
    with pytest.raises(SettingError, match=r"training\.trackers names tensorboard") as refused:
        begun(small_wardrobe, tmp_path / "run")
    assert refused.value.mend == "Install it: pip install 'ccreid[tensorboard]'"
    assert not (tmp_path / "run").exists()
    require([])


def test_trackers_do_not_decide(small_wardrobe: Path) -> None:
    plain, followed = (load_recipe("wardrobe", more) for more in ([], ["training.trackers=[wandb, mlflow]"]))
    assert followed.training.trackers == ("wandb", "mlflow")
    assert plain.decisive() == followed.decisive()


ROWS = [
    {"kind": "plan", "epochs": 1, "steps": 2, "done": 0},
    {"kind": "step", "epoch": 1, "step": 1, "terms": {"identity": 2.0}, "total": 2.0},
    {"kind": "step", "epoch": 1, "step": 2, "terms": {"identity": 1.0}, "total": 1.0},
]


def test_tensorboard_holds_the_rows(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Trackers(["tensorboard"], tmp_path, {"a.b": 1}) as following:
        for row in ROWS:
            following(row)
    held = events.EventAccumulator(str(tmp_path / "tensorboard"))
    held.Reload()
    assert [(event.step, event.value) for event in held.Scalars("step/identity")] == [(1, 2.0), (2, 1.0)]


def test_mlflow_holds_the_rows_and_goes_on_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    pytest.importorskip("pytorch_lightning")
    monkeypatch.chdir(tmp_path)
    for rows in (ROWS[:2], [{**ROWS[0], "done": 1}, ROWS[2]]):
        with Trackers(["mlflow"], tmp_path / "run", {"a.b": 1}) as following:
            for row in rows:
                following(row)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'run' / 'mlflow.db'}")
    (held,) = client.search_runs([client.get_experiment_by_name("ccreid").experiment_id])
    assert held.data.params == {"a.b": "1"}
    assert [(m.step, m.value) for m in client.get_metric_history(held.info.run_id, "step/identity")] == [
        (1, 2.0),
        (2, 1.0),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


def test_wandb_stays_offline_in_the_folder_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    pytest.importorskip("pytorch_lightning")
    monkeypatch.chdir(tmp_path)
    for name in trackers.QUIET:
        monkeypatch.delenv(name, raising=False)
    with Trackers(["wandb"], tmp_path / "run", {"a.b": 1}) as following:
        for row in ROWS:
            following(row)
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert {path.name for path in tmp_path.iterdir()} == {"run"}
