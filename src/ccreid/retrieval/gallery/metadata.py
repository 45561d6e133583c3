"""The user's columns as a gallery keeps them: JSON, a text a crop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def as_json(table: pa.Table, names: Sequence[str]) -> Any:
    """Some of a table's columns, a text a row; what is not known is left out."""
    told = table.select(list(names))
    for place, name in enumerate(names):
        column = told[name]
        if pa.types.is_floating(column.type):
            column = pc.if_else(pc.is_finite(column), column, None)
        elif pa.types.is_temporal(column.type) or pa.types.is_decimal(column.type):
            column = pa.chunked_array([[None if value is None else _plain(value) for value in column.to_pylist()]])
        told = told.set_column(place, name, column)
    if not names:
        return pa.repeat("{}", table.num_rows)
    encode = json.JSONEncoder(ensure_ascii=False).encode
    rows = ({name: value for name, value in row.items() if value is not None} for row in told.to_pylist())
    return pa.array(map(encode, rows), pa.string(), size=table.num_rows)


def _plain(value: Any) -> str | float:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def told_by(metadata: Sequence[str]) -> dict[str, Any]:
    """The user's columns out of each crop's JSON; one that holds text in one crop and numbers in another is text."""
    rows = [json.loads(told) if told != "{}" else {} for told in metadata]
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _column([row.get(name) for row in rows]) for name in names}


def _column(values: list[Any]) -> Any:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds == {int}:
        try:
            return pa.array(values, pa.int64())
        except (OverflowError, pa.ArrowException):
            return pa.array([None if value is None else float(value) for value in values], pa.float64())
    if kinds <= {int, float}:
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.string())
