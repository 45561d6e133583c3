"""A run's journal as it is opened: with everyone who follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ccreid.training.checkpoint import Position
from ccreid.training.journal import Journal, Listener
from ccreid.training.rows import PlanRow, Row
from ccreid.training.trackers import Trackers


@dataclass(frozen=True)
class Journals:
    """Opens the journal of a run.

    Attributes
    ----------
    path:
        Of the file; None in a process that does not lead.
    epochs, steps:
        Of the plan; the steps of each epoch (from 0).
    listener, trackers:
        Who is given every row, and before the first one a :class:`PlanRow`.
    """

    path: Path | None
    epochs: int
    steps: Callable[[int], int]
    listener: Listener
    trackers: Trackers

    def open(self, position: Position) -> Journal:
        """The journal where a run goes on."""
        steps = [self.steps(epoch) for epoch in range(self.epochs)]
        done = sum(steps[: position.epoch]) + position.step
        self._tell(PlanRow(epochs=self.epochs, steps=sum(steps), done=done))
        journal = Journal(self.path, position, self._tell)
        self.trackers.repeat(journal.dropped)
        return journal

    def _tell(self, row: Row) -> None:
        self.listener(row)
        self.trackers(row)
