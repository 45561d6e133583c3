"""Rows of a table as Milvus keeps them, and back: whatever the columns, nothing is lost."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from ccreid.errors import DataError
from ccreid.retrieval.stores.rows import dimension_of
from ccreid.retrieval.stores.store import ID, VECTOR

PART_BYTES = 65_535
"""What a text of Milvus holds."""
PARTS = tuple(f"content_{number}" for number in range(4))
NO_VECTOR = (1.0, 0.0)
"""Milvus knows no table without vectors."""

Entity = dict[str, Any]


def to_name(row: str) -> str:
    """What stands for an id in conditions: of fixed length, and nothing that could be taken for a command."""
    return hashlib.sha256(row.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def to_entities(space: int, write: int, rows: pa.Table) -> Iterator[Entity]:
    """Rows of the table of a space as one write leaves them. Raises DataError where a row is too large."""
    rest = rows.drop_columns([VECTOR]) if VECTOR in rows.schema.names else rows
    ids = rows[ID].to_pylist()
    vectors: Any = [NO_VECTOR] * len(ids)
    dimension = dimension_of(rows.schema)
    if dimension is not None:
        numbers = rows[VECTOR].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        vectors = np.asarray(numbers, np.float32).reshape(len(ids), dimension)
    singles = (batch.slice(row, 1) for batch in rest.to_batches() for row in range(batch.num_rows))
    for row, single, vector in zip(ids, singles, vectors, strict=True):
        yield {**entity(space, write, row, single.serialize().to_pybytes()), "vector": vector}


def entity(space: int, write: int, row: str, content: bytes) -> Entity:
    """One row, without its vector. Raises DataError where it is too large."""
    packed = base64.b64encode(zlib.compress(content, 1)).decode("ascii")
    parts = [packed[start : start + PART_BYTES] for start in range(0, len(PARTS) * PART_BYTES, PART_BYTES)]
    if len(packed) > len(PARTS) * PART_BYTES or len(row.encode("utf-8")) > PART_BYTES:
        raise DataError(
            f"The row '{row[:100]}' is too large for Milvus: {len(packed):,} bytes.",
            f"It keeps at most {len(PARTS) * PART_BYTES:,}; a gallery in a folder keeps any.",
        )
    name = to_name(row)
    key = f"{space}/{write}/{name}"
    return {"key": key, "space": space, "write": write, "name": name, ID: row, **dict(zip(PARTS, parts, strict=True))}


def content_of(found: Mapping[str, Any]) -> bytes:
    """What :func:`entity` was given."""
    return zlib.decompress(base64.b64decode("".join(found[part] for part in PARTS)))


def to_rows(schema: pa.Schema, found: Sequence[Mapping[str, Any]], *, vectors: bool) -> pa.Table:
    """Entities as rows of a table; without its vectors where they were not asked for."""
    own = pa.schema([field for field in schema if field.name != VECTOR], metadata=schema.metadata)
    batches = [pa.ipc.read_record_batch(pa.py_buffer(content_of(one)), own) for one in found]
    rows = pa.Table.from_batches(batches, schema=own).combine_chunks()
    dimension = dimension_of(schema)
    if dimension is None or not vectors:
        return rows
    numbers = np.array([one["vector"] for one in found], np.float32).reshape(-1)
    column = pa.FixedSizeListArray.from_arrays(pa.array(numbers, pa.float32()), dimension)
    place = schema.get_field_index(VECTOR)
    return rows.add_column(place, schema.field(VECTOR), column.cast(schema.field(VECTOR).type))
