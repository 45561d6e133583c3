"""Labels that are text to some programs and numbers to others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.vocabulary import UNKNOWN, Ids


def as_labels(column: Any) -> Any:
    """A column as text: 3, 3.0 (as whole numbers become where some are missing) and "3" are one, blanks are missing."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_floating(values.type) and pc.all(pc.equal(pc.floor(values), values)).as_py() is not False:
        values = values.cast(pa.int64())
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    return pc.if_else(pc.equal(text, ""), None, text)


def labels_of(table: pa.Table, name: str) -> Any:
    """(N,) a column as labels; all missing where the table has none of that name."""
    return as_labels(table[name]) if name in table.column_names else pa.nulls(table.num_rows, pa.string())


def codes(labels: Any) -> Ids:
    """(N,) a number for each different label, in the order in which they come; `UNKNOWN` without one."""
    column = pa.array(labels, pa.string()) if isinstance(labels, Sequence) else labels
    numbers = pc.fill_null(column.dictionary_encode().indices.cast(pa.int64()), UNKNOWN)
    found: Ids = numbers.to_numpy(zero_copy_only=False)
    return found
