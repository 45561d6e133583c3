"""Files of crops of made-up people, without pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ccreid.retrieval.crops.crop_file import CropFile

MADE_WITH = {"weights": "of a test"}


def crop_file(
    seen: Sequence[int],
    /,
    *,
    spread: float = 0.02,
    first: int = 0,
    made_with: dict[str, str] | None = None,
    boxes: bool = False,
    **columns: Sequence[object],
) -> CropFile:
    """A crop for each person of the list, all crops of a person around one direction; those of a file from `first` on.

    With boxes, two crops in a row are of one picture.
    """
    random = np.random.default_rng(first)
    directions = np.random.default_rng(7).normal(size=(1 + max(seen), 16)) / 4
    vectors = directions[list(seen)] + spread * random.normal(size=(len(seen), 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    numbers = [first + (row // 2 if boxes else row) for row in range(len(seen))]
    table = pa.table(
        {
            "path": [f"crops/{number}.png" for number in numbers],
            "sha256": [hashlib.sha256(str(number).encode()).hexdigest() for number in numbers],
            "box": pa.array(
                [[64 * (row % 2), 0, 64, 128] if boxes else None for row in range(len(seen))], pa.list_(pa.int32(), 4)
            ),
            "height_px": pa.array([128] * len(seen), pa.int32()),
            "width_px": pa.array([64] * len(seen), pa.int32()),
            "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 16),
            **columns,
        }
    )
    return CropFile(table, MADE_WITH if made_with is None else made_with)
