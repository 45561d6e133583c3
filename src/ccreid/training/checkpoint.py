"""The state of a run on disk, enough to go on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ccreid.errors import ArtefactError
from ccreid.files import replacing
from ccreid.method import Attributes, Objective
from ccreid.training.optimizer import Optimizer

FORMAT = "ccreid-checkpoint-1"


@dataclass(frozen=True)
class Position:
    """How far a run is: whole epochs done, and steps done of the next one."""

    epoch: int = 0
    step: int = 0


class Checkpoints:
    """The one checkpoint file of a run.

    Draws need no saved state: each is seeded by its purpose, epoch and step (see runtime.derive_seed).

    Parameters
    ----------
    path:
        Of the file; a save replaces it whole or not at all.
    data_fingerprint:
        Of the train set: a checkpoint of other data is refused.
    """

    def __init__(self, path: Path, data_fingerprint: str) -> None:
        self.path, self.data_fingerprint = path, data_fingerprint

    def save(self, position: Position, objective: Objective, optimizer: Optimizer) -> None:
        """Write the state. Raises StorageError; the previous checkpoint is then intact."""
        tensors = {f"objective.{name}": value for name, value in objective.state_dict().items()}
        tensors |= {f"moments.{name}": value for name, value in optimizer.moments().items()}
        notes = {
            "format": FORMAT,
            "epoch": str(position.epoch),
            "step": str(position.step),
            "data": self.data_fingerprint,
        }
        with replacing(self.path) as temporary:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata=notes)

    def restore(self, objective: Objective, optimizer: Optimizer) -> Position:
        """Load the state; without a checkpoint, nothing changes and the run stands at its beginning.

        Raises
        ------
        ArtefactError
            The file is damaged, of another version, or of a run on other data.
        """
        if not self.path.exists():
            return Position()
        try:
            with safe_open(self.path, "pt") as file:
                notes = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        except (OSError, SafetensorError) as error:
            raise ArtefactError(f"{self.path} is damaged: {error}.", "Start the run anew.") from error
        if notes.get("format") != FORMAT:
            raise ArtefactError(f"{self.path} is of another format than {FORMAT}.", "Use the ccreid that wrote it.")
        if notes["data"] != self.data_fingerprint:
            raise ArtefactError(
                f"{self.path} was trained on other images than those found now.",
                "Point --data at the same data set, or start the run anew.",
            )
        _load(objective, _under("objective.", tensors))
        optimizer.reset()
        optimizer.restore(_under("moments.", tensors))
        return Position(int(notes["epoch"]), int(notes["step"]))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _load(objective: Objective, state: dict[str, Tensor]) -> None:
    if "attribute_weights" in state:  # the places for them exist only once attributes were assigned
        objective.assign(Attributes(state["attributes"], state["owners"], state["attribute_weights"]))
    with torch.no_grad():
        objective.load_state_dict(state)
