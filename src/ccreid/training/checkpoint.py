"""The state of a run on disk, enough to go on as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

import torch
from lightning_fabric import Fabric
from pydantic import Field, Json, JsonValue, ValidationError
from torch import Tensor

from ccreid.errors import ArtefactError
from ccreid.machine.limits import LARGEST_COUNT
from ccreid.machine.tensor_files import read_notes, read_tensors, write_tensors
from ccreid.methods import Method, SharedBatch
from ccreid.model.network import Network
from ccreid.records import Record, told
from ccreid.training.average import Average
from ccreid.training.optimizer import Optimizer

FORMAT = "ccreid-checkpoint-3"
DAMAGED = "Start the run anew, or put an intact copy of the file in its place."
METHOD = "method."
"""Begins the names of a method's parameters and buffers in a checkpoint."""

Difference = Literal["recipe", "data", "processes"]
"""In what a run that goes on may differ from what it was."""
DIFFERENCES: tuple[Difference, ...] = get_args(Difference)


@dataclass(frozen=True)
class Position:
    """How far a run is: whole epochs done, and steps done of the next one."""

    epoch: int = 0
    step: int = 0


@dataclass(frozen=True)
class Circumstances:
    """What a training depends on besides its state.

    Attributes
    ----------
    recipe:
        Every setting that changes the outcome, by its dotted path.
    data:
        A fingerprint of the contents of the images that are trained and selected on.
    processes:
        How many share a batch.
    """

    recipe: Mapping[str, Any]
    data: str
    processes: int = 1

    def differences(self, saved: SavedCircumstances) -> Iterator[tuple[Difference, str]]:
        """What is not as it was saved, each with the name by which it is allowed."""
        before = saved.recipe
        for path in dict.fromkeys([*before, *self.recipe]):
            old, new = before.get(path, "not a setting"), self.recipe.get(path, "not a setting")
            if old != new:
                yield "recipe", f"{path} was {old} and is {new}"
        if saved.data != self.data:
            yield "data", "the images that are trained or selected on are not those of before"
        if saved.processes != self.processes:
            yield "processes", f"there were {saved.processes} and are {self.processes}"


class SavedCircumstances(Record):
    """Those of a checkpoint."""

    recipe: dict[str, JsonValue]
    data: str
    processes: int


class Notes(Record):
    """What a checkpoint says of itself beside its tensors: text, in which the values stand as JSON.

    Attributes
    ----------
    epoch, step:
        Its position.
    scaler:
        The state of whoever scales the loss of half precision; empty without one.
    circumstances:
        What its training depended on.
    """

    epoch: Json[Annotated[int, Field(ge=0, le=LARGEST_COUNT)]]
    step: Json[Annotated[int, Field(ge=0)]]
    scaler: Json[dict[str, JsonValue]]
    circumstances: Json[SavedCircumstances]

    @classmethod
    def of(cls, path: Path, written: Mapping[str, str] | None) -> Self:
        """From the metadata of a file. Raises ArtefactError where they are none, or of another version."""
        written = written or {}
        if written.get("format") != FORMAT:
            raise ArtefactError(f"{path} is of another format than {FORMAT}.", "Use the ccreid that wrote it.")
        try:
            return cls.model_validate(dict(written))
        except ValidationError as error:
            raise ArtefactError(f"{path} is damaged: {told(error)}.", "Start the run anew.") from error


@dataclass(frozen=True)
class State:
    """Everything that changes in a run.

    Attributes
    ----------
    shared:
        The method under training, as processes share its batches.
    optimizer:
        Of its parameters.
    average:
        Of the network's weights, where one is kept.
    """

    shared: SharedBatch
    optimizer: Optimizer
    average: Average | None = None

    @property
    def network(self) -> Network:
        """The one that is scored and shipped."""
        return self.method.network if self.average is None else self.average.network

    @property
    def method(self) -> Method:
        """Under training."""
        return self.shared.method


class Checkpoints:
    """The one checkpoint file of a run.

    Draws need no saved state: each is seeded by its purpose, epoch and step (see runtime.derive_seed).

    Parameters
    ----------
    path:
        Of the file; a save replaces it whole or not at all.
    circumstances:
        A checkpoint of others is refused.
    allowed:
        Differences that are not.
    writes:
        Whether this process saves.
    """

    def __init__(
        self, path: Path, circumstances: Circumstances, allowed: Collection[Difference] = (), *, writes: bool = True
    ) -> None:
        self.path, self.circumstances, self.allowed, self.writes = path, circumstances, frozenset(allowed), writes

    def save(self, position: Position, state: State) -> None:
        """Write the state. Raises StorageError; the previous checkpoint is then intact."""
        if not self.writes:
            return
        tensors = {f"{METHOD}{name}": value for name, value in state.method.state_dict().items()}
        tensors |= {f"moments.{name}": value for name, value in state.optimizer.moments().items()}
        if state.average is not None:
            tensors |= {f"average.{name}": value for name, value in state.average.state().items()}
        notes = {
            "format": FORMAT,
            "epoch": str(position.epoch),
            "step": str(position.step),
            "scaler": json.dumps(_scaler(state.optimizer.fabric).state_dict()),
            "circumstances": json.dumps(vars(self.circumstances)),
        }
        write_tensors(self.path, tensors, notes)

    def check(self) -> None:
        """Make sure that the run may go on from the checkpoint, where there is one.

        Raises
        ------
        ArtefactError
            The file is damaged, of another version, or of other circumstances than are allowed.
        """
        if not self.path.exists():
            return
        notes = self._notes()
        found = list(self.circumstances.differences(notes.circumstances))
        refused = [(name, what) for name, what in found if name not in self.allowed]
        if refused:
            lines = "".join(f"\n  {name}: {what}" for name, what in refused)
            names = ",".join(dict.fromkeys(name for name, _ in refused))
            raise ArtefactError(
                f"{self.path} belongs to another training:{lines}",
                f"Undo the differences, or allow them by name with --allow {names}: the run is then no longer one that "
                "its recipe alone repeats.",
            )

    def restore(self, state: State) -> Position:
        """Load the state; without a checkpoint, nothing changes and the run stands at its beginning.

        Raises
        ------
        ArtefactError
            As :meth:`check`, or the state does not fit the recipe.
        """
        if not self.path.exists():
            return Position()
        self.check()
        tensors, written = read_tensors(self.path, DAMAGED)
        notes = Notes.of(self.path, written)
        try:
            with torch.no_grad():
                state.method.load_state_dict(_under(METHOD, tensors))
            state.optimizer.reset()
            state.optimizer.restore(_under("moments.", tensors))
            if state.average is not None:
                state.average.restore(_under("average.", tensors))
            _scaler(state.optimizer.fabric).load_state_dict(notes.scaler)
        except (RuntimeError, LookupError, ValueError, TypeError) as error:  # circumstances that were allowed to differ
            raise ArtefactError(
                f"{self.path} does not fit the recipe and the data: {error}.", "Start the run anew."
            ) from error
        return Position(notes.epoch, notes.step)

    def _notes(self) -> Notes:
        return Notes.of(self.path, read_notes(self.path, DAMAGED))


def _scaler(fabric: Fabric) -> Any:
    """Whoever scales the loss of half precision, and has a state then."""
    return fabric.strategy.precision


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
