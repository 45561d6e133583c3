"""Files of crops of people who were never drawn: embeddings around a point for each person, and no pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ccreid.retrieval.crops.crop_file import CropFile

DIMENSION = 16
MODEL = {"weights": "a" * 64, "pictures": "rule 2", "preprocessing": "{}", "flip": "True", "precision": "32-true"}


def crop_file(
    people: Sequence[Any] | None,
    *,
    first: int = 0,
    made_with: Mapping[str, str] = MODEL,
    height_px: int = 128,
    dimension: int = DIMENSION,
    spread: float = 0.05,
    boxes: bool = False,
    **columns: Sequence[Any],
) -> CropFile:
    """A crop for each of some people: the same `first + row` is always the same crop.

    `columns` are more of them, such as `outfit`; they may take the place of the file's own. With boxes, two crops in a
    row are of one picture.
    """
    count = len(people) if people is not None else len(next(iter(columns.values())))
    vectors = np.stack([_vector(people[row] if people else "", first + row, dimension, spread) for row in range(count)])
    names = [f"crop-{first + (row // 2 if boxes else row)}" for row in range(count)]
    cut = [[64 * (row % 2), 0, 64, 128] if boxes else None for row in range(count)]
    table: dict[str, Any] = {
        "path": [f"pictures/{name}.jpg" for name in names],
        "sha256": [hashlib.sha256(name.encode()).hexdigest() for name in names],
        "box": pa.array(cut, pa.list_(pa.int32(), 4)),
        "height_px": pa.array([height_px] * count, pa.int32()),
        "width_px": pa.array([64] * count, pa.int32()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel(), pa.float32()), dimension),
    }
    if people is not None:
        table["person"] = list(people)
    return CropFile(pa.table(table | columns), dict(made_with))


def nameless(seen: Sequence[Any], **columns: Any) -> CropFile:
    """The same, which does not say who is seen, unless by a column `person` that is given."""
    crops = crop_file(seen, **columns)
    table = crops.table if "person" in columns else crops.table.drop_columns(["person"])
    return CropFile(table, crops.made_with)


def _vector(person: Any, number: int, dimension: int, spread: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    seed = int(hashlib.sha256(f"person {person}".encode()).hexdigest()[:8], 16)
    near = np.random.default_rng(seed).standard_normal(dimension)
    found = near / np.linalg.norm(near) + spread * np.random.default_rng(number).standard_normal(dimension)
    vector: np.ndarray[Any, np.dtype[np.float32]] = (found / np.linalg.norm(found)).astype(np.float32)
    return vector
