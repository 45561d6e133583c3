"""Which epoch's network is kept: the best on validation, not the best on test."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from pathlib import Path

from ccreid.errors import ArtefactError
from ccreid.machine.tensor_files import read_notes, read_tensors, write_tensors
from ccreid.model.network import Network
from ccreid.training.checkpoint import DAMAGED

logger = logging.getLogger(__name__)

Criterion = Callable[[Network], float]
"""Scores a network; large is good."""


class Selection:
    """Keeps the network of the best epoch so far on the disk; ties keep the earlier one.

    Parameters
    ----------
    path:
        Of the best network's weights; replaced whole or not at all.
    criterion:
        Scores a network.
    every:
        After how many epochs it is scored, counted from the last one back: the last is always scored.
    epochs:
        Of the run.
    writes:
        Whether this process keeps the best; every process scores.
    """

    def __init__(self, path: Path, criterion: Criterion, every: int, epochs: int, *, writes: bool = True) -> None:
        self.path, self.criterion, self.every, self.epochs, self.writes = path, criterion, every, epochs, writes

    def consider(self, epoch: int, network: Network) -> float | None:
        """Score the network after an epoch (0-based), keep the best; None where it is not due or no number."""
        if (self.epochs - 1 - epoch) % self.every:
            return None
        value = self.criterion(network)
        if math.isnan(value):
            return None  # no valid query: neither good nor bad
        if not self.writes:
            return value
        best = self.best()
        if best is None or value > best[1] or best[0] == epoch:
            write_tensors(self.path, network.state_dict(), {"best": json.dumps([epoch, value], allow_nan=False)})
        return value

    def best(self) -> tuple[int, float] | None:
        """The best epoch so far (0-based) and its value; None before one was kept, and where its value is none."""
        if not self.path.exists():
            return None
        try:
            epoch, value = json.loads(read_notes(self.path, DAMAGED)["best"])
            return None if math.isnan(value) else (int(epoch), float(value))
        except (KeyError, TypeError, ValueError) as error:
            raise ArtefactError(f"{self.path} does not tell its epoch: {error!r}.", DAMAGED) from error

    def take(self, network: Network) -> int:
        """Give the network the best epoch's weights; returns that epoch (0-based)."""
        best = self.best()
        if best is None:
            raise RuntimeError("Selection.consider must have had a number before a network is taken.")
        weights, _ = read_tensors(self.path, DAMAGED)
        try:
            network.load_state_dict(weights)
        except RuntimeError as error:
            raise ArtefactError(f"{self.path} does not fit the network: {error}.", DAMAGED) from error
        return best[0]
