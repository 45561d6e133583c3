"""What the terms of a step say about the run, and what is kept of a batch that breaks it."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import NamedTuple, NoReturn

import torch
from safetensors.torch import save_file

from ccreid.data.batch import Batch
from ccreid.errors import DivergedError
from ccreid.machine.files import replacing
from ccreid.machine.processes import Processes
from ccreid.methods import Terms

NAMED_FILES = 3
"""Files of a batch that a message names; the rest stands in the dump."""


class StepValues(NamedTuple):
    """The terms of a step as numbers, means over the processes.

    Attributes
    ----------
    named, total, notes:
        As in :class:`ccreid.methods.Terms`.
    """

    named: dict[str, float]
    total: float
    notes: dict[str, int]


def values_of(terms: Terms, processes: Processes) -> StepValues:
    """Fetch the terms of a step from the device, all at once, and average them over the processes."""
    scalars = torch.stack([*terms.named.values(), terms.total]).detach()
    *named, total = (fmean(values) for values in zip(*processes.tell(scalars.tolist()), strict=True))
    return StepValues(dict(zip(terms.named, named, strict=True)), total, terms.notes)


@dataclass(frozen=True)
class Health:
    """Stops a run whose loss is no number, keeping the batch that did it.

    Attributes
    ----------
    folder:
        Where the batch is kept.
    files:
        N names, of the training images.
    """

    folder: Path
    files: tuple[str, ...]

    def check(self, values: StepValues, batch: Batch, epoch: int, step: int) -> None:
        """Look at a step (0-based).

        Raises
        ------
        DivergedError
            A term is not finite; the batch, its files and the terms are in the folder.
        """
        for name, value in (*values.named.items(), ("total", values.total)):
            if not math.isfinite(value):
                self._stop(f"The {name} term is {value} in step {step + 1} of epoch {epoch + 1}", values, batch)

    def _stop(self, what: str, values: StepValues, batch: Batch) -> NoReturn:
        files = [self.files[index] for index in batch.indices.tolist()]
        named = ", ".join(files[:NAMED_FILES]) + (f" and {more} more" if (more := len(files) - NAMED_FILES) > 0 else "")
        terms = {**values.named, "total": values.total}
        in_json = {name: value if math.isfinite(value) else str(value) for name, value in terms.items()}
        described = json.dumps({"what": what, "terms": in_json, "files": files}, indent=2, allow_nan=False)
        with replacing(self.folder) as temporary:
            temporary.mkdir()
            save_file(
                {name: column.cpu().contiguous() for name, column in batch._asdict().items()},
                temporary / "batch.safetensors",
            )
            (temporary / "batch.json").write_text(described + "\n", encoding="utf-8")
        raise DivergedError(
            f"{what}. Its batch ({named}) is kept in {self.folder}.",
            "Lower training.learning_rate, set training.clip_norm, or set training.precision to 32-true; look at the "
            "images, too.",
        )
