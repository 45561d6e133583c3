"""What happened in a run, as JSON lines."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from ccreid.errors import StorageError
from ccreid.machine.files import write_text
from ccreid.training.checkpoint import Position
from ccreid.training.health import StepValues
from ccreid.training.rows import Row, read_journal

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
        self._epoch_rows: list[Row] = []
        self._reopen(position)
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()

    def mined(self, epoch: int, attributes: int) -> None:
        """Note the attributes found at the start of an epoch (0-based)."""
        self._write({"kind": "mining", "epoch": epoch + 1, "attributes": attributes, "seconds": self._lap()})

    def step(self, epoch: int, step: int, values: StepValues, learning_rate: float) -> None:
        """Note a step (0-based)."""
        self._write(
            {
                "kind": "step",
                "epoch": epoch + 1,
                "step": step + 1,
                "terms": values.named,
                "total": values.total,
                "learning_rate": learning_rate,
                "without_donor": values.without_donor,
                "seconds": self._lap(),
            }
        )

    def epoch(self, epoch: int, validation: float | None = None) -> None:
        """Sum up an epoch (0-based) from its rows, with its score on validation where there is one."""
        rows = [row for row in self._epoch_rows if row["epoch"] == epoch + 1]
        steps = [row for row in rows if row["kind"] == "step"]
        terms = defaultdict(list)
        for row in steps:
            for name, value in row["terms"].items():
                terms[name].append(value)
        self._write(
            {
                "kind": "epoch",
                "epoch": epoch + 1,
                "steps": len(steps),
                "terms": {name: math.fsum(values) / len(values) for name, values in terms.items()},
                "total": math.fsum(row["total"] for row in steps) / max(len(steps), 1),
                "learning_rate": steps[-1]["learning_rate"] if steps else None,
                "attributes": next((row["attributes"] for row in rows if row["kind"] == "mining"), None),
                "validation": validation,
                "without_donor": sum(row["without_donor"] for row in steps),
                "seconds": round(math.fsum(row["seconds"] for row in rows), 3),
            }
        )
        self._epoch_rows.clear()

    def _lap(self) -> float:
        began, self._began = self._began, time.monotonic()
        return round(self._began - began, 4)

    def _write(self, row: Row) -> None:
        if self._stream is not None:
            try:
                self._stream.write(json.dumps(row) + "\n")
                self._stream.flush()
            except OSError as error:
                raise StorageError(
                    f"{self.path} could not be written: {error.strerror or error}.",
                    "Free some space, then go on from the last checkpoint with --resume.",
                ) from error
        self._epoch_rows.append(row)
        self.listener(row)

    def _reopen(self, position: Position) -> None:
        self._stream: TextIO | None = None
        self.dropped = 0
        if self.path is None:
            return
        rows = read_journal(self.path) if self.path.exists() else []
        kept = [row for row in rows if _is_before(row, position)]
        self.dropped = len(rows) - len(kept)
        write_text(self.path, "".join(json.dumps(row) + "\n" for row in kept))
        self._epoch_rows = [row for row in kept if row["epoch"] == position.epoch + 1]
        self._stream = self.path.open("a", encoding="utf-8")


def _is_before(row: Row, position: Position) -> bool:
    epoch = int(row["epoch"]) - 1
    if row["kind"] == "step":
        return (epoch, int(row["step"]) - 1) < (position.epoch, position.step)
    if row["kind"] == "mining":  # belongs to an epoch that has begun
        return epoch < position.epoch or (epoch == position.epoch and position.step > 0)
    return epoch < position.epoch
