"""What happened in a run, as JSON lines."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ccreid.errors import StorageError
from ccreid.machine.files import write_text
from ccreid.training.checkpoint import Position
from ccreid.training.health import StepValues
from ccreid.training.rows import BeginRow, EpochRow, KeptRow, Row, StepRow, as_line, read_journal

Listener = Callable[[Row], None]


class Journal:
    """One row a step, one row an epoch, both numbered from 1.

    Parameters
    ----------
    path:
        Of the file; rows are appended. None writes none, in a process that does not lead.
    position:
        Where the run goes on; rows of steps after it are dropped, because those steps will be made again.
    listener:
        Is given each new row.

    Attributes
    ----------
    dropped:
        How many rows were dropped and will come again.
    """

    def __init__(self, path: Path | None, position: Position, listener: Listener = lambda _row: None) -> None:
        self.path, self.listener = path, listener
        self._epoch_rows: list[BeginRow | StepRow] = []
        self._reopen(position)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def begin(self, epoch: int, notes: Mapping[str, int]) -> None:
        """Note what the method found at the start of an epoch (0-based)."""
        row = BeginRow(epoch=epoch + 1, notes=notes, seconds=self._lap())
        self._epoch_rows.append(row)
        self._write(row)

    def step(self, epoch: int, step: int, values: StepValues, learning_rate: float) -> None:
        """Note a step (0-based)."""
        row = StepRow(
            epoch=epoch + 1,
            step=step + 1,
            terms=values.named,
            total=values.total,
            learning_rate=learning_rate,
            notes=values.notes,
            seconds=self._lap(),
        )
        self._epoch_rows.append(row)
        self._write(row)

    def epoch(self, epoch: int, validation: float | None = None) -> None:
        """Sum up an epoch (0-based) from its rows, with its score on validation where there is one."""
        rows = [row for row in self._epoch_rows if row.epoch == epoch + 1]
        steps = [row for row in rows if isinstance(row, StepRow)]
        terms = defaultdict(list)
        notes: Counter[str] = Counter()
        for row in rows:
            notes.update(row.notes)
        for step in steps:
            for name, value in step.terms.items():
                terms[name].append(value)
        self._write(
            EpochRow(
                epoch=epoch + 1,
                steps=len(steps),
                terms={name: math.fsum(values) / len(values) for name, values in terms.items()},
                total=math.fsum(step.total for step in steps) / max(len(steps), 1),
                learning_rate=steps[-1].learning_rate if steps else None,
                validation=validation,
                notes=dict(notes),
                seconds=round(math.fsum(row.seconds for row in rows), 3),
            )
        )
        self._epoch_rows.clear()

    def _lap(self) -> float:
        began, self._began = self._began, time.monotonic()
        return round(self._began - began, 4)

    def _write(self, row: KeptRow) -> None:
        if self._stream is not None:
            try:
                self._stream.write(as_line(row))
                self._stream.flush()
            except OSError as error:
                raise StorageError(
                    f"{self.path} could not be written: {error.strerror or error}.",
                    "Free some space, then go on from the last checkpoint with --resume.",
                ) from error
        self.listener(row)

    def _reopen(self, position: Position) -> None:
        self._stream: TextIO | None = None
        self.dropped = 0
        if self.path is None:
            return
        rows = read_journal(self.path) if self.path.exists() else []
        kept = [row for row in rows if _is_before(row, position)]
        self.dropped = len(rows) - len(kept)
        write_text(self.path, "".join(map(as_line, kept)))
        self._epoch_rows = [row for row in kept if not isinstance(row, EpochRow) and row.epoch == position.epoch + 1]
        self._stream = self.path.open("a", encoding="utf-8")


def _is_before(row: KeptRow, position: Position) -> bool:
    epoch = row.epoch - 1
    if isinstance(row, StepRow):
        return (epoch, row.step - 1) < (position.epoch, position.step)
    if isinstance(row, BeginRow):  # belongs to an epoch that has begun
        return epoch < position.epoch or (epoch == position.epoch and position.step > 0)
    return epoch < position.epoch
