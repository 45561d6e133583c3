"""From a list of crops to their file: what is missing is embedded, what is there stays."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ccreid.errors import DataError, SettingError
from ccreid.machine.files import check_writable, is_free, remove_leftovers
from ccreid.machine.progress import Track, untracked
from ccreid.machine.writing import sole_writer
from ccreid.retrieval.crops.crop_file import POOLED, CropFile, is_crop_file, stacked
from ccreid.retrieval.crops.crop_list import CropList
from ccreid.retrieval.crops.crop_parts import CropParts, check_made_with
from ccreid.retrieval.crops.crop_reading import Picture, Seen
from ccreid.retrieval.crops.tracklets import pooled

SUFFIX = ".parquet"
"""An output of this suffix is one file, any other a folder of parts."""
SHOWN = 5


class Engine(Protocol):
    """Whoever embeds: this process, or many."""

    @property
    def runtime(self) -> str:
        """What runs the network, in words for the user."""
        ...

    @property
    def made_with(self) -> dict[str, str]:
        """What the embeddings depend on."""
        ...

    def embed(self, pictures: Iterable[Picture], known: Container[str]) -> Iterator[list[Seen]]:
        """What came of the crops of each picture; of those that are known without their embeddings."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What came of a list.

    Attributes
    ----------
    rows:
        Of the file that was written.
    embedded, there:
        Crops that were embedded now, and that were embedded already.
    doubled:
        Crops that were listed again: the same bytes and the same box.
    clipped:
        Boxes of which a part lay outside their pictures.
    problems:
        Why each crop that was left out was.
    """

    rows: int
    embedded: int
    there: int
    doubled: int
    clipped: int
    problems: tuple[str, ...]


def embed_crops(
    listed: CropList,
    output: Path,
    engine: Engine,
    *,
    tracklets: bool = False,
    track: Track[list[Seen]] = untracked,
) -> Outcome:
    """Embed what a list names and a file lacks, and write the file.

    Crops that the file holds stay in it; those that are listed again take what the list knows of them now. Until all
    are there, they are kept in the folder OUTPUT.parts, from which the next call goes on, however this one ended.

    Parameters
    ----------
    listed:
        What to embed.
    output:
        A file with the suffix .parquet, or a folder, in which parts come to lie and stay as they are.
    engine:
        Who embeds.
    tracklets:
        Write a row a tracklet, with the mean of its embeddings, in place of a row a crop.
    track:
        Follows the pictures for the user.

    Raises
    ------
    DataError
        Nothing that was listed can be embedded, or tracklets are wanted and not known.
    ArtefactError
        The output, or its parts, are of another model.
    SettingError
        The output is something else, or another command writes it.
    StorageError
        It cannot be written.
    """
    whole = output.suffix.lower() == SUFFIX
    _check_output(output, whole=whole, tracklets=tracklets)
    if tracklets and "tracklet" not in listed.metadata:
        raise DataError("No crop has a tracklet.", "Give a table with the columns path and tracklet.")
    made_with = engine.made_with
    folder = output.with_name(f"{output.name}.parts") if whole else output
    with _held(folder, whole=whole):
        remove_leftovers(output.parent, of=output.name)
        parts = CropParts(folder, made_with, listed)
        given = [file for file in listed.files.values() if file.made_with == made_with]
        if whole and not tracklets and output.exists():
            given.append(CropFile.read(output))
            check_made_with(given[-1], made_with)
        work = _Work(listed, parts, given, made_with)
        try:
            for seen in track(engine.embed(work.pictures, work.known), "Embedding", len(work.pictures)):
                work.take(seen)
        finally:
            parts.flush()  # so that the next call goes on from here
        if not work.row_of:
            raise DataError(f"Nothing is left to embed. {told(work.problems)}", "Name other pictures.")
        if not whole:
            return work.outcome(sum(len(file) for file in parts.read()))
        joined = CropFile(work.joined([*given, *parts.read()]), made_with)
        written = pooled(joined) if tracklets else joined
        written.write(output)
        parts.remove()
        return work.outcome(len(written))


@contextmanager
def _held(folder: Path, *, whole: bool) -> Iterator[None]:
    """Hold the folder of the parts; where they are on their way into a file, it goes once it is empty."""
    with sole_writer(folder):
        remove_leftovers(folder)
        yield
    if whole:
        with suppress(OSError):
            folder.rmdir()


def told(problems: Sequence[str]) -> str:
    """The first problems in words, and how many more there are."""
    more = f" And {len(problems) - SHOWN} more." if len(problems) > SHOWN else ""
    return " ".join(problems[:SHOWN]) + more


class _Work:
    """What is to be done of a list, and what became of it."""

    def __init__(
        self, listed: CropList, parts: CropParts, given: Sequence[CropFile], made_with: dict[str, str]
    ) -> None:
        self.listed, self.parts = listed, parts
        self.known = {key for file in [*given, *parts.read()] for key in file.ids}
        self.row_of: dict[str, int] = {}
        self.problems: list[str] = []
        self._bytes_of: dict[str, str] = {}
        self._embedded = self._there = self._doubled = self._clipped = 0
        ready = {start: file for start, file in listed.files.items() if file.made_with == made_with}
        for start, file in ready.items():
            for row, key in enumerate(file.ids, start):
                self._count(key, row)
        embedded = {row for start, file in ready.items() for row in range(start, start + len(file))}
        self.pictures = _pictures(listed, embedded)

    def take(self, crops: list[Seen]) -> None:
        """Take what came of the crops of one picture."""
        for seen in crops:
            if seen.problem:
                self.problems.append(seen.problem)
                continue
            self._clipped += seen.clipped
            self._bytes_of[self.listed.table["path"][seen.row].as_py()] = seen.sha256
            if self._count(seen.id, seen.row) and seen.values is not None:
                self.parts.add(seen)

    def _count(self, key: str, row: int) -> bool:
        """Count a crop that can be used; whether it is new."""
        if key in self.row_of:
            self._doubled += 1
            return False
        self.row_of[key] = row
        there = key in self.known
        self._there += there
        self._embedded += not there
        self.known.add(key)
        return not there

    def outcome(self, rows: int) -> Outcome:
        """All counts, with that of the rows that were written."""
        return Outcome(rows, self._embedded, self._there, self._doubled, self._clipped, tuple(self.problems))

    def joined(self, files: Sequence[CropFile]) -> pa.Table:
        """The crops of all files, each once, as they are listed now; none whose picture has other bytes now."""
        table = stacked([file.table for file in files])
        ids = [key for file in files for key in file.ids]
        first = {key: row for row, key in reversed(list(enumerate(ids)))}
        bytes_of = zip(table["path"].to_pylist(), table["sha256"].to_pylist(), strict=True)
        fresh = [self._bytes_of.get(path, sha256) == sha256 for path, sha256 in bytes_of]
        kept = [fresh[row] and first[key] == row for row, key in enumerate(ids)]
        table = table.filter(pa.array(kept, pa.bool_()))
        rows = pa.array([self.row_of.get(key) for key, keep in zip(ids, kept, strict=True) if keep], pa.int64())
        return _renewed(table, self.listed.table.take(rows), pc.is_valid(rows))


def _renewed(table: pa.Table, listed: pa.Table, is_listed: pa.Array) -> pa.Table:
    """The table with the listed values in the rows that are listed again."""
    for name in listed.column_names:
        old = table[name] if name in table.column_names else pa.nulls(len(table))
        both = stacked([pa.table({name: listed[name]}), pa.table({name: old})])[name].combine_chunks()
        column = pc.if_else(is_listed, both[: len(table)], both[len(table) :])
        place = table.column_names.index(name) if name in table.column_names else len(table.column_names)
        table = table.remove_column(place) if name in table.column_names else table
        table = table.add_column(place, name, column)
    return table


def _pictures(listed: CropList, without: set[int]) -> list[Picture]:
    """The pictures of a list in the order in which they are first named, each with all its crops."""
    rows_of: dict[str, list[int]] = {}
    for row, path in enumerate(listed.table["path"].to_pylist()):
        if row not in without:
            rows_of.setdefault(path, []).append(row)
    return [Picture(path, tuple(rows), tuple(listed.boxes[row] for row in rows)) for path, rows in rows_of.items()]


def _check_output(output: Path, *, whole: bool, tracklets: bool) -> None:
    check_writable(output, "file" if whole else "folder")
    if tracklets and not whole:
        raise SettingError(f"{output} is no name of a file of tracklets.", f"Give it the suffix {SUFFIX}.")
    if not (is_crop_file(output) or (is_free(output) if not whole else not output.exists())):
        raise SettingError(f"{output} is there already, and holds no crops.", "Name another output.")
    if whole and output.exists() and tracklets != (POOLED in pq.read_schema(output).names):
        held = "crops" if tracklets else "tracklets"
        raise SettingError(f"{output} is there already, and holds {held}.", "Name another output.")
