"""The journal of a gallery: every operation is whole or undone, and can be taken back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.gallery.changes import Change, replaced
from ccreid.retrieval.gallery.tables import (
    BEFORE,
    CROPS,
    JOURNAL,
    OPERATION,
    SCHEMAS,
    THUMBNAILS,
    UNDOABLE,
    VECTORS,
    Tables,
    having,
)
from ccreid.retrieval.stores.store import ID, Store

BEGUN, DONE = "begun", "done"

UNDO = "undo"

FORGET, EXPIRE, MOVE = "forget", "expire", "re-embed"

NOT_UNDONE = (UNDO, FORGET, EXPIRE, MOVE)
"""Verbs of entries that cannot be taken back."""


@dataclass(frozen=True)
class Entry:
    """An operation in the journal.

    Attributes
    ----------
    id:
        In the order of the operations.
    at, who, verb, what:
        When (ISO 8601, UTC), by whom, which operation, and in a sentence what it did.
    written:
        How many rows it put into each table.
    about:
        The ids of the people who go for good.
    state:
        `begun` while it is being written; what stays so was killed.
    undoes, undone_by:
        The operation that it takes back, and the one that took it back.
    """

    id: str
    at: str
    verb: str
    who: str
    what: str
    written: Mapping[str, int] = field(default_factory=dict)
    about: tuple[str, ...] = ()
    state: str = BEGUN
    undoes: str | None = None
    undone_by: str | None = None

    @property
    def number(self) -> int:
        """As users name it."""
        return int(self.id)

    @classmethod
    def of(cls, row: dict[str, Any]) -> Entry:
        """From its row."""
        return cls(**(row | {"written": json.loads(row["written"]), "about": tuple(json.loads(row["about"]))}))

    def row(self) -> pa.Table:
        """As its row."""
        values = {name: getattr(self, name) for name in SCHEMAS[JOURNAL].names}
        told = {"written": json.dumps(dict(self.written)), "about": json.dumps(self.about)}
        return pa.Table.from_pylist([values | told], schema=SCHEMAS[JOURNAL])


class Journal:
    """Writes changes so that a process killed at any instant leaves no half one.

    What an operation replaces is kept first, then that it has begun, then its rows are written, then that it is done.
    One that has begun and is not done is taken back by the next writer, and left out by every reader until then.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self) -> list[Entry]:
        """All, in their order."""
        return [Entry.of(row) for row in self._store.get(JOURNAL).to_pylist()]

    def apply(self, change: Change, tables: Tables, *, who: str, at: str) -> Entry:
        """Write a change that was made from `tables`."""
        number = self.next_id()
        stamped = change.stamped(number)
        written = {table: len(rows) for table, rows in stamped.items()}
        entry = Entry(number, at, change.verb, who, change.what, written)
        self._keep_before(number, {table: change.before(tables, table) for table in (*change.rows, *change.gone)})
        self._store.add(JOURNAL, entry.row())
        for table, rows in (*change.beside.items(), *stamped.items()):
            self._store.add(table, rows)
        for table, ids in change.gone.items():
            if ids:
                self._store.remove(table, ids)
        return self.end(entry)

    def begin(self, verb: str, what: str, *, who: str, at: str, about: tuple[str, ...] = ()) -> Entry:
        """Note that something has begun which cannot be taken back: whoever opens the gallery next ends it."""
        entry = Entry(self.next_id(), at, verb, who, what, about=about)
        self._store.add(JOURNAL, entry.row())
        return entry

    def record(self, verb: str, what: str, *, who: str, at: str) -> Entry:
        """Note what was done already and cannot be taken back."""
        return self.end(Entry(self.next_id(), at, verb, who, what))

    def end(self, entry: Entry) -> Entry:
        """Note that it is done."""
        done = replace(entry, state=DONE)
        self._store.add(JOURNAL, done.row())
        return done

    def next_id(self) -> str:
        """What the next operation will be known by."""
        ids = self._store.get(JOURNAL, columns=[ID])[ID]
        return f"{int(pc.max(ids).as_py() or 0) + 1:010d}"

    def undo(self, taken: Entry, *, who: str, at: str) -> Entry:
        """Take an operation back, see :meth:`to_undo`.

        Raises
        ------
        DataError
            What it wrote has been changed since.
        """
        self._check_unchanged(taken)
        what = f"Operation {taken.number} was taken back: {taken.what}"
        entry = Entry(self.next_id(), at, UNDO, who, what, undoes=taken.id)
        self._store.add(JOURNAL, entry.row())
        return self._finish_undo(entry, taken)

    def recover(self) -> list[Entry]:
        """Bring what was killed half-way to an end: an undo goes on, what can be taken back is.

        Returns what can be neither: the caller has to go on with it.
        """
        entries = {entry.id: entry for entry in self.entries()}
        begun = [entry for entry in entries.values() if entry.state == BEGUN]
        final = [entry for entry in begun if entry.verb in (FORGET, EXPIRE)]
        for entry in begun:
            if entry.undoes is not None:
                self._finish_undo(entry, entries[entry.undoes])
            elif entry not in final:
                self._take_back(entry)
                self._store.remove(JOURNAL, [entry.id])
        self._drop_before({*entries} - {entry.id for entry in begun})
        return final

    def settled(self, tables: Tables) -> Tables:
        """What the tables held before the operation that is being written just now, if one is."""
        states = self._store.get(JOURNAL, columns=[ID, "state"])
        for operation in having(states, "state", BEGUN)[ID].to_pylist():
            found = [Entry.of(row) for row in self._store.get(JOURNAL, [operation]).to_pylist()]
            if not found:  # it is done by now
                continue
            target = found[0].undoes or operation
            before = self._before(target)
            tables = Tables(
                **{
                    table: replaced(
                        tables.of(table),
                        before.get(table, SCHEMAS[table].empty_table()),
                        having(tables.of(table), OPERATION, target)[ID].to_pylist(),
                    )
                    for table in UNDOABLE
                }
            )
        return tables

    def to_undo(self, number: int | None) -> Entry:
        """The operation that a number names; if none is named, the last one that was not taken back.

        Raises DataError where there is none, or it cannot be taken back.
        """
        entries = self.entries()
        open_ones = [entry for entry in entries if entry.verb not in NOT_UNDONE and entry.undone_by is None]
        if number is None:
            if not open_ones:
                raise DataError("There is nothing to take back.", "See `ccreid gallery journal`.")
            return open_ones[-1]
        taken = next((entry for entry in entries if entry.number == number), None)
        if taken is None:
            raise DataError(f"There is no operation {number}.", "See `ccreid gallery journal`.")
        if taken.undone_by is not None:
            raise DataError(f"Operation {number} was taken back already, by {int(taken.undone_by)}.", "")
        if taken.verb in NOT_UNDONE:
            mend = "Do the operation once more." if taken.verb == UNDO else ""
            raise DataError(f"Operation {number} ({taken.verb}) cannot be taken back.", mend)
        return taken

    def _check_unchanged(self, taken: Entry) -> None:
        before = self._before(taken.id)
        for table in UNDOABLE:
            now = self._store.get(table, columns=[ID, OPERATION])
            still = having(now, OPERATION, taken.id)
            went = set(before.get(table, SCHEMAS[table].empty_table())[ID].to_pylist()) - set(still[ID].to_pylist())
            back = went & set(now[ID].to_pylist()) if went else set()
            if len(still) != taken.written.get(table, 0) or back:
                since = self._changed_by(taken.id)
                by = f"operation {', '.join(map(str, since))}" if since else "something that cannot be taken back"
                raise DataError(
                    f"Operation {taken.number} cannot be taken back: {by} has changed its {table} since.",
                    f"Take that back first: ccreid gallery undo {since[-1]}" if since else "",
                )

    def _changed_by(self, operation: str) -> list[int]:
        """The later operations that replaced rows of this one."""
        kept = self._store.get(BEFORE, columns=[OPERATION, "content"]).to_pylist()
        found = {int(row[OPERATION]) for row in kept if json.loads(row["content"])[OPERATION] == operation}
        return sorted(found)

    def _finish_undo(self, entry: Entry, taken: Entry) -> Entry:
        self._take_back(taken)
        done = replace(entry, state=DONE)
        self._store.add(JOURNAL, pa.concat_tables([replace(taken, undone_by=entry.id).row(), done.row()]))
        self._drop_before({one.id for one in self.entries() if one.undone_by is None})
        return done

    def _take_back(self, entry: Entry) -> None:
        """Put what an operation replaced in its place, and take away what it added. Doing it twice is doing it once."""
        before = self._before(entry.id)
        for table in reversed(UNDOABLE):  # crops first: while they are there, so are their people
            added = set(having(self._store.get(table, columns=[ID, OPERATION]), OPERATION, entry.id)[ID].to_pylist())
            old = before.get(table, SCHEMAS[table].empty_table())
            new = sorted(added - set(old[ID].to_pylist()))
            if new:
                self._store.remove(table, new)
        for table in UNDOABLE:
            if table in before:
                self._store.add(table, before[table])
        if CROPS in entry.written:
            self._drop_orphans()

    def _drop_orphans(self) -> None:
        """Embeddings and thumbnails of crops that are not there."""
        crops = self._store.get(CROPS, columns=[ID])[ID].combine_chunks()
        for table in self._store.tables():
            if table != THUMBNAILS and not table.startswith(VECTORS):
                continue
            ids = self._store.get(table, columns=[ID])[ID]
            orphans = ids.filter(pc.invert(pc.is_in(ids, value_set=crops))).to_pylist()
            if orphans:
                self._store.remove(table, orphans)

    def _keep_before(self, operation: str, before: Mapping[str, pa.Table]) -> None:
        rows = [
            {
                ID: f"{operation}/{table}/{row[ID]}",
                OPERATION: operation,
                "table": table,
                "row": row[ID],
                "content": json.dumps(row),
            }
            for table, kept in before.items()
            for row in kept.to_pylist()
        ]
        if rows:
            self._store.add(BEFORE, pa.Table.from_pylist(rows, schema=SCHEMAS[BEFORE]))

    def _before(self, operation: str) -> dict[str, pa.Table]:
        """What an operation replaced or took away, by table."""
        kept = having(self._store.get(BEFORE), OPERATION, operation).to_pylist()
        return {
            table: pa.Table.from_pylist(
                [json.loads(row["content"]) for row in kept if row["table"] == table], schema=SCHEMAS[table]
            )
            for table in Counter(row["table"] for row in kept)
        }

    def _drop_before(self, operations: Iterable[str]) -> None:
        """Keep what some operations replaced, and nothing else of the kind."""
        kept = self._store.get(BEFORE, columns=[ID, OPERATION])
        away = kept.filter(pc.invert(pc.is_in(kept[OPERATION], value_set=pa.array(sorted(operations), pa.string()))))
        if len(away):
            self._store.remove(BEFORE, away[ID].to_pylist())
