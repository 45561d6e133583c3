"""TensorBoard, MLflow and W&B, following the rows of a journal.

Each writes below the folder of the run, and nothing leaves the machine unless the environment says so.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ccreid.errors import SettingError
from ccreid.machine.files import write_json
from ccreid.training.rows import BeginRow, KeptRow, PlanRow, Row, StepRow

logger = logging.getLogger(__name__)

PROJECT = "ccreid"
STATE = "run.json"
"""In a tracker's folder: under which id the run is known there."""
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "WANDB_ERROR_REPORTING": "false",
    "WANDB_SILENT": "true",
}
"""What the libraries tell their makers, and the terminal, is off; whoever sets a variable has the last word."""


@dataclass(frozen=True)
class Described:
    """A run as trackers know it.

    Attributes
    ----------
    name:
        For people.
    settings:
        By dotted path, those that change the outcome.
    """

    name: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """A tracker that there is.

    Attributes
    ----------
    modules:
        Which must be installed.
    open:
        Makes its Fabric logger: (its folder, the run's name, the id of the run that goes on or None).
    identify:
        The id under which a logger's run goes on.
    close:
        Ends a logger's run: (logger, whether it went well).
    """

    modules: tuple[str, ...]
    open: Callable[[Path, str, str | None], Any]
    identify: Callable[[Any], str]
    close: Callable[[Any, bool], None]


def require(names: Sequence[str]) -> None:
    """Make sure that what some trackers need is installed.

    Raises
    ------
    SettingError
        It is not.
    """
    for name in names:
        if any(find_spec(module) is None for module in KINDS[name].modules):
            raise SettingError(
                f"training.trackers names {name}, which is not installed.", f"Install it: pip install 'ccreid[{name}]'"
            )


class Trackers:
    """A listener of the journal that hands every row to some trackers.

    A tracker that fails later is let go with a warning: the journal has every row, and the training goes on.

    Parameters
    ----------
    names:
        Of the trackers; none listens to nothing.
    folder:
        Of the run; each tracker writes into a folder of its own in it.
    described:
        The run.

    Raises
    ------
    SettingError
        A tracker cannot be opened.
    """

    def __init__(self, names: Sequence[str], folder: Path, described: Described) -> None:
        self._step = 0
        self._repeated = 0
        self._loggers: dict[str, Any] = {}
        self._going_on: set[str] = set()
        for variable, value in QUIET.items() if names else ():
            os.environ.setdefault(variable, value)
        for name in dict.fromkeys(names):
            try:
                with _nameless():
                    self._open(name, folder / name, described)
            except Exception as error:  # each library has exceptions of its own
                raise SettingError(
                    f"The tracker {name} cannot be opened: {_first_line(error)}",
                    f"Mend it, or train without it: --set training.trackers=[] leaves out all. Its folder is "
                    f"{folder / name}.",
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in list(self._loggers):
            self._try(name, KINDS[name].close, kind is None)

    def __call__(self, row: Row) -> None:
        """Log a row at the number of steps done so far, counted over all epochs."""
        if isinstance(row, PlanRow):
            self._step = row.done
            return
        self._step += isinstance(row, StepRow)
        repeated = self._repeated > 0
        self._repeated -= repeated
        values, step = metrics(row), self._step
        for name in list(self._loggers):
            if not (repeated and name in self._going_on):
                self._try(name, _log, values, step)

    def repeat(self, rows: int) -> None:
        """Expect rows that were logged before a crash and come again: trackers that go on do not get them twice."""
        self._repeated = rows

    def _open(self, name: str, folder: Path, described: Described) -> None:
        state = folder / STATE
        known = json.loads(state.read_text(encoding="utf-8"))["id"] if state.exists() else None
        folder.mkdir(parents=True, exist_ok=True)
        tracker = KINDS[name].open(folder, described.name, known)
        if known is None:
            tracker.log_hyperparams(dict(described.settings))
            write_json(state, {"id": KINDS[name].identify(tracker)})
        else:
            self._going_on.add(name)
        tracker.experiment  # noqa: B018 - it is opened by being looked at
        self._loggers[name] = tracker

    def _try(self, name: str, act: Callable[..., None], *about: Any) -> None:
        try:
            act(self._loggers[name], *about)
        except Exception as error:  # each library has exceptions of its own, and none is worth a training
            del self._loggers[name]
            logger.warning(
                "The tracker %s failed and gets no more rows; the journal has all of them: %s", name, _first_line(error)
            )


def metrics(row: KeptRow) -> dict[str, float]:
    """What is logged of a row of the journal, by name; what is None is left out."""
    if isinstance(row, BeginRow):
        return dict(row.notes)
    before = "loss" if isinstance(row, StepRow) else "epoch_loss"
    found: dict[str, float | None] = {f"{before}/{name}": value for name, value in row.terms.items()}
    found[f"{before}/total"] = row.total
    if isinstance(row, StepRow):
        found |= {"learning_rate": row.learning_rate, **row.notes}
    else:
        found |= {"epoch": row.epoch, "epoch_seconds": row.seconds, "validation/map": row.validation}
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def _nameless() -> Iterator[None]:
    """Let this machine be called localhost for a block.

    TensorBoard calls its files by the host and W&B keeps it, neither asks, and both are shared.
    """
    gethostname = socket.gethostname
    socket.gethostname = lambda: "localhost"
    try:
        yield
    finally:
        socket.gethostname = gethostname


def _tensorboard(folder: Path, _name: str, _known: str | None) -> Any:
    from lightning_fabric.loggers.tensorboard import TensorBoardLogger

    return TensorBoardLogger(folder.parent, name=folder.name, version="", default_hp_metric=False, flush_secs=5)


def _mlflow(folder: Path, name: str, known: str | None) -> Any:
    from pytorch_lightning.loggers import MLFlowLogger

    where = os.environ.get("MLFLOW_TRACKING_URI")
    here = folder.resolve()
    return MLFlowLogger(
        experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT),
        run_name=name,
        tracking_uri=where or f"sqlite:///{here / 'mlflow.db'}",
        artifact_location=None if where else (here / "artifacts").as_uri(),
        tags=dict.fromkeys(("mlflow.user", "mlflow.source.name"), PROJECT),  # else the user's name and a path
        run_id=known,
    )


def _wandb(folder: Path, name: str, known: str | None) -> Any:
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    # Neither the command, nor its output, nor the code, nor the load of the machine belongs to a run's terms.
    settings = wandb.Settings(
        mode=os.environ.get("WANDB_MODE", "offline"),
        console="off",
        disable_git=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    return WandbLogger(
        name=name,
        save_dir=folder.parent,  # it adds wandb/ itself
        id=known or uuid.uuid4().hex[:8],
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        settings=settings,
    )


def _log(tracker: Any, values: Mapping[str, float], step: int) -> None:
    tracker.log_metrics(values, step)


def _finalize(tracker: Any, well: bool) -> None:
    tracker.finalize("success" if well else "failed")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


KINDS = {
    "tensorboard": Kind(("tensorboard",), _tensorboard, lambda _tracker: "", _finalize),
    "mlflow": Kind(("mlflow", "pytorch_lightning"), _mlflow, lambda tracker: str(tracker.run_id), _finalize),
    "wandb": Kind(
        ("wandb", "pytorch_lightning"),
        _wandb,
        lambda tracker: str(tracker.experiment.id),
        lambda tracker, well: tracker.experiment.finish(exit_code=0 if well else 1),
    ),
}
