"""A CSV, TSV or Parquet file as rows of text, whichever program wrote it."""

from __future__ import annotations

import codecs
import csv
import importlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ccreid.errors import DataError, SettingError

Record = tuple[str, Mapping[str, str]]
"""Where a row stands ("line 3") and its values by column, as they were written."""

MISSING = frozenset(
    ("", "nan", "NaN", "NAN", "-nan", "-NaN", "none", "None", "NONE", "null", "NULL", "nil", "NA", "n/a", "N/A", "#NA")
) | {"#N/A", "<NA>", "NaT"}
"""What pandas, R, spreadsheets and databases write for an unknown value. "Na" and "Nan" are people's names."""

SUFFIXES = (".csv", ".tsv", ".parquet")
"""Of the files that are tables."""

_SEPARATORS = (",", ";", "\t", "|")
_WHOLE = re.compile(r"-?\d+(?:\.0+)?", re.ASCII)
_INDEX = re.compile(r"|unnamed: \d+(?:\.\d+)*|index|level_\d+|__index_level_\d+__", re.ASCII)


def read_rows(path: Path, columns: Iterable[str], mend: str) -> tuple[list[str], list[Record]]:
    """The columns of a file, in lower case, and its rows.

    Parameters
    ----------
    path:
        A .csv or .tsv file (in UTF-8 or, with its mark at the beginning, UTF-16; separated by commas, semicolons, tabs
        or bars) or a .parquet file.
    columns:
        Those that it must have: they tell which separator it is.
    mend:
        What to do where the file cannot be read at all.

    Raises
    ------
    DataError
        It is another kind of file, cannot be read or decoded, or a row has another number of values.
    SettingError
        It is a Parquet file and pyarrow is not installed.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path} is neither a .csv, a .tsv nor a .parquet file.", mend)
    return _read_parquet(path, mend) if suffix == ".parquet" else _read_csv(path, set(columns), mend)


def is_index(column: str) -> bool:
    """Whether a column is the numbering that a program writes beside a table: without a name, or by its own."""
    return _INDEX.fullmatch(column) is not None


def without_decimals(records: Sequence[Record], column: str) -> list[Record]:
    """The rows with 1 for 1.0 in a column of whole numbers only: a program that met a gap in it made them decimals."""
    known = [values[column] for _, values in records if values[column] not in MISSING]
    if not all(_WHOLE.fullmatch(value) for value in known):
        return list(records)
    return [(where, {**values, column: values[column].partition(".")[0]}) for where, values in records]


def _read_csv(path: Path, columns: set[str], mend: str) -> tuple[list[str], list[Record]]:
    try:
        with path.open(encoding=_encoding(path), newline="") as text:
            first = text.readline()
            text.seek(0)
            reader = csv.reader(text, strict=True, delimiter=_separator(first, columns))
            header = _names(next(reader, []))
            return header, list(_records(path, header, reader))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as CSV in UTF-8."
        ) from error
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file: {error}.", "Save it anew as CSV.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", mend) from error


def _encoding(path: Path) -> str:
    """A spreadsheet's "Unicode text" is UTF-16 and begins with a mark."""
    with path.open("rb") as stream:
        return "utf-16" if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


def _separator(first: str, columns: set[str]) -> str:
    """What separates the first line into the columns; else into most parts, so that a message can name them."""
    split = {separator: _names(next(csv.reader([first], delimiter=separator), [])) for separator in _SEPARATORS}
    return max(_SEPARATORS, key=lambda separator: (len(columns & set(split[separator])), len(split[separator])))


def _names(header: Iterable[str]) -> list[str]:
    return [column.strip().lower() for column in header]


def _records(path: Path, header: Sequence[str], reader: Any) -> Iterator[Record]:
    for values in reader:
        if not values:
            continue  # a blank line
        where = f"line {reader.line_num}"
        if len(values) != len(header):
            raise DataError(
                f"{path}, {where}: {len(values)} values for {len(header)} columns.",
                "Give every column one value a row; put a value that holds the separator into quotation marks.",
            )
        yield where, {column: value.strip() for column, value in zip(header, values, strict=True)}


def _read_parquet(path: Path, mend: str) -> tuple[list[str], list[Record]]:
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise SettingError(
            f"{path} is a Parquet file, and pyarrow is not installed.",
            "Install it with `pip install pyarrow`, or save the table as CSV.",
        ) from error
    try:
        table = parquet.read_table(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors derive from these
        raise DataError(f"{path} cannot be read as Parquet: {error}.", mend) from error
    header = _names(table.column_names)
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return header, [
        (f"row {number}", dict(zip(header, map(_text, values), strict=True)))
        for number, values in enumerate(rows, start=1)
    ]


def _text(value: object) -> str:
    """A value of a typed table as text; numbers that passed through floats (3.0) are whole again."""
    if value is None or value != value:  # NaN
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()
