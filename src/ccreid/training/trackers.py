"""Rows of the journal for TensorBoard, MLflow and W&B, through the loggers that Lightning Fabric works with.

Everything stays in the folder of the run, unless the user has told the library otherwise by its own variables
(MLFLOW_TRACKING_URI, WANDB_MODE).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self, get_args

from lightning_fabric.loggers.logger import Logger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from ccreid.errors import SettingError
from ccreid.files import write_json

Tracker = Literal["tensorboard", "mlflow", "wandb"]
TRACKERS: tuple[Tracker, ...] = get_args(Tracker)

NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tensorboard": ("tensorboard",),
        "mlflow": ("mlflow", "sqlalchemy", "pytorch_lightning"),
        "wandb": ("wandb", "pytorch_lightning"),
    }
)
"""Modules that a tracker needs, all of them in the extra of its name."""
QUIET = MappingProxyType(
    {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_CONSOLE": "off",
        "WANDB_ERROR_REPORTING": "false",
    }
)
"""What the libraries are told where the user has told them nothing: to send nothing and to say nothing."""
IDS = "trackers.json"
PROJECT = "ccreid"

logger = logging.getLogger(__name__)


class Trackers:
    """Gives each row of the journal to some trackers; a run that goes on goes on in them, too.

    A tracker that fails is left out from then on, with a warning: it must not end a training. Steps that are made again
    after an interruption are given again, with the same numbers.

    Parameters
    ----------
    names:
        Which ones.
    folder:
        Of the run.
    settings:
        Plain values to keep beside the curves, by dotted path.

    Raises
    ------
    SettingError
        A library is not installed.
    """

    def __init__(self, names: Collection[Tracker], folder: Path, settings: Mapping[str, Any]) -> None:
        require(names)
        self._loggers: dict[str, Logger] = {}
        self._step = 0
        for name, value in QUIET.items() if names else ():
            os.environ.setdefault(name, value)
        for name in names:
            self._try(name, partial(self._make, name, folder))
        self._each(lambda each: each.log_hyperparams(dict(settings)))

    def __call__(self, row: Mapping[str, Any]) -> None:
        """Take in a row of the journal, or the plan before the first one."""
        if row["kind"] == "plan":
            self._step = row["done"]
            return
        if row["kind"] == "step":
            self._step += 1
        values = metrics(row)
        self._each(lambda each: each.log_metrics(values, self._step))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let every tracker write what it still holds, and how it ended."""
        self._each(lambda each: each.finalize("success" if error is None else "failed"))
        if "wandb" in self._loggers:
            import wandb

            self._try("wandb", lambda: wandb.finish(quiet=True))

    def _make(self, name: str, folder: Path) -> None:
        self._loggers[name] = MAKERS[name](folder)

    def _each(self, act: Callable[[Logger], object]) -> None:
        for name, each in list(self._loggers.items()):
            self._try(name, partial(act, each))

    def _try(self, name: str, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception as error:  # whatever a tracker meets is no matter of the training
            self._loggers.pop(name, None)
            said = str(error).strip().splitlines() or [type(error).__name__]
            logger.warning("%s follows no longer: %s. The journal holds every row.", name, said[0])


def require(names: Collection[Tracker]) -> None:
    """Make sure that what some trackers need is installed. Raises SettingError."""
    for name in names:
        if any(find_spec(module) is None for module in NEEDED[name]):
            raise SettingError(
                f"training.trackers names {name}, which is not installed.", f"Install it: pip install 'ccreid[{name}]'"
            )


def metrics(row: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a row, by the names that trackers show: "step/triplet", "epoch/total", "mining/attributes"."""
    values = {**row.get("terms", {}), **{name: row[name] for name in row if name not in ("kind", "terms", "step")}}
    return {f"{row['kind']}/{name}": float(value) for name, value in values.items() if value is not None}


def _tensorboard(folder: Path) -> Logger:
    return TensorBoardLogger(folder, name="tensorboard", version="")


def _mlflow(folder: Path) -> Logger:
    from pytorch_lightning.loggers import MLFlowLogger

    store = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{(folder / 'mlflow.db').resolve()}")
    place = None if "MLFLOW_TRACKING_URI" in os.environ else (folder / "mlflow").resolve().as_uri()
    made: Logger = MLFlowLogger(
        PROJECT, folder.name, tracking_uri=store, artifact_location=place, run_id=_known(folder).get("mlflow")
    )
    _remember(folder, "mlflow", made.version)
    return made


def _wandb(folder: Path) -> Logger:
    from pytorch_lightning.loggers import WandbLogger

    identifier = _known(folder).get("wandb") or secrets.token_hex(4)
    _remember(folder, "wandb", identifier)
    offline = os.environ["WANDB_MODE"] == "offline"
    made: Logger = WandbLogger(
        folder.name, folder, project=PROJECT, id=identifier, offline=offline, resume=None if offline else "allow"
    )
    return made


MAKERS: Mapping[str, Callable[[Path], Logger]] = MappingProxyType(
    {"tensorboard": _tensorboard, "mlflow": _mlflow, "wandb": _wandb}
)


def _known(folder: Path) -> dict[str, str]:
    path = folder / IDS
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return known


def _remember(folder: Path, name: str, identifier: object) -> None:
    write_json(folder / IDS, {**_known(folder), name: str(identifier)})
