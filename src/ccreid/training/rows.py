"""The rows of a run's journal, as they are written and read."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from ccreid.errors import ArtefactError
from ccreid.records import Figure, Record

logger = logging.getLogger(__name__)


class PlanRow(Record):
    """What lies ahead when a run begins or goes on; listeners are told, the journal does not keep it.

    Attributes
    ----------
    epochs, steps, done:
        Epochs and steps of the whole run, and the steps that are behind it.
    """

    kind: Literal["plan"] = "plan"
    epochs: int
    steps: int
    done: int


class BeginRow(Record):
    """What a method found before an epoch (from 1), by name, and how long that took."""

    kind: Literal["begin"] = "begin"
    epoch: int
    notes: Mapping[str, int]
    seconds: float


class StepRow(Record):
    """A step (from 1) of an epoch (from 1): its terms, unweighted, and their weighted sum, means over the processes."""

    kind: Literal["step"] = "step"
    epoch: int
    step: int
    terms: Mapping[str, float]
    total: float
    learning_rate: float
    notes: Mapping[str, int]
    seconds: float


class EpochRow(Record):
    """An epoch (from 1) summed up.

    Attributes
    ----------
    steps:
        How many.
    terms, total:
        Means over the steps.
    learning_rate:
        Of the last step; None without one.
    validation:
        mAP on validation people; None where it was not due, or without a valid query.
    notes:
        What the method found before it, then the sums of its steps' notes.
    seconds:
        Of its steps and of what came before them.
    """

    kind: Literal["epoch"] = "epoch"
    epoch: int
    steps: int
    terms: Mapping[str, float]
    total: float
    learning_rate: float | None
    validation: Figure
    notes: Mapping[str, int]
    seconds: float


KeptRow = BeginRow | StepRow | EpochRow
"""What stands in a journal."""
Row = PlanRow | KeptRow
"""What listeners are given."""

LARGEST = 1e39
"""No number in single precision is larger."""

_ROW: TypeAdapter[KeptRow] = TypeAdapter(Annotated[KeptRow, Field(discriminator="kind")])


def read_journal(path: Path) -> list[KeptRow]:
    """The rows of a journal; a line that is none is passed over, with a warning unless a crash cut off the last one.

    Raises
    ------
    ArtefactError
        The file cannot be read.
    """
    rows: list[KeptRow] = []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise ArtefactError(f"{path} cannot be read: {error.strerror or error}.", "Put the file back.") from error
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            row = _ROW.validate_json(line)
        except ValidationError:
            row = None
        if row is not None and _is_in_bounds(row):
            rows.append(row)
        elif number < len(lines):
            logger.warning("%s: line %d is no row of a journal and is passed over.", path, number)
    return rows


def _is_in_bounds(row: KeptRow) -> bool:
    """Whether sums and drawings of its numbers are numbers, too."""
    told = row.model_dump()
    numbers = [value for value in told.values() if isinstance(value, int | float)]
    numbers += [value for named in told.values() if isinstance(named, dict) for value in named.values()]
    return all(abs(number) <= LARGEST for number in numbers)


def as_line(row: KeptRow) -> str:
    """A row as :func:`read_journal` reads it."""
    return json.dumps(row.model_dump(), allow_nan=False) + "\n"
