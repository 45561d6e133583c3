"""A user's own table: a CSV or Parquet file with a row an image."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ccreid.datasets.listing import shown
from ccreid.datasets.own import LICENCE, PROTOCOLS, SUBSETS, VALIDATION, Row, number_rows
from ccreid.datasets.reader import Found, Reader
from ccreid.datasets.table_file import MISSING, is_index, read_rows, without_decimals
from ccreid.errors import DataError

REQUIRED = ("path", "person", "split")
OPTIONAL = ("camera", "clothes", "tracklet")
POINT_AT_FILE = "Point --data at a CSV or Parquet file with the columns path, person and split."
MEND_OF_MISSING = {
    "path": "Give every row the path of its image.",
    "person": "Give every row its person, and gallery images of nobody in particular the person 'distractor'.",
    "split": "Give every row its split.",
}


def _find(path: Path) -> Found:
    if path.is_dir():
        raise DataError(f"{path} is a folder.", POINT_AT_FILE)
    columns, records = read_rows(path, REQUIRED, POINT_AT_FILE)
    _check_columns(path, columns)
    if not records:
        raise DataError(f"{path} has no row.", "Give every image a row.")
    for column in ("person", *OPTIONAL):
        if column in columns:
            records = without_decimals(records, column)
    root = path.parent
    line_of: dict[str, str] = {}
    missing: dict[str, str] = {}
    rows: list[Row] = []
    for where, values in records:
        row = _row(path, where, values)
        file = _located(root, row.file)
        if file is None:
            missing[row.file] = where
            continue
        if file in line_of:
            raise DataError(f"{path}: {file} is named twice, on {line_of[file]} and {where}.", "Name every image once.")
        line_of[file] = where
        rows.append(replace(row, file=file))
    if missing:
        file, where = next(iter(missing.items()))
        raise DataError(
            f"{path} names {len(missing)} of {len(records)} images that are not there, for example "
            f"{root / file} ({where}).",
            f"Give paths relative to {root}, or whole ones" + (", with / for \\." if "\\" in file else "."),
        )
    unread = [column for column in columns if column not in REQUIRED + OPTIONAL and not is_index(column)]
    warnings = (f"The columns {shown(unread)} are not read; known are {_list(REQUIRED + OPTIONAL)}.",) if unread else ()
    found = number_rows(root, rows, path)
    return replace(found, warnings=warnings + found.warnings)


def _row(path: Path, where: str, values: Mapping[str, str]) -> Row:
    for column, mend in MEND_OF_MISSING.items():
        value = values[column]
        if value in MISSING:
            cause = f"'{value}', which stands for a missing value" if value else "empty"
            raise DataError(f"{path}, {where}: the {column} is {cause}.", mend)
    if values["split"] not in SUBSETS:
        raise DataError(f"{path}, {where}: the split '{values['split']}' is unknown.", f"Known are {_list(SUBSETS)}.")
    known = {column: value for column in OPTIONAL if (value := values.get(column, "")) not in MISSING}
    return Row(values["path"], values["person"], values["split"], **known)


def _located(root: Path, written: str) -> str | None:
    """An image's name relative to the table's folder, as it is on the disk; None where no spelling of it is there."""
    for spelling in _spellings(written):
        file = Path(os.path.normpath(spelling))
        if _is_file(root / file):
            inside = file.is_relative_to(root)  # a whole path below the table's folder
            return (file.relative_to(root) if inside else file).as_posix()
    return None


def _spellings(written: str) -> Iterator[str]:
    """As written; with Windows' separators turned; with letters such as ü in one piece or in two."""
    yield written
    turned = written.replace("\\", "/")
    yield turned
    for form in ("NFC", "NFD"):
        yield unicodedata.normalize(form, turned)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no disk allows
        return False


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise DataError(
            f"{path} lacks the columns {_list(missing)}; it has {shown(columns) or 'none'}.",
            "Name them in its first row, separated by commas.",
        )
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if twice:
        raise DataError(f"{path} has the column {twice[0]} twice.", "Keep one of them.")


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
