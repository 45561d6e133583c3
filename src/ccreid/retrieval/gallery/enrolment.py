"""Crops of people come into a gallery: the change that enrolling makes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.crops.crop_file import EMBEDDING, CropFile
from ccreid.retrieval.crops.labels import labels_of
from ccreid.retrieval.gallery.changes import Change
from ccreid.retrieval.gallery.frames import meeting
from ccreid.retrieval.gallery.metadata import as_json
from ccreid.retrieval.gallery.naming import rejected
from ccreid.retrieval.gallery.proposing import COLUMNS, SAID_BY, propose_too
from ccreid.retrieval.gallery.quality import Looked
from ccreid.retrieval.gallery.tables import (
    CONFIRMED,
    CROPS,
    OUTFITS,
    PEOPLE,
    PROPOSED,
    SCHEMAS,
    THUMBNAILS,
    UNKNOWN,
    Tables,
    among,
    rows_of,
    with_columns,
)
from ccreid.retrieval.stores.store import ID, VECTOR

_SHOWN = 5


@dataclass(frozen=True)
class Wishes:
    """How crops are to be enrolled.

    Attributes
    ----------
    person, outfit:
        Whom and what all of them show, by id or name; None takes each crop's own column.
    apart:
        Whether names are those of people who are not in the gallery yet, though it knows such names.
    override:
        Why crops are enrolled whatever their quality; None leaves poor ones out.
    """

    person: str | None = None
    outfit: str | None = None
    apart: bool = False
    override: str | None = None


@dataclass(frozen=True)
class Refusal:
    """A crop that was not enrolled, and why."""

    crop: str
    path: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Enrolment:
    """What enrolling makes of some crops.

    Attributes
    ----------
    change:
        Of the gallery; nothing is written yet.
    added, already:
        How many crops come in, and how many are as they should be.
    proposed:
        How many crops, of these or of those that are there, are proposed to be somebody.
    people:
        The ids of those who were not there before.
    unseen:
        How many come in whose picture could not be looked at.
    refused:
        Those that do not.
    warnings:
        A sentence each.
    """

    change: Change
    added: int
    already: int
    proposed: int
    people: tuple[str, ...]
    unseen: int
    refused: tuple[Refusal, ...]
    warnings: tuple[str, ...]


def enrol(
    tables: Tables,
    crops: CropFile,
    looked: Callable[[pa.Table, Sequence[str]], Looked],
    vectors: str,
    wishes: Wishes,
    *,
    at: str,
    draw: Callable[[], str],
) -> Enrolment:
    """The change by which crops come into a gallery.

    Parameters
    ----------
    tables:
        As they stand.
    crops:
        With the columns `person` and `outfit`, if it says whom a crop shows; one without a person is of nobody known,
        or with `proposed_person` (and `probability`), as of a file of groups, is proposed to be somebody.
    looked:
        Looks at those that are new, see :mod:`ccreid.retrieval.gallery.quality`.
    vectors:
        The name of the table of embeddings.
    at:
        Now, in ISO 8601.
    draw:
        Gives a new part of an id at every call.

    Raises
    ------
    DataError
        Several people bear a name that was given.
    """
    return _Enrolling(tables, crops, vectors, wishes, at, draw).through(looked)


class _Enrolling:
    def __init__(
        self, tables: Tables, crops: CropFile, vectors: str, wishes: Wishes, at: str, draw: Callable[[], str]
    ) -> None:
        self._tables = tables
        self._crops = crops
        self._vectors = vectors
        self._wishes = wishes
        self._at = at
        self._draw = draw
        self._ids = pa.array(crops.ids, pa.string())
        self._people, self._outfits = (
            labels_of(crops.table, name) if given is None else pa.repeat(given, len(crops))
            for name, given in (("person", wishes.person), ("outfit", wishes.outfit))
        )
        self._warnings: list[str] = []
        self._refused: dict[int, tuple[str, ...]] = {}

    def through(self, looked: Callable[[pa.Table, Sequence[str]], Looked]) -> Enrolment:
        there = self._there()
        rows = np.flatnonzero(~there)
        looks = looked(self._crops.table.take(pa.array(rows)), self._ids.take(pa.array(rows)).to_pylist())
        if self._wishes.override is None:
            self._refuse({int(row): why for row, why in zip(rows, looks.reasons, strict=True) if why})
        quality = {int(row): why for row, why in zip(rows, looks.reasons, strict=True)}
        seen = {int(row) for row, is_seen in zip(rows, looks.seen, strict=True) if is_seen}
        rows = self._without_refused(rows)
        person, new_people = self._resolved(rows)
        put = self._rows(rows, person, [quality[row] for row in rows.tolist()])
        self._refuse(self._rejected(rows, put))
        self._refuse(self._in_one_frame(rows, put))
        if self._refused:
            keep = np.array([row not in self._refused for row in rows.tolist()], dtype=bool)
            rows, put = rows[keep], put.filter(pa.array(keep))
        outfit, outfits = self._dressed(rows, put["person"])
        put = with_columns(put, outfit=outfit)
        put, again, warnings = propose_too(self._tables, put, self._crops, self._new_names)
        self._warnings += warnings
        proposals = int(pc.sum(pc.equal(put["state"], PROPOSED)).as_py() or 0) + len(again)
        people = self._written_people(pa.concat_tables([put, again])["person"], new_people)
        change = Change(
            "add",
            f"{len(rows)} crops of {len(people)} people, {len(new_people & set(people[ID].to_pylist()))} of them new.",
            {PEOPLE: people, OUTFITS: outfits, CROPS: pa.concat_tables([put, again])},
            beside={
                self._vectors: pa.table({ID: put[ID], VECTOR: self._crops.table[EMBEDDING].take(pa.array(rows))}),
                THUMBNAILS: among(looks.thumbnails, ID, put[ID].to_pylist()),
            },
        )
        return Enrolment(
            change,
            added=len(rows),
            already=int(there.sum()),
            proposed=proposals,
            people=tuple(sorted(new_people & set(people[ID].to_pylist()))),
            unseen=sum(row not in seen for row in rows.tolist()),
            refused=tuple(
                Refusal(self._ids[row].as_py(), self._crops.table["path"][row].as_py(), why)
                for row, why in sorted(self._refused.items())
            ),
            warnings=tuple(self._warnings),
        )

    def _there(self) -> Any:
        """(N,) bool: the crops that need no change: those that are in, with a person or as little known as before."""
        crops = self._tables.crops
        place = pc.index_in(self._ids, value_set=crops[ID].combine_chunks())
        found = crops.take(pc.fill_null(place, 0)) if len(crops) else None
        if found is None:
            return np.zeros(len(self._ids), dtype=bool)
        inside = np.asarray(pc.and_(pc.is_valid(place), pc.is_null(found["removed_at"])))
        sure = np.asarray(pc.equal(found["state"], CONFIRMED))
        named = np.asarray(pc.is_valid(self._people))
        there = inside & (sure | ~named)
        self._warn_of_others(there & sure & named, found)
        return there

    def _warn_of_others(self, rows: Any, found: pa.Table) -> None:
        """Those that are enrolled as somebody else than the file says stay who they are."""
        names = dict(zip(self._tables.people[ID].to_pylist(), self._tables.people["name"].to_pylist(), strict=True))
        columns = (
            column.filter(pa.array(rows)) for column in (self._crops.table["path"], found["person"], self._people)
        )
        others = [
            (path, names.get(person), label)
            for path, person, label in zip(*(column.to_pylist() for column in columns), strict=True)
            if label not in (person, names.get(person))
        ]
        if others:
            path, name, label = others[0]
            self._warnings.append(
                f"{len(others)} crops are in the gallery as somebody else and stay so; the first is {path}: "
                f"'{name}' there, '{label}' here."
            )

    def _resolved(self, rows: Any) -> tuple[Any, set[str]]:
        """The id of each crop's person, and of the people who are new."""
        labels = self._people.take(pa.array(rows))
        known = self._tables.people
        ids = set(known[ID].to_pylist())
        named: dict[str, list[str]] = {}
        for one, name in zip(known[ID].to_pylist(), known["name"].to_pylist(), strict=True):
            named.setdefault(name, []).append(one)
        found: dict[str, str] = {}
        new: dict[str, str] = {}
        for label in pc.unique(labels).drop_null().to_pylist():
            if label in ids:
                found[label] = label
                continue
            same = named.get(label, [])
            if same and not self._wishes.apart:
                if len(same) > 1:
                    raise DataError(
                        f"{len(same)} people are called '{label}': {', '.join(sorted(same)[:_SHOWN])}.",
                        "Name the one that is meant by its id, or say that this is another one: --apart.",
                    )
                found[label] = same[0]
                continue
            if same:
                self._warnings.append(f"Another person is called '{label}', too: {', '.join(sorted(same)[:_SHOWN])}.")
            found[label] = new[label] = _new_id("p", self._draw, ids)
        self._new_names = {one: label for label, one in new.items()}
        return _mapped(labels, found), set(new.values())

    def _rejected(self, rows: Any, put: pa.Table) -> dict[int, tuple[str, ...]]:
        apart = rejected(self._tables)
        pairs = zip(rows.tolist(), put[ID].to_pylist(), put["person"].to_pylist(), strict=True)
        return {
            row: (f"It was rejected as {one}. To take that back: ccreid gallery confirm {crop} --person {one}",)
            for row, crop, one in pairs
            if (crop, one) in apart
        }

    def _in_one_frame(self, rows: Any, put: pa.Table) -> dict[int, tuple[str, ...]]:
        """Nobody is twice in one frame: of crops that say so, those that are new stay out."""
        kept = self._tables.crops
        meant = pc.unique(put["person"]).drop_null()
        mine = pc.and_(pc.is_null(kept["removed_at"]), pc.is_in(kept["person"], value_set=meant))
        together = pa.concat_tables([put, kept.filter(mine)])
        paths = together["path"].to_pylist()
        return {
            int(rows[one]): (f"{paths[other]} shows the same person in the same frame, and nobody is in one twice.",)
            for one, other in meeting(together).items()
            if one < len(rows)
        }

    def _dressed(self, rows: Any, person: Any) -> tuple[Any, pa.Table]:
        """The id of each crop's outfit, and the rows of those outfits."""
        names = self._outfits.take(pa.array(rows))
        kept = self._tables.outfits
        known = {(row["person"], row["name"]): row[ID] for row in kept.to_pylist()}
        taken = set(kept[ID].to_pylist())
        pairs = pa.table({"person": person, "name": names}).group_by(["person", "name"]).aggregate([])
        for pair in pairs.to_pylist():
            wanted = pair["person"], pair["name"]
            if None not in wanted and wanted not in known:
                known[wanted] = _new_id("o", self._draw, taken)
        joined = zip(person.to_pylist(), names.to_pylist(), strict=True)
        outfit = pa.array([known.get(pair) for pair in joined], pa.string())
        written = set(pc.unique(outfit).drop_null().to_pylist())
        return outfit, rows_of(
            OUTFITS,
            [
                {ID: one, "person": who, "name": name, "operation": ""}
                for (who, name), one in known.items()
                if one in written
            ],
        )

    def _written_people(self, person: Any, new: set[str]) -> pa.Table:
        """The rows of all who are enrolled: new ones, and those that the gallery knows as they are."""
        meant = pc.unique(person).drop_null().to_pylist()
        old = with_columns(among(self._tables.people, ID, meant), removed_at=None)
        return pa.concat_tables(
            [
                old,
                rows_of(
                    PEOPLE,
                    [
                        {
                            ID: one,
                            "name": self._new_names[one],
                            "note": "",
                            "hidden": False,
                            "created_at": self._at,
                            "removed_at": None,
                            "operation": "",
                        }
                        for one in meant
                        if one in new
                    ],
                ),
            ]
        )

    def _rows(self, rows: Any, person: Any, quality: Sequence[tuple[str, ...]]) -> pa.Table:
        """The rows of crops, as yet without an outfit."""
        table = self._crops.table.take(pa.array(rows))
        taken = ("person", "outfit", *(COLUMNS if SAID_BY in table.column_names else ()))
        poor = [json.dumps(why) if why else None for why in quality]
        columns = {
            ID: self._ids.take(pa.array(rows)),
            "person": person,
            "outfit": pa.nulls(len(rows), pa.string()),
            "state": pc.if_else(pc.is_valid(person), CONFIRMED, UNKNOWN),
            "probability": pa.nulls(len(rows), pa.float64()),
            **{name: table[name] for name in ("path", "sha256", "box", "height_px", "width_px")},
            "metadata": as_json(table, [name for name in self._crops.metadata if name not in taken]),
            "quality": pa.array(poor, pa.string()),
            "override": pa.array([self._wishes.override if why else None for why in quality], pa.string()),
            "enrolled_at": pa.repeat(self._at, len(rows)),
            "removed_at": pa.nulls(len(rows), pa.string()),
            "operation": pa.repeat("", len(rows)),
        }
        return pa.table(columns).select(SCHEMAS[CROPS].names).cast(SCHEMAS[CROPS])

    def _refuse(self, reasons: dict[int, tuple[str, ...]]) -> None:
        for row, why in reasons.items():
            self._refused[row] = (*self._refused.get(row, ()), *why)

    def _without_refused(self, rows: Any) -> Any:
        return rows[[row not in self._refused for row in rows.tolist()]] if self._refused else rows


def _mapped(labels: Any, found: dict[str, str]) -> Any:
    place = pc.index_in(labels, value_set=pa.array(list(found), pa.string()))
    return pa.array(list(found.values()), pa.string()).take(place)


def _new_id(kind: str, draw: Callable[[], str], taken: set[str]) -> str:
    while (one := f"{kind}-{draw()}") in taken:
        pass
    taken.add(one)
    return one
