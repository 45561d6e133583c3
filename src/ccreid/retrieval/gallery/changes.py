"""Changes of a gallery as values, made from what it holds and not yet written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from ccreid.retrieval.gallery.tables import OPERATION, SCHEMAS, UNDOABLE, Tables, among, with_columns
from ccreid.retrieval.stores.store import ID


@dataclass(frozen=True, eq=False)
class Change:
    """What an operation makes of a gallery.

    An operation writes every row that it refers to, be it unchanged: who adds crops to a person writes the person,
    too. So nothing can be taken back that a later operation rests on.

    Attributes
    ----------
    verb, what:
        The operation, and in a sentence what it does, which names people by their ids alone: it is kept for good.
    rows:
        By table (see :data:`ccreid.retrieval.gallery.tables.UNDOABLE`), the rows that are put there, or in the place of
        those with the same id.
    gone:
        By table, the ids of the rows that go.
    beside:
        By table, rows that only crops give a meaning: their embeddings and thumbnails. Those without a crop are none.
    """

    verb: str
    what: str
    rows: Mapping[str, pa.Table] = field(default_factory=dict)
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: Mapping[str, pa.Table] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not any(len(rows) for rows in self.rows.values()) and not any(self.gone.values())

    def before(self, tables: Tables, table: str) -> pa.Table:
        """The rows that it replaces or takes away."""
        touched = [*self.rows[table][ID].to_pylist()] if table in self.rows else []
        return among(tables.of(table), ID, [*touched, *self.gone.get(table, ())])

    def stamped(self, operation: str) -> dict[str, pa.Table]:
        """The rows put there, by table in the order of writing, marked as this operation's."""
        return {
            table: with_columns(self.rows[table].select(SCHEMAS[table].names), **{OPERATION: operation})
            for table in UNDOABLE
            if table in self.rows and len(self.rows[table])
        }


def applied(tables: Tables, change: Change, operation: str = "") -> Tables:
    """What the tables hold after a change."""
    after = {}
    stamped = change.stamped(operation)
    for table in UNDOABLE:
        put = stamped.get(table, SCHEMAS[table].empty_table())
        after[table] = replaced(tables.of(table), put, change.gone.get(table, ()))
    return Tables(**after)


def replaced(rows: pa.Table, put: pa.Table, gone: tuple[str, ...] | list[str] = ()) -> pa.Table:
    """Rows with others in the place of those with the same id, or beside them, and some gone; sorted by id."""
    if not len(put) and not len(gone):
        return rows
    away = pa.concat_arrays([put[ID].combine_chunks(), pa.array(list(gone), pa.string())])
    kept = rows.filter(pa.compute.invert(pa.compute.is_in(rows[ID], value_set=away)))
    return pa.concat_tables([kept, put.cast(rows.schema)]).sort_by(ID)
