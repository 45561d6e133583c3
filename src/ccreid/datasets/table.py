"""A user's own table: a CSV or Parquet file with a row an image."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ccreid.datasets.listing import shown
from ccreid.datasets.own import LICENCE, PROTOCOLS, SUBSETS, VALIDATION, Row, number_rows
from ccreid.datasets.reader import Found, Reader
from ccreid.errors import DataError, SettingError

REQUIRED = ("path", "person", "split")
OPTIONAL = ("camera", "clothes", "tracklet")
POINT_AT_FILE = "Point --data at a CSV or Parquet file with the columns path, person and split."

Record = tuple[str, Mapping[str, str]]
"""Where a row stands ("line 3") and its values by column; an empty text is an unknown value."""


def _find(path: Path) -> Found:
    if path.is_dir():
        raise DataError(f"{path} is a folder.", POINT_AT_FILE)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise DataError(f"{path} is neither a .csv nor a .parquet file.", POINT_AT_FILE)
    columns, records = _read_csv(path) if suffix == ".csv" else _read_parquet(path)
    _check_columns(path, columns)
    if not records:
        raise DataError(f"{path} has no row.", "Give every image a row.")
    root = path.parent
    line_of: dict[str, str] = {}
    rows: list[Row] = []
    for where, values in records:
        row = _row(path, where, values)
        if row.file in line_of:
            raise DataError(
                f"{path}: {row.file} is named twice, on {line_of[row.file]} and {where}.", "Name every image once."
            )
        line_of[row.file] = where
        rows.append(row)
    _check_images(path, root, line_of)
    unread = [column for column in columns if column not in REQUIRED + OPTIONAL]
    warnings = (f"The columns {shown(unread)} are not read; known are {_list(REQUIRED + OPTIONAL)}.",) if unread else ()
    found = number_rows(root, rows, path)
    return replace(found, warnings=warnings + found.warnings)


def _row(path: Path, where: str, values: Mapping[str, str]) -> Row:
    for column in REQUIRED:
        if not values[column]:
            raise DataError(f"{path}, {where}: the {column} is empty.", f"Give every row its {column}.")
    if values["split"] not in SUBSETS:
        raise DataError(f"{path}, {where}: the split '{values['split']}' is unknown.", f"Known are {_list(SUBSETS)}.")
    optional = {column: values.get(column, "") for column in OPTIONAL}
    file = Path(os.path.normpath(values["path"]))
    if file.is_relative_to(path.parent):  # a whole path below the table's folder
        file = file.relative_to(path.parent)
    return Row(file.as_posix(), values["person"], values["split"], **optional)


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise DataError(
            f"{path} lacks the columns {_list(missing)}; it has {shown(columns) or 'none'}.",
            "Name them in its first row, separated by commas.",
        )
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise DataError(f"{path} has the column {twice[0]} twice.", "Keep one of them.")


def _check_images(path: Path, root: Path, line_of: Mapping[str, str]) -> None:
    missing = [file for file in line_of if not (root / file).is_file()]
    if missing:
        raise DataError(
            f"{path} names {len(missing)} of {len(line_of)} images that are not there, for example "
            f"{root / missing[0]} ({line_of[missing[0]]}).",
            f"Give paths relative to {root}, or whole ones.",
        )


def _read_csv(path: Path) -> tuple[list[str], list[Record]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = [column.strip().lower() for column in next(reader, [])]
            return header, list(_records(path, header, reader))
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as CSV in UTF-8."
        ) from error
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file: {error}.", "Save it anew as CSV.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", POINT_AT_FILE) from error


def _records(path: Path, header: Sequence[str], reader: Any) -> Iterator[Record]:
    for values in reader:
        if not values:
            continue  # a blank line
        where = f"line {reader.line_num}"
        if len(values) != len(header):
            raise DataError(
                f"{path}, {where}: {len(values)} values for {len(header)} columns.",
                "Give every column one value a row; put a value that holds a comma into quotation marks.",
            )
        yield where, {column: value.strip() for column, value in zip(header, values, strict=True)}


def _read_parquet(path: Path) -> tuple[list[str], list[Record]]:
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
        raise DataError(f"{path} cannot be read as Parquet: {error}.", POINT_AT_FILE) from error
    header = [column.strip().lower() for column in table.column_names]
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


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)


READER = Reader(
    name="table",
    title="Your own table",
    find=_find,
    layout="a CSV or Parquet file with the columns path, person, split (train, query, gallery, val-query, val-gallery) "
    "and, if known, camera, clothes, tracklet",
    protocols=PROTOCOLS,
    validation=VALIDATION,
    editions={},
    obtain="Make it: docs/datasets.md says how.",
    licence=LICENCE,
)
