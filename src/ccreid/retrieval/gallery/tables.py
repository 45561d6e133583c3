"""The tables that a gallery keeps in its store: their names and columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.retrieval.crops.models import MODEL_KEYS
from ccreid.retrieval.stores.store import ID, VECTOR

FORMAT: Final = "ccreid-gallery-1"

PEOPLE, OUTFITS, CROPS, REJECTIONS = "people", "outfits", "crops", "rejections"
BEFORE, JOURNAL, META, THUMBNAILS, AUDIT = "before", "journal", "meta", "thumbnails", "audit"

CONFIRMED, PROPOSED, UNKNOWN = "confirmed", "proposed", "unknown"
"""How sure it is whom a crop shows: a person said so, a program thinks so, nobody knows."""

OPERATION = "operation"
"""The column that says which operation wrote a row last."""

_TEXT = pa.string()

SCHEMAS: Mapping[str, Any] = MappingProxyType(
    {
        PEOPLE: pa.schema(
            {
                ID: _TEXT,
                "name": _TEXT,
                "note": _TEXT,
                "hidden": pa.bool_(),
                "created_at": _TEXT,
                "removed_at": _TEXT,
                OPERATION: _TEXT,
            }
        ),
        OUTFITS: pa.schema({ID: _TEXT, "person": _TEXT, "name": _TEXT, OPERATION: _TEXT}),
        CROPS: pa.schema(
            {
                ID: _TEXT,
                "person": _TEXT,
                "outfit": _TEXT,
                "state": _TEXT,
                "probability": pa.float64(),
                "path": _TEXT,
                "sha256": _TEXT,
                "box": pa.list_(pa.int32()),
                "height_px": pa.int32(),
                "width_px": pa.int32(),
                "metadata": _TEXT,
                "quality": _TEXT,
                "override": _TEXT,
                "enrolled_at": _TEXT,
                "removed_at": _TEXT,
                OPERATION: _TEXT,
            }
        ),
        REJECTIONS: pa.schema({ID: _TEXT, "crop": _TEXT, "person": _TEXT, OPERATION: _TEXT}),
        BEFORE: pa.schema({ID: _TEXT, OPERATION: _TEXT, "table": _TEXT, "row": _TEXT, "content": _TEXT}),
        JOURNAL: pa.schema(
            {
                ID: _TEXT,
                "at": _TEXT,
                "verb": _TEXT,
                "who": _TEXT,
                "what": _TEXT,
                "about": _TEXT,
                "written": _TEXT,
                "state": _TEXT,
                "undoes": _TEXT,
                "undone_by": _TEXT,
            }
        ),
        META: pa.schema({ID: _TEXT, "value": _TEXT}),
        THUMBNAILS: pa.schema({ID: _TEXT, "jpeg": pa.binary()}),
        AUDIT: pa.schema(
            {
                ID: _TEXT,
                "at": _TEXT,
                "who": _TEXT,
                "purpose": _TEXT,
                "query": _TEXT,
                "filter": _TEXT,
                "decision": _TEXT,
                "candidates": _TEXT,
            }
        ),
    }
)
"""Columns by table. Times are ISO 8601 in UTC; what a crop's `metadata` and `quality` hold is JSON."""

UNDOABLE = (PEOPLE, OUTFITS, REJECTIONS, CROPS)
"""The tables whose every change can be taken back, in the order in which they are written: a crop needs its person."""


VECTORS = "vectors_"
"""What the names of the tables of embeddings begin with."""


def vectors_table(made_with: Mapping[str, str]) -> str:
    """The name of the table of one model's embeddings, which lie beside those of another until they are all moved."""
    told = json.dumps([made_with.get(key) for key in MODEL_KEYS])
    return f"{VECTORS}{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def vectors_schema(dimension: int) -> Any:
    """The columns of such a table."""
    return pa.schema({ID: _TEXT, VECTOR: pa.list_(pa.float32(), dimension)})


@dataclass(frozen=True, eq=False)
class Tables:
    """A gallery's people, outfits, crops and rejections as they stand at one moment; each table as in `SCHEMAS`."""

    people: pa.Table
    outfits: pa.Table
    crops: pa.Table
    rejections: pa.Table

    def of(self, table: str) -> pa.Table:
        """One of them by its name."""
        found: pa.Table = getattr(self, table)
        return found


def having(rows: pa.Table, column: str, value: str) -> pa.Table:
    """The rows with a value in a column of text."""
    return rows.filter(pc.fill_null(pc.equal(rows[column], value), False))


def among(rows: pa.Table, column: str, values: Any) -> pa.Table:
    """The rows whose column has one of some values of text."""
    return rows.filter(pc.is_in(rows[column], value_set=pa.array(list(values), pa.string())))


def with_columns(rows: pa.Table, **columns: Any) -> pa.Table:
    """The rows with other values: one for all, or one each."""
    for name, given in columns.items():
        kind = rows.schema.field(name).type
        each = (
            given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.repeat(pa.scalar(given, kind), rows.num_rows)
        )
        rows = rows.set_column(rows.schema.get_field_index(name), pa.field(name, kind), each)
    return rows


def rows_of(table: str, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows given one by one."""
    return pa.Table.from_pylist(rows, schema=SCHEMAS[table])
