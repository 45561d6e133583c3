"""Rows for the tests of stores: crops with vectors, people without."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

DIMENSION = 16

CROPS = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("vector", pa.list_(pa.float32(), DIMENSION)),
        pa.field("person", pa.string()),
        pa.field("camera", pa.int64()),
        pa.field("quality", pa.float64()),
        pa.field("hidden", pa.bool_()),
        pa.field("box", pa.list_(pa.int32(), 4)),
        pa.field("seen", pa.timestamp("us")),
    ],
    metadata={b"ccreid": b'{"made": "for tests"}'},
)
"""With a column of each kind; those from `person` on are None in every third row."""

PEOPLE = pa.schema([pa.field("id", pa.string()), pa.field("name", pa.string())])


def vectors_of(numbers: Sequence[int], dimension: int = DIMENSION) -> NDArray[np.float32]:
    """(N, D) of unit length, always the same for a number."""
    drawn = [np.random.default_rng(number).standard_normal(dimension) for number in numbers]
    vectors = np.array(drawn, np.float32).reshape(len(numbers), dimension)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def crop_id(number: int) -> str:
    return f"crop-{number:08d}-{number * 2654435761 % 2**32:08x}"


def crops(numbers: Sequence[int], note: str = "") -> pa.Table:
    """A row for each number; `note` makes other rows with the same ids."""

    def unless_third(values: Sequence[object]) -> list[object]:
        return [None if number % 3 == 0 else value for number, value in zip(numbers, values, strict=True)]

    columns = {
        "id": [crop_id(number) for number in numbers],
        "vector": vectors_of(numbers).tolist(),
        "person": unless_third([f"person {number // 4}{note} ü'\"\\" for number in numbers]),
        "camera": unless_third([number % 5 - 2**40 for number in numbers]),
        "quality": unless_third([number / 7 for number in numbers]),
        "hidden": unless_third([number % 2 == 0 for number in numbers]),
        "box": unless_third([[number, 0, 3, 4] for number in numbers]),
        "seen": unless_third([number * 1_000_003 for number in numbers]),
    }
    return pa.table({name: pa.array(columns[name], CROPS.field(name).type) for name in CROPS.names}, schema=CROPS)


def people(names: Sequence[str]) -> pa.Table:
    return pa.table({"id": [f"p-{row}" for row in range(len(names))], "name": list(names)}, schema=PEOPLE)
