"""Crops on their way into a file, kept in parts as they are embedded, so that nothing is embedded twice."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ccreid.retrieval.crops.crop_file import BOX, EMBEDDING, OWN, CropFile
from ccreid.retrieval.crops.crop_list import CropList
from ccreid.retrieval.crops.crop_reading import Seen
from ccreid.retrieval.crops.models import check_same_model

PART_CROPS = 4096
PART_S = 60.0
"""A part is written when it has so many crops, or so long after the last one: more is never lost."""


class CropParts:
    """A folder of files of crops that grows.

    Parameters
    ----------
    folder:
        Held by this process alone, see :func:`ccreid.machine.writing.sole_writer`.
    made_with:
        What the embeddings depend on.
    listed:
        What the crops' rows are rows of.

    Raises
    ------
    ArtefactError
        It holds crops of another model, or a damaged file.
    """

    def __init__(self, folder: Path, made_with: Mapping[str, str], listed: CropList) -> None:
        self.folder, self.made_with, self.listed = folder, dict(made_with), listed
        for found in self.read():
            check_made_with(found, self.made_with)
        self._waiting: list[Seen] = []
        self._written = time.monotonic()

    def add(self, seen: Seen) -> None:
        """Take a crop with its embedding; it is written with the next part. Raises StorageError."""
        self._waiting.append(seen)
        if len(self._waiting) >= PART_CROPS or time.monotonic() - self._written > PART_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits. Raises StorageError."""
        if self._waiting:
            taken = [int(part.stem.rpartition("-")[2]) for part in self.folder.glob("part-*.parquet")]
            crops = CropFile(table_of(self._waiting, self.listed), self.made_with)
            crops.write(self.folder / f"part-{max(taken, default=0) + 1:06d}.parquet")
            self._waiting = []
        self._written = time.monotonic()

    def read(self) -> list[CropFile]:
        """All that was written, one value or none."""
        return [CropFile.read(self.folder)] if any(self.folder.glob("*.parquet")) else []

    def remove(self) -> None:
        """Delete the parts: they are elsewhere now."""
        for part in self.folder.glob("part-*.parquet"):
            part.unlink()


def check_made_with(found: CropFile, made_with: Mapping[str, str]) -> None:
    """Raises ArtefactError where an output that is there is of another model than what embeds now."""
    check_same_model(found.made_with, found.source, made_with, "the one named", "Name another output, or delete it.")


def table_of(crops: list[Seen], listed: CropList) -> pa.Table:
    """The rows of some embedded crops, with what the list knows of them."""
    rows = listed.table.take(pa.array([seen.row for seen in crops], pa.int64()))
    vectors = np.stack([np.asarray(seen.values, np.float32) for seen in crops])
    values: dict[str, Any] = {
        "path": rows["path"],
        "sha256": [seen.sha256 for seen in crops],
        BOX: [seen.box for seen in crops],
        "height_px": [seen.height_px for seen in crops],
        "width_px": [seen.width_px for seen in crops],
    }
    own = {name: values[name] if name == "path" else pa.array(values[name], kind) for name, kind in OWN.items()}
    own[EMBEDDING] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
    return pa.table(own | {name: rows[name] for name in listed.metadata})
