"""Which crops are meant by what a user names: folders, patterns, pictures, tables, a list of paths."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ccreid.data.crops import Box, as_box
from ccreid.data.sources import files_at, is_uri
from ccreid.datasets.listing import folders_in, images_in, shown
from ccreid.datasets.table_file import MISSING, SUFFIXES, is_index, read_rows, without_decimals
from ccreid.errors import ArtefactError, DataError, ImageError
from ccreid.machine.arguments import as_path
from ccreid.machine.formats import picture_suffixes
from ccreid.retrieval.crops.crop_file import BOX, EMBEDDING, OWN, POOLED, CropFile, is_crop_file, stacked

STDIN = "-"
"""Stands for the list of paths on standard input."""

FORMS = (("x", "y", "width", "height"), ("x1", "y1", "x2", "y2"))
"""How a table may give boxes, in pixels of the picture."""

TABLE_MEND = "Give a CSV, TSV or Parquet file with the column path and a row a crop."
BOX_MEND = f"Give boxes as {', '.join(FORMS[0])}, or as {', '.join(FORMS[1])}, in pixels."

_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)?\.\d+([eE][+-]?\d{1,2})?|-?[1-9][eE][+-]\d{2}", re.ASCII)


@dataclass(frozen=True, eq=False)
class CropList:
    """N crops as they were named.

    Attributes
    ----------
    table:
        N rows with the column `path`, the place of the picture (a whole path or a URI: it leads there from any working
        folder), and the user's own columns.
    boxes:
        N boxes into the pictures; None for the whole of one.
    files:
        Those that hold embeddings already, by the row at which their crops begin.
    """

    table: pa.Table
    boxes: tuple[Box | None, ...]
    files: Mapping[int, CropFile] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.boxes)

    @property
    def metadata(self) -> list[str]:
        """The names of the user's own columns."""
        return [name for name in self.table.column_names if name != "path"]


def list_crops(places: Sequence[str], lines: bytes = b"") -> CropList:
    """The crops that some places name, in their order.

    Parameters
    ----------
    places:
        Each is a folder (all pictures in it and below, sorted), a pattern such as "day1/*.jpg", a picture, a table with
        the column path (see :data:`FORMS` for boxes; relative paths start at the table), a file of crops, a URI of a
        picture, a folder or a pattern, or "-" for `lines`.
    lines:
        Paths, one a line, or with a null behind each.

    Raises
    ------
    DataError
        A place names nothing, or a table is none.
    ArtefactError
        A file of crops is damaged, or holds tracklets.
    """
    parts = [part for place in places for part in _named(place, lines)]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part))
    if not starts[-1]:
        raise DataError(f"There is no picture in {shown(places)}.", "Name pictures, or folders that hold some.")
    table = stacked([part.table for part in parts])
    return CropList(
        table.set_column(table.column_names.index("path"), "path", _from_anywhere(table["path"].to_pylist())),
        tuple(box for part in parts for box in part.boxes),
        {start: part.files[0] for start, part in zip(starts, parts, strict=False) if part.files},
    )


def _from_anywhere(paths: Sequence[str]) -> Any:
    here = Path.cwd()
    return pa.array([path if is_uri(path) else str(here / path) for path in paths], pa.string())


def _named(place: str, lines: bytes) -> Iterator[CropList]:
    if place == STDIN:
        yield _of_paths(_listed(lines))
    elif is_uri(place):
        suffixes = picture_suffixes()
        files = files_at(place)
        yield _of_paths(files if files == [place] else [file for file in files if file.lower().endswith(suffixes)])
    else:
        yield from _on_disk(as_path(place, "PATHS"))


def _on_disk(path: Path) -> Iterator[CropList]:
    if path.is_dir():
        yield _of_paths([str(file) for file in _below(path, ())])
    elif path.exists():
        if path.suffix.lower() not in SUFFIXES:
            yield _of_paths([str(path)])
        else:
            yield _of_crop_file(path) if is_crop_file(path) else _of_table(path)
    else:
        found = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - a Path's own takes no whole paths
        if not found:
            raise DataError(f"{path}: there is no such file or folder.", "Check the path.")
        for match in found:
            yield from _on_disk(as_path(match, "PATHS"))


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    """The pictures of a folder and then of those in it; a link that leads back up is not followed."""
    here = folder.resolve()
    if here in above:
        return
    yield from (folder / name for name in images_in(folder))
    for name in folders_in(folder):
        yield from _below(folder / name, (*above, here))


def _listed(lines: bytes) -> list[str]:
    try:
        text = lines.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"The list on standard input is not UTF-8 at byte {error.start}.", "Rename the file."
        ) from error
    return [path for path in (text.split("\0") if "\0" in text else text.splitlines()) if path.strip()]


def _of_paths(paths: Sequence[str]) -> CropList:
    return CropList(pa.table({"path": pa.array(paths, pa.string())}), (None,) * len(paths))


def _of_crop_file(path: Path) -> CropList:
    crops = CropFile.read(path)
    if POOLED in crops.table.column_names:
        raise ArtefactError(f"{path} holds tracklets, not crops.", "Give the crops that they were made of.")
    boxes = tuple(None if box is None else (box[0], box[1], box[2], box[3]) for box in crops.table[BOX].to_pylist())
    return CropList(crops.table.select(["path", *crops.metadata]), boxes, {0: crops})


def _of_table(path: Path) -> CropList:
    columns, records = read_rows(path, ["path"], TABLE_MEND)
    twice = sorted({column for column in columns if column and columns.count(column) > 1})
    if "path" not in columns or twice:
        what = f"has the column {twice[0]} twice" if twice else f"lacks the column path; it has {shown(columns)}"
        raise DataError(f"{path} {what}.", TABLE_MEND)
    form = _form(path, columns)
    taken = sorted({*OWN, EMBEDDING, POOLED, "id"} - {"path"} & set(columns))
    if taken:
        raise DataError(f"{path}: the name of the column {taken[0]} is taken.", "Give that column another name.")
    theirs = [column for column in columns if column not in ("path", *form) and not is_index(column)]
    for column in theirs:
        records = without_decimals(records, column)
    paths = pa.array([_located(path, where, values["path"]) for where, values in records], pa.string())
    return CropList(
        pa.table({"path": paths} | {name: _typed([values[name] for _, values in records]) for name in theirs}),
        tuple(_box(path, where, values, form) for where, values in records),
    )


def _form(path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    """Which columns give the boxes; none where there are no boxes. Width and height alone are of something else."""
    begun = [form for form in FORMS if set(form) & set(columns) - {"width", "height"}]
    if len(begun) > 1:
        raise DataError(f"{path} gives boxes in two ways: {shown(sum(begun, ()))}.", BOX_MEND)
    missing = [column for form in begun for column in form if column not in columns]
    if missing:
        raise DataError(f"{path} lacks the column {missing[0]} of its boxes.", BOX_MEND)
    return begun[0] if begun else ()


def _located(table: Path, where: str, written: str) -> str:
    if written in MISSING:
        raise DataError(f"{table}, {where}: there is no path.", "Give every row the path of its picture.")
    return written if is_uri(written) else str(table.parent / written)


def _box(table: Path, where: str, values: Mapping[str, str], form: tuple[str, ...]) -> Box | None:
    written = [values[column] for column in form]
    if all(value in MISSING for value in written):
        return None
    try:
        first, second, third, fourth = map(float, written)
        corners = form == FORMS[1]
        return as_box((first, second, third - first if corners else third, fourth - second if corners else fourth), "")
    except (ValueError, ImageError) as error:
        raise DataError(f"{table}, {where}: {shown(written)} is no box.", BOX_MEND) from error


def _typed(values: Sequence[str]) -> Any:
    """Whole numbers, numbers or, where a single value is none, text; 007 is text and keeps its zeros."""
    known = [None if value in MISSING else value for value in values]
    filled = [value for value in known if value is not None]
    whole = [_WHOLE.fullmatch(value) is not None for value in filled]
    numbers = all(at or _DECIMAL.fullmatch(value) for at, value in zip(whole, filled, strict=True))
    kind = pa.int64() if all(whole) else pa.float64() if numbers else pa.string()
    return pa.array(known, pa.string()).cast(kind if filled else pa.string())
