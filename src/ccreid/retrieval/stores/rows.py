"""What every store asks of a table and of the rows that come into it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.retrieval.stores.store import ID, VECTOR

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


def check_table(table: str, schema: pa.Schema) -> None:
    """Whether a store can keep a table of that name with those columns.

    Raises
    ------
    SettingError
        The name is not one of letters, digits and `_`, the table has no `ID` of text, or its `VECTOR` is no list of
        float32 of one length.
    """
    if not _NAME.fullmatch(table):
        raise SettingError(
            f"A table cannot be called '{table}'.", "A name is a letter, then up to 62 letters, digits or '_'."
        )
    if ID not in schema.names or schema.field(ID).type != pa.string():
        raise SettingError(f"The table '{table}' has no column '{ID}' of text.", "Every row is known by it.")
    if VECTOR in schema.names and dimension_of(schema) is None:
        raise SettingError(
            f"The column '{VECTOR}' of the table '{table}' is {schema.field(VECTOR).type}.",
            "Make it a fixed-size list of float32.",
        )


def check_same(uri: str, table: str, there: pa.Schema, asked: pa.Schema) -> None:
    """Whether a table that is there has the columns asked for; metadata does not count. Raises ArtefactError."""
    if not there.equals(asked, check_metadata=False):
        raise ArtefactError(
            f"{uri} has a table '{table}' with other columns: {_columns(there)}; asked for were {_columns(asked)}.",
            "It was made by another version or for another model: open it with that one, or choose another place.",
        )


def check_rows(table: str, schema: pa.Schema, rows: pa.Table) -> pa.Table:
    """The rows as a table keeps them: its columns in its order.

    Raises
    ------
    DataError
        Their columns are not the table's, an id is missing or stands twice, or a vector is missing.
    """
    if sorted(rows.schema.names) != sorted(schema.names):
        raise DataError(
            f"Rows for the table '{table}' have the columns {', '.join(sorted(rows.schema.names))}.",
            f"It has {', '.join(sorted(schema.names))}.",
        )
    try:
        rows = rows.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"Rows do not fit the table '{table}': {error}.", f"It has {_columns(schema)}.") from error
    for column in (ID, VECTOR):
        if column in schema.names and rows[column].null_count:
            raise DataError(f"A row for the table '{table}' has no {column}.", "Give each one.")
    counts = pc.value_counts(rows[ID].combine_chunks())
    if len(counts) < len(rows):
        twice = next(count["values"] for count in counts.to_pylist() if count["counts"] > 1)
        raise DataError(f"The id {twice} stands twice in rows for the table '{table}'.", "Keep one of them.")
    return rows


def check_columns(table: str, schema: pa.Schema, columns: Sequence[str] | None) -> list[str]:
    """The columns asked for, or all. Raises DataError where the table lacks one."""
    for column in columns or ():
        if column not in schema.names:
            raise DataError(
                f"The table '{table}' has no column '{column}'.", f"It has {', '.join(sorted(schema.names))}."
            )
    return list(schema.names if columns is None else columns)


def check_vectors(table: str, schema: pa.Schema, shape: tuple[int, ...]) -> None:
    """Whether vectors (Q, D) can be searched in a table. Raises DataError."""
    dimension = check_has_vectors(table, schema)
    if len(shape) != 2 or shape[1] != dimension:
        raise DataError(
            f"Vectors of the shape {shape} cannot be searched among those of the table '{table}', "
            f"which have {dimension} numbers.",
            "Embed the query with the model that made the table.",
        )


def check_has_vectors(table: str, schema: pa.Schema) -> int:
    """How many numbers each vector of a table has. Raises DataError where it has no vectors."""
    dimension = dimension_of(schema)
    if dimension is None:
        raise DataError(f"The table '{table}' has no vectors.", "Search, or index, one that has.")
    return dimension


def dimension_of(schema: pa.Schema) -> int | None:
    """How many numbers a vector of the table has; None where it has no vectors."""
    if VECTOR not in schema.names:
        return None
    kind = schema.field(VECTOR).type
    fits = pa.types.is_fixed_size_list(kind) and kind.value_type == pa.float32()
    return int(kind.list_size) if fits else None


def no_table(uri: str, table: str, tables: Sequence[str]) -> ArtefactError:
    """The error of a table that is not there."""
    return ArtefactError(
        f"{uri} has no table '{table}'.",
        f"It has {', '.join(tables)}." if tables else "It has none yet: add something to it first.",
    )


def not_held(uri: str) -> RuntimeError:
    """The error of whoever writes without holding the store: a mistake of the program."""
    return RuntimeError(f"{uri} is written outside of writing()")


def _columns(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
