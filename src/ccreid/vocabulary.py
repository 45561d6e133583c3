"""The nouns that every room shares: pictures, samples, the ignore rule, protocols, benchmarks.

A data set is data. Readers turn names on disk into a :class:`Benchmark`; nothing else in the package
compares a data set's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Flag, auto
from functools import reduce
from operator import or_
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.machine.arguments import as_path

Ids = NDArray[np.int64]

UNKNOWN = int(np.iinfo(np.int64).min)
"""Stands in a column for the one image whose value is not annotated; equal to nothing, not even to itself."""


DISTRACTOR = "distractor"
"""The name of the person that a gallery image of nobody is given."""

Names = Mapping[str, Mapping[int, str]]
"""What the values of a column are called, by the column's name: {"person": {0: "anna"}}."""


class Ignore(Flag):
    """Which gallery images of the query's own person are ignored: neither right nor wrong.

    Flags combine with ``|``: ``SAME_CAMERA | SAME_CLOTHES`` ignores an image that shares the camera *or* the
    clothes. A value that is not annotated matches nothing, so it never causes an image to be ignored.
    """

    NOTHING = 0
    SAME_CAMERA = auto()
    SAME_CLOTHES = auto()
    OTHER_CLOTHES = auto()
    SAME_TRACKLET = auto()

    @property
    def sentence(self) -> str:
        """The rule in words, for reports."""
        return " or ".join(_RULE_WORDS[flag] for flag in self) or "nothing"


_RULE_WORDS = {
    Ignore.SAME_CAMERA: "same camera",
    Ignore.SAME_CLOTHES: "same clothes",
    Ignore.OTHER_CLOTHES: "other clothes",
    Ignore.SAME_TRACKLET: "same tracklet",
}

COLUMN_OF_RULE = MappingProxyType(
    {
        Ignore.SAME_CAMERA: "camera",
        Ignore.SAME_CLOTHES: "clothes",
        Ignore.OTHER_CLOTHES: "clothes",
        Ignore.SAME_TRACKLET: "tracklet",
    }
)
"""The column that each flag of a rule looks at."""


class _Rows(ABC):
    """Something of N images, of which some can be taken."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def _of_rows(self, chosen: NDArray[np.int64]) -> dict[str, Any]:
        """The fields that differ once only some images are left."""

    def select(self, rows: Sequence[int] | NDArray[Any]) -> Self:
        """The same for some of the images: indices in the order wanted, or a mask."""
        chosen = np.arange(len(self))[np.asarray(rows)] if len(rows) else np.arange(0)
        return replace(self, **self._of_rows(chosen))  # type: ignore[type-var]  # whoever inherits is a dataclass


@dataclass(frozen=True, eq=False)
class Columns(_Rows):
    """What is known of N images, a column each.

    Attributes
    ----------
    person:
        (N,) int64, the data set's own number of the human.
    camera, clothes, tracklet:
        (N,) int64 each, or None where the data set does not annotate it. A single unknown value is `UNKNOWN`
        (None in the sequences that :meth:`of` accepts). Clothes are numbered over all people: two people
        never share a number.
    garments:
        (N,) int64 or None likewise: what is worn, numbered whoever wears it, so that two people may share a number.
    """

    person: Ids
    camera: Ids | None = None
    clothes: Ids | None = None
    tracklet: Ids | None = None
    garments: Ids | None = None

    def __post_init__(self) -> None:
        columns = {name: _as_ids(getattr(self, name), name) for name in COLUMN_NAMES}
        person = columns["person"]
        if person is None or (person == UNKNOWN).any():
            raise DataError("The column 'person' has a missing value.", "Give every image its person.")
        for name, column in columns.items():
            if column is not None and len(column) != len(person):
                raise DataError(
                    f"The column '{name}' has {len(column)} values and 'person' has {len(person)}.",
                    "Give every column one value an image.",
                )
            absent = column is None or (len(column) > 0 and (column == UNKNOWN).all())
            object.__setattr__(self, name, None if absent else column)

    @classmethod
    def of(cls, source: object) -> Columns:
        """Read the columns off anything that has them as attributes or keys (a table, a dict, Columns)."""
        if isinstance(source, Columns):
            return source
        found = {}
        for name in COLUMN_NAMES:
            try:
                found[name] = source[name]  # type: ignore[index]
            except (TypeError, KeyError, IndexError, ValueError):  # numpy's tables raise ValueError
                found[name] = getattr(source, name, None)
        if found["person"] is None:
            raise DataError("The column 'person' is missing.", "Give every image its person.")
        return Columns(**found)

    def __len__(self) -> int:
        return len(self.person)

    def _of_rows(self, chosen: NDArray[np.int64]) -> dict[str, Any]:
        columns = {name: getattr(self, name) for name in COLUMN_NAMES}
        return {name: column[chosen] for name, column in columns.items() if column is not None}

    def distinct(self, name: str) -> Ids | None:
        """The different known values of a column, sorted; None where it is not annotated."""
        column: Ids | None = getattr(self, name)
        return None if column is None else np.unique(column[column != UNKNOWN])

    def unknown(self, name: str) -> int:
        """Of how many images a column's value is not annotated."""
        column: Ids | None = getattr(self, name)
        return len(self) if column is None else int((column == UNKNOWN).sum())

    def same(self, name: str, row: int | Ids, other: Columns) -> NDArray[np.bool_]:
        """Which images of `other` are known to share image `row`'s value of a column: (M,) bool.

        With (M,) rows, each image of `other` is compared with a row of its own.
        """
        return self._related(name, row, other, equal=True)

    def different(self, name: str, row: int | Ids, other: Columns) -> NDArray[np.bool_]:
        """Which images of `other` are known to have another value of a column: (M,) bool. Rows as in :meth:`same`."""
        return self._related(name, row, other, equal=False)

    def _related(self, name: str, row: int | Ids, other: Columns, *, equal: bool) -> NDArray[np.bool_]:
        mine: Ids | None = getattr(self, name)
        theirs: Ids | None = getattr(other, name)
        if mine is None or theirs is None:
            return np.zeros(len(other), dtype=np.bool_)
        matches: NDArray[np.bool_] = (theirs == mine[row]) == equal
        known: NDArray[np.bool_] = (theirs != UNKNOWN) & (mine[row] != UNKNOWN)
        return matches & known


COLUMN_NAMES = tuple(f.name for f in fields(Columns))


def ignored(rule: Ignore, query: Columns, row: int | Ids, candidates: Columns) -> NDArray[np.bool_]:
    """Which images of query `row`'s own person the rule ignores: (M,) bool. Rows as in :meth:`Columns.same`."""
    mask = np.zeros(len(candidates), dtype=np.bool_)
    for flag in rule:
        related = query.different if flag is Ignore.OTHER_CLOTHES else query.same
        mask |= related(COLUMN_OF_RULE[flag], row, candidates)
    return mask


def in_force(rule: Ignore, query: Columns, gallery: Columns) -> Ignore:
    """The parts of a rule that can ignore anything: those whose column both sides annotate."""
    known = (flag for flag in rule if all(getattr(side, COLUMN_OF_RULE[flag]) is not None for side in (query, gallery)))
    return reduce(or_, known, Ignore.NOTHING)


@dataclass(frozen=True, eq=False)
class Pictures(_Rows):
    """N images of which nothing is known but where they lie.

    Attributes
    ----------
    root:
        The folder that `files` are relative to.
    files:
        N names relative to `root`, with forward slashes.
    """

    root: Path = Path()
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", as_path(self.root, "root"))
        files: object = self.files
        if isinstance(files, str | bytes) or not all(isinstance(file, str) for file in self.files):
            raise DataError("files is no sequence of texts.", "Give the names of the files, relative to root.")
        object.__setattr__(self, "files", tuple(self.files))

    def __len__(self) -> int:
        return len(self.files)

    def path(self, row: int) -> Path:
        """Where image `row` lies."""
        return self.root / self.files[row]

    def _of_rows(self, chosen: NDArray[np.int64]) -> dict[str, Any]:
        return {"files": tuple(self.files[row] for row in chosen)}


@dataclass(frozen=True, eq=False)
class Samples(Pictures, Columns):
    """Images of one subset: where they lie and what is known of them.

    Attributes
    ----------
    names:
        What the data set calls its people, cameras, ... where it does not number them.
    """

    names: Names = field(default_factory=dict)

    def __post_init__(self) -> None:
        Pictures.__post_init__(self)
        Columns.__post_init__(self)
        if len(self.files) != len(self.person):
            raise DataError(
                f"{len(self.files)} files and {len(self.person)} people were given.",
                "Give every image one file and one person.",
            )

    def _of_rows(self, chosen: NDArray[np.int64]) -> dict[str, Any]:
        return Columns._of_rows(self, chosen) | Pictures._of_rows(self, chosen)

    def called(self, column: str, value: int) -> str:
        """What a value of a column is called for people to read: its name in the data set, else the number."""
        return self.names.get(column, {}).get(int(value), str(value))

    def described(self, row: int) -> tuple[str, ...]:
        """What is known of an image in words, the person first: ("person anna", "clothes 3", "camera 1")."""
        known = {name: column[row] for name in _DESCRIBED if (column := getattr(self, name)) is not None}
        words = {name: self.called(name, value) for name, value in known.items() if value != UNKNOWN}
        return tuple(called if called == DISTRACTOR else f"{name} {called}" for name, called in words.items())

    @property
    def people(self) -> Ids:
        """The different people, sorted."""
        return np.unique(self.person)

    @property
    def identities(self) -> Ids:
        """(N,) int64: the training label 0..P-1 of each image, people in ascending order."""
        return np.unique(self.person, return_inverse=True)[1].astype(np.int64)


_DESCRIBED = ("person", "clothes", "camera")


def answerable(rule: Ignore, query: Samples, gallery: Samples) -> NDArray[np.bool_]:
    """Which queries have an image of their person in the gallery that the rule does not ignore: (Q,) bool."""
    answered = np.zeros(len(query), dtype=np.bool_)
    for row, places in right_answers(rule, query, gallery):
        answered[row] = len(places) > 0
    return answered


def right_answers(rule: Ignore, query: Samples, gallery: Samples) -> Iterator[tuple[int, Ids]]:
    """Each query whose person is in the gallery, with the places of those images of it that the rule does not ignore.

    Person after person, in ascending order.
    """
    for person in np.intersect1d(query.person, gallery.person):
        places = np.flatnonzero(gallery.person == person)
        candidates = gallery.select(places)
        for row in np.flatnonzero(query.person == person).tolist():
            yield row, places[~ignored(rule, query, row, candidates)]


@dataclass(frozen=True)
class Protocol:
    """How a benchmark is scored: a query subset, a gallery subset and what is ignored.

    Attributes
    ----------
    name:
        For example "cloth-changing".
    ignore:
        Which gallery images of the query's own person do not count.
    query, gallery:
        Names of subsets of the benchmark.
    draws:
        0 scores against the whole gallery (multi-shot); n scores n times against one gallery image a person, drawn
        anew each time (single-shot), and reports mean and standard deviation. The two are not comparable.
    source:
        Where the rule comes from.
    """

    name: str
    ignore: Ignore
    query: str = "query"
    gallery: str = "gallery"
    draws: int = 0
    source: str = ""


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A data set as read from disk.

    Attributes
    ----------
    name, edition:
        The data set's name and, where one is known by its counts, its edition.
    root:
        The folder that was read.
    subsets:
        Samples by subset: "train", "query", "gallery", ...
    protocols:
        Every way in which it is scored.
    validation:
        How a model is selected, where the set has validation people of its own; subsets named "val-query" and
        "val-gallery".
    unmatched:
        Files that look like images of the set but do not bear its names.
    layout:
        Which folders and names the set is expected to have, in one line.
    warnings:
        What a user should know before believing a number.
    licence:
        Terms of use, in one line.
    absent:
        Where the subsets would lie that the set has and this folder has not: {"train": "train/"}.
    left_out:
        Images that could not be read and are in no subset.
    shared_people_numbers:
        Whether the same number in train and test is the same person; False where people are numbered from the start
        again in each split.
    synthetic:
        Whether no real person is shown.
    """

    name: str
    root: Path
    subsets: Mapping[str, Samples]
    protocols: tuple[Protocol, ...]
    validation: tuple[Protocol, ...] = ()
    edition: str = ""
    unmatched: tuple[str, ...] = ()
    layout: str = ""
    warnings: tuple[str, ...] = ()
    licence: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    shared_people_numbers: bool = True
    synthetic: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", as_path(self.root, "root"))
        names = [protocol.name for protocol in self.protocols]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"{self.name} has several protocols '{twice[0]}'.", "Give each protocol a name of its own.")

    @property
    def remarks(self) -> tuple[str, ...]:
        """The warnings, with one for the images of other names: what stands wherever scores are shown."""
        return (*self.warnings, self.unmatched_in_words) if self.unmatched else self.warnings

    @property
    def unmatched_in_words(self) -> str:
        """How many images bear other names, some of them, what is expected, and the mend."""
        count = len(self.unmatched)
        does, is_ = ("image does", "is") if count == 1 else ("images do", "are")
        expected = f" Expected is: {self.layout}." if self.layout else ""
        return (
            f"{count:,} {does} not bear a name of the set and {is_} left out, for example "
            f"{', '.join(self.unmatched[:3])}.{expected} Rename what belongs to the set; the rest may stay."
        )

    def subset(self, name: str) -> Samples:
        """The samples of a subset. Raises DataError where the benchmark has none of that name."""
        if name not in self.subsets:
            where = f" The folder lacks {self.absent[name]}." if name in self.absent else ""
            raise DataError(
                f"{self.name} has no subset '{name}'; it has {', '.join(self.subsets)}.{where}",
                f"Check the folder {self.root}.",
            )
        return self.subsets[name]

    def check_scored(self, mend: str = "") -> None:
        """Raise DataError where there is nothing to be scored: query or gallery is not there."""
        if not self.protocols:
            lacking = ", ".join(
                where for subset, where in self.absent.items() if subset.startswith(("query", "gallery"))
            )
            raise DataError(
                f"{self.name} in {self.root} cannot be scored: it lacks {lacking or 'query and gallery'}.",
                mend or "Scoring needs a query and a gallery.",
            )


def _as_ids(column: object, name: str) -> Ids | None:
    """A column as int64 of its own, read-only; None values become UNKNOWN."""
    if column is None:
        return None
    try:
        values = np.asarray(column)
    except ValueError as error:  # rows of different lengths
        raise DataError(f"The column '{name}' is no plain column: {error}.", "Give one value an image.") from error
    if values.ndim != 1:
        raise DataError(f"The column '{name}' has the shape {values.shape}.", "Give one value an image.")
    if values.dtype == object:
        values = np.array([UNKNOWN if value is None else value for value in values.tolist()])
    if values.size and not np.issubdtype(values.dtype, np.integer):
        raise DataError(
            f"The column '{name}' holds {values.dtype}, not whole numbers.",
            "Number its values and give None for one that is not annotated.",
        )
    if values.size and int(values.max()) > np.iinfo(np.int64).max:  # unsigned: it would wrap to a negative number
        raise DataError(f"The column '{name}' holds {values.max()}, beyond int64.", "Number its values anew.")
    ids = values.astype(np.int64)
    ids.setflags(write=False)
    return ids
