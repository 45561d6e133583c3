"""Labels that are text to some programs and numbers to others."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def as_labels(column: Any) -> Any:
    """A column as text: 3, 3.0 (as whole numbers become where some are missing) and "3" are one."""
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_floating(values.type) and pc.all(pc.equal(pc.floor(values), values)).as_py() is not False:
        values = values.cast(pa.int64())
    return values.cast(pa.string())
