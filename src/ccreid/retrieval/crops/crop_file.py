"""Embedded crops as a table in a Parquet file, which other programs read, too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pydantic import ValidationError

from ccreid.errors import ArtefactError
from ccreid.machine.arguments import PathLike, as_path
from ccreid.machine.files import replacing
from ccreid.records import UNIT_TOLERANCE, Record, told
from ccreid.retrieval.crops.models import check_same_model

FORMAT: Final = "ccreid-crops-1"
MEND = "Make it anew: ccreid embed BUNDLE PICTURES... -o crops.parquet"

EMBEDDING, BOX, NOTES = "embedding", "box", b"ccreid"
OWN: Mapping[str, Any] = MappingProxyType(
    {
        "path": pa.string(),
        "sha256": pa.string(),
        BOX: pa.list_(pa.int32(), 4),
        "height_px": pa.int32(),
        "width_px": pa.int32(),
    }
)
"""The columns that every crop has beside its embedding, with their types; the box alone may be missing."""

POOLED = "crops"
"""The column of a file of tracklets that says of how many crops each embedding is the mean."""

UNREADABLE = (OSError, ValueError, pa.ArrowException)
"""What pyarrow raises where a file is no table, or a damaged one."""

UNDERSTOOD = ("person", "outfit", "camera", "tracklet", "time", "frame")
"""Those of the user's columns that ccreid does something with."""


class _Notes(Record):
    """What the file says of itself, as JSON in the metadata of its schema."""

    format: Literal["ccreid-crops-1"]
    made_with: dict[str, str]


@dataclass(frozen=True, eq=False)
class CropFile:
    """N crops of people with their embeddings, and whatever else is known of them.

    Attributes
    ----------
    table:
        N rows with the columns `path` (text), `sha256` (text, of the picture's bytes), `box` (x, y, width, height in
        pixels of the picture as it is shown; null where the crop is the whole picture), `height_px` and `width_px`
        (int32, of the crop), `embedding` (list of D float32 of length 1) and the user's own, of text, numbers, truth
        values or times.
    made_with:
        What the embeddings depend on beside the pictures, see :attr:`ccreid.model.embedder.Embedder.made_with`.
    source:
        Where the table is from, for messages.

    Raises
    ------
    ArtefactError
        A column is missing or of another type, an embedding is not finite or not of length 1, or a crop is there twice.
    """

    table: pa.Table
    made_with: dict[str, str]
    source: str = "The table of crops"

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", _checked(self.table, self.source))
        _check_values(self)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def vectors(self) -> NDArray[np.float32]:
        """The embeddings, (N, D) of length 1."""
        column = self.table[EMBEDDING].combine_chunks()
        chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
        parts = [chunk.flatten().to_numpy().reshape(len(chunk), chunk.type.list_size) for chunk in chunks]
        whole: NDArray[np.float32] = (
            parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, column.type.list_size), np.float32), *parts])
        )
        return whole

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """What each crop is known by: 32 hex digits of a hash over its picture's bytes and its box."""
        pairs = zip(self.table["sha256"].to_pylist(), self.table[BOX].to_pylist(), strict=True)
        return tuple(crop_id(picture, box) for picture, box in pairs)

    @property
    def metadata(self) -> list[str]:
        """The names of the user's own columns."""
        return [name for name in self.table.column_names if name not in OWN and name != EMBEDDING]

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read a file, or a folder of parts made with the same model. Raises ArtefactError, which names the file."""
        path = as_path(path, "path")
        if not path.is_dir():
            return cls(*_read(path), str(path))
        parts = sorted(path.glob("*.parquet"))
        if not parts:
            raise ArtefactError(f"{path} holds no crops: there is no .parquet file in it.", MEND)
        tables, notes = zip(*map(_read, parts), strict=True)
        for part, made_with in zip(parts, notes, strict=True):
            mend = "Keep crops of different models in different folders."
            check_same_model(made_with, str(part), notes[0], str(parts[0]), mend)
        try:
            return cls(stacked(tables), notes[0], str(path))
        except pa.ArrowException as error:
            raise ArtefactError(f"The files in {path} do not fit together: {_why(error)}.", MEND) from error

    def write(self, path: PathLike) -> None:
        """Write the file, whole or not at all. Raises StorageError; what stood there before is then intact."""
        notes = {NOTES: json.dumps({"format": FORMAT, "made_with": self.made_with})}
        # Embeddings hold no value twice: a dictionary of them would be as long as they are.
        repeating = [name for name in self.table.column_names if name not in (EMBEDDING, BOX)]
        with replacing(as_path(path, "path")) as temporary:
            pq.write_table(self.table.replace_schema_metadata(notes), temporary, use_dictionary=repeating)


def stacked(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of several tables under all their columns; what is text in one table becomes text in all."""
    kinds = [(entry.name, entry.type) for table in tables for entry in table.schema]
    text = {name for name, kind in kinds if pa.types.is_string(kind) or pa.types.is_large_string(kind)}
    return pa.concat_tables([_with_text(table, text) for table in tables], promote_options="permissive")


def _with_text(table: pa.Table, names: set[str]) -> pa.Table:
    for place, entry in enumerate(table.schema):
        if entry.name in names and entry.type != pa.string():
            table = table.set_column(place, entry.name, table[entry.name].cast(pa.string()))
    return table


def crop_id(picture: str, box: Any = None) -> str:
    """The id of a crop.

    Parameters
    ----------
    picture:
        The SHA-256 of the picture's bytes, in hex digits.
    box:
        x, y, width, height in pixels of the picture; None for the whole of it.
    """
    where = "" if box is None else " " + ",".join(map(str, box))
    return hashlib.sha256(f"{picture}{where}".encode()).hexdigest()[:32]


def is_crop_file(path: Path) -> bool:
    """Whether a file, or the first one of a folder, says that it holds crops; whether that is true is not looked at."""
    if path.is_dir():
        return any(is_crop_file(part) for part in sorted(path.glob("*.parquet"))[:1])
    try:
        return NOTES in (pq.read_schema(path).metadata or {})
    except UNREADABLE:
        return False


def _read(path: Path) -> tuple[pa.Table, dict[str, str]]:
    if not path.is_file():  # a pipe would never end
        raise ArtefactError(f"{path} is no file of crops: there is no such file.", MEND)
    try:
        table = pq.read_table(path, partitioning=None)
        table.validate(full=True)
        table.schema.names  # noqa: B018 - text that is none is noticed only when it is read
    except UNREADABLE as error:
        raise ArtefactError(f"{path} is no file of crops: {_why(error)}.", MEND) from error
    written = (table.schema.metadata or {}).get(NOTES)
    if written is None:
        raise ArtefactError(
            f"{path} is no file of crops: it does not say which model made its embeddings.",
            f"{MEND}. A program that writes it anew must keep the schema's metadata, as pyarrow does.",
        )
    try:
        return table, _Notes.model_validate_json(written).made_with
    except ValidationError as error:
        raise ArtefactError(f"{path} is no file of crops of this version: {told(error)}.", MEND) from error


def _checked(table: pa.Table, source: str) -> pa.Table:
    """The table with every column of its own in its type and place; the user's follow."""
    missing = [name for name in (*OWN, EMBEDDING) if name not in table.column_names]
    twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
    if missing or twice:
        what = f"has no column {missing[0]}" if missing else f"has the column {twice[0]} more than once"
        raise ArtefactError(f"{source} {what}.", MEND)
    own = {name: _as(table[name], kind, name, source) for name, kind in OWN.items()}
    own[EMBEDDING] = _as(table[EMBEDDING], pa.list_(pa.float32(), _dimension(table[EMBEDDING])), EMBEDDING, source)
    theirs = {name: table[name] for name in table.column_names if name not in own}
    for name, column in theirs.items():
        _check_plain(column.type, name, source)
    return pa.table(own | theirs)


def _as(column: Any, kind: Any, name: str, source: str) -> Any:
    if column.null_count and name != BOX:
        raise ArtefactError(f"{source} has no value in row {_first(pc.is_null(column))}, column {name}.", MEND)
    try:
        return column if column.type == kind else column.cast(kind)
    except pa.ArrowException as error:
        raise ArtefactError(f"{source}: the column {name} is no {kind}: {_why(error)}.", MEND) from error


def _dimension(column: Any) -> int:
    """How long the embeddings are: what their type says, else the first."""
    if pa.types.is_fixed_size_list(column.type):
        return int(column.type.list_size)
    first = column[0].as_py() if len(column) else None
    return len(first) if isinstance(first, list) else 0


def _check_plain(kind: Any, name: str, source: str) -> None:
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise ArtefactError(
            f"{source}: the column {name} is of type {kind}.", "Give text, numbers, truth values or times."
        )


def _check_values(crops: CropFile) -> None:
    table, source, vectors, ids = crops.table, crops.source, crops.vectors, crops.ids
    with np.errstate(over="ignore", invalid="ignore"):
        odd = ~(np.abs(np.linalg.norm(vectors, axis=1) - 1) <= UNIT_TOLERANCE)  # NaN and infinity among them
    if odd.any():
        row = int(odd.argmax())
        raise ArtefactError(
            f"{source}: {int(odd.sum())} embeddings are not of length 1, the first is in row {row}, "
            f"that of {table['path'][row]}.",
            MEND,
        )
    for name, wrong in (
        ("sha256", pc.invert(pc.match_substring_regex(table["sha256"], "^[0-9a-f]{64}$"))),
        ("height_px", pc.less(table["height_px"], 1)),
        ("width_px", pc.less(table["width_px"], 1)),
    ):
        if pc.any(wrong).as_py():
            row = _first(wrong)
            raise ArtefactError(f"{source}, row {row}, column {name}: {table[name][row]} is none.", MEND)
    if len(set(ids)) < len(ids):
        places: dict[str, int] = {}
        first, second = next((places[key], row) for row, key in enumerate(ids) if places.setdefault(key, row) != row)
        raise ArtefactError(
            f"{source} has the same crop in the rows {first} and {second}: {table['path'][second]}.",
            "Keep one of them: a crop is its picture's bytes and its box.",
        )


def _first(mask: Any) -> int:
    return int(pc.index(mask, value=True).as_py())


def _why(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
