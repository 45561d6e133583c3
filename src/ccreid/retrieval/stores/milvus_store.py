"""A store on a Milvus server, for galleries that many machines share."""

from __future__ import annotations

import base64
import secrets
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ccreid.errors import StorageError
from ccreid.records import Record
from ccreid.retrieval.stores.exact import nearest
from ccreid.retrieval.stores.milvus_collections import APPROXIMATE, EXACT, Collections, Found
from ccreid.retrieval.stores.milvus_lease import LEASE_S, Claims, Held, leased
from ccreid.retrieval.stores.milvus_rows import NO_VECTOR, PARTS, content_of, entity, to_entities, to_name, to_rows
from ccreid.retrieval.stores.rows import (
    check_columns,
    check_has_vectors,
    check_rows,
    check_same,
    check_table,
    check_vectors,
    dimension_of,
    no_table,
    not_held,
)
from ccreid.retrieval.stores.store import ID, VECTOR, Erasure

_STATES, _LEASES, _FIRST = 0, 1, 2
"""Spaces of states and of leases; from the third on, a space is a table's."""
_TRIES = 50
"""A reader under whom the table changes reads anew."""

Answer = TypeVar("Answer")


class State(Record):
    """What is true of a table from one write on.

    A row belongs to the table if its write is not above `last_write`: what is still being written is seen by nobody. Of
    several rows with one id the last is the table's, see `clearing`.

    Attributes
    ----------
    table, space, arrow_schema:
        Its name, the number of its rows' space, its columns.
    number:
        Of the state: the highest of a table is true.
    last_write:
        The last one that is kept.
    clearing:
        Rows are being deleted: those that were removed, or replaced.
    """

    table: str
    space: int
    arrow_schema: str
    number: int = 0
    last_write: int = 0
    clearing: bool = False

    @property
    def schema(self) -> pa.Schema:
        """Its columns, with their metadata."""
        return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(self.arrow_schema)))

    @property
    def rows(self) -> str:
        """The condition of belonging to the table."""
        return f"space == {self.space} and write <= {self.last_write}"

    def then(self, **changes: object) -> State:
        """The state after this one."""
        return self.model_copy(update={**changes, "number": self.number + 1})


class MilvusStore:
    """Follows :class:`ccreid.retrieval.stores.store.Store`.

    All tables of vectors of one length share a collection, and so do those without: collections are costly. What is
    being written carries the number of a write that no state knows yet; one state, kept in one call, makes it true.

    Parameters
    ----------
    host, port, name:
        Of the server, and what the names of the collections begin with.

    Raises
    ------
    SettingError
        pymilvus is not installed.
    """

    def __init__(self, host: str, port: int, name: str) -> None:
        self._uri = f"milvus://{host}:{port}/{name}"
        self._collections = Collections(self._uri, f"http://{host}:{port}", name)
        self._plain = self._collections.of(None)
        self._held: Held | None = None

    @property
    def uri(self) -> str:
        """Server and collection."""
        return self._uri

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store by a lease that is renewed; first, take back what a killed writer left unfinished."""
        self._collections.make(None)
        with leased(self._uri, Claims(self._put_lease, self._end_lease, self._leases)) as held:
            self._held = held
            try:
                self._recover()
                yield
            finally:
                self._held = None

    def tables(self) -> tuple[str, ...]:
        """The names of its tables, sorted."""
        return tuple(sorted(self._states()))

    def create(self, table: str, schema: pa.Schema) -> None:
        """Make an empty table."""
        self._check_held()
        check_table(table, schema)
        there = self._states().get(table)
        if there is not None:
            check_same(self._uri, table, there.schema, schema)
            return
        self._collections.make(dimension_of(schema))
        told = base64.b64encode(schema.serialize().to_pybytes()).decode("ascii")
        self._keep(State(table=table, space=_FIRST + secrets.randbits(60), arrow_schema=told))

    def drop(self, table: str) -> None:
        """Take a table away."""
        self._check_held()
        states = self._collections.find(
            self._plain, f"space == {_STATES}", [], names=[to_name(table)]
        )  # all at once: an older state must not come true
        self._collections.delete(self._plain, [found["key"] for found in states])
        if states:
            self._recover()

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows, or put them in the place of those with the same id."""
        self._check_held()
        state = self._state(table)
        schema = state.schema
        rows = check_rows(table, schema, rows)
        if not rows.num_rows:
            return
        write = state.last_write + 1
        self._collections.put(self._place(state), to_entities(state.space, write, rows))
        old = self._find(state, [], rows[ID].to_pylist())
        state = self._keep(state.then(last_write=write, clearing=bool(old)))
        if old:
            self._clear(state, old)

    def remove(self, table: str, ids: Sequence[str]) -> None:
        """Take rows out of sight."""
        self._check_held()
        state = self._state(table)
        found = self._find(state, [], ids)
        if found:
            self._clear(self._keep(state.then(clearing=True)), found)

    def get(self, table: str, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows with some ids, or all, sorted by id."""

        def read(state: State) -> pa.Table:
            schema = state.schema
            asked = check_columns(table, schema, columns)
            with_vectors = VECTOR in asked
            fields = [*PARTS, "vector"] if with_vectors else PARTS
            rows = to_rows(schema, self._latest(state, fields, ids), vectors=with_vectors)
            return rows.take(pc.sort_indices(rows[ID])).select(asked)

        return self._read(table, read)

    def count(self, table: str) -> int:
        """How many rows it has."""

        def counted(state: State) -> int:
            if state.clearing:
                return len(self._latest(state, []))
            return self._collections.count(self._place(state), state.rows)

        return self._read(table, counted)

    def version(self, table: str) -> str:
        """Changes whenever the table does."""
        state = self._state(table)
        # Nobody knows how far a writer is that clears, or was killed as it did.
        return f"{state.space:x}-{state.number}" + (f"-{uuid.uuid4().hex}" if state.clearing else "")

    def search(
        self, table: str, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        """The nearest rows by the table's index (exact without one)."""
        check_vectors(table, self._state(table).schema, vectors.shape)
        count = min(count, self.count(table))
        if not count or not len(vectors):
            return [[] for _ in vectors], [np.empty(0, np.float32) for _ in vectors]
        return self._read(table, lambda state: self._nearest(state, vectors, count))

    def build_index(self, table: str) -> None:
        """Have the server search by an approximate index: it covers all tables of vectors of that length."""
        self._change_index(table, APPROXIMATE)

    def drop_index(self, table: str) -> None:
        """Have the server search exactly."""
        self._change_index(table, EXACT)

    def erase(self, table: str, ids: Sequence[str], vectors: NDArray[np.float32] | None = None) -> Erasure:
        """Delete rows and have the server write them out of its files, which it does when it pleases."""
        del vectors  # the server's files cannot be read from here
        self.remove(table, ids)
        state = self._state(table)
        compacted = self._collections.compact(self._place(state))
        done = "has joined its files without them" if compacted else "has been asked to join its files without them"
        return Erasure(
            rows_live=len(self._find(state, [], ids)),
            rows_old=None,
            files_searched=None,
            files_holding=None,
            physically_gone=False,
            remarks=(
                "Erased from search now. Physically they go by the server's garbage collection; not verified.",
                f"The server {done}; older files stay until its dataCoord.gc and common.retentionDuration let them go.",
            ),
        )

    def _check_held(self) -> None:
        if self._held is None:
            raise not_held(self._uri)
        if not self._held.good:
            raise StorageError(
                f"The lease on {self._uri} could not be renewed for {LEASE_S:g} seconds.",
                "Another command may be writing by now. Look to the server, then repeat this command.",
            )

    def _states(self, tables: Sequence[str] | None = None) -> dict[str, State]:
        names = None if tables is None else [to_name(table) for table in tables]
        true: dict[str, State] = {}
        for found in self._collections.find(self._plain, f"space == {_STATES}", PARTS, names):
            state = State.model_validate_json(content_of(found))
            if state.table not in true or state.number > true[state.table].number:
                true[state.table] = state
        return true

    def _state(self, table: str) -> State:
        state = self._states([table]).get(table)
        if state is None:
            raise no_table(self._uri, table, self.tables())
        return state

    def _keep(self, state: State) -> State:
        """Make a state true, in one call; then delete those before it."""
        self._check_held()
        content = state.model_dump_json().encode("utf-8")
        kept = {**entity(_STATES, state.number, state.table, content), "vector": NO_VECTOR}
        self._collections.put(self._plain, [kept])
        older = f"space == {_STATES} and write < {state.number}"
        found = self._collections.find(self._plain, older, [], names=[to_name(state.table)])
        self._collections.delete(self._plain, [one["key"] for one in found])
        return state

    def _clear(self, state: State, rows: Sequence[Found]) -> None:
        """Delete rows, all at once, and say that it is done."""
        self._collections.delete(self._place(state), [found["key"] for found in rows])
        self._keep(state.then(clearing=False))

    def _recover(self) -> None:
        """Delete what no table knows: rows of a dropped one, of a write that was not kept, replaced ones."""
        states = self._states()
        spaces = [_STATES, _LEASES, *(state.space for state in states.values())]
        for name in self._collections.there():
            self._collections.finish(name)
            orphans = self._collections.find(name, f"space not in {spaces}", [])
            self._collections.delete(name, [found["key"] for found in orphans])
        for state in states.values():
            unkept = f"space == {state.space} and write > {state.last_write}"
            rows = self._collections.find(self._place(state), unkept, [])
            self._collections.delete(self._place(state), [found["key"] for found in rows])
            if state.clearing:
                latest = {found["key"] for found in self._latest(state, [])}
                every = self._collections.find(self._place(state), state.rows, [])
                self._clear(state, [found for found in every if found["key"] not in latest])

    def _place(self, state: State) -> str:
        return self._collections.of(dimension_of(state.schema))

    def _find(self, state: State, fields: Sequence[str], ids: Sequence[str] | None) -> list[Found]:
        names = None if ids is None else [to_name(row) for row in ids]
        return self._collections.find(self._place(state), state.rows, fields, names)

    def _latest(self, state: State, fields: Sequence[str], ids: Sequence[str] | None = None) -> list[Found]:
        """The rows of a table; of those with one id the last."""
        latest: dict[str, Found] = {}
        for found in sorted(self._find(state, [*fields, "name", "write"], ids), key=lambda found: found["write"]):
            latest[found["name"]] = found
        return list(latest.values())

    def _read(self, table: str, work: Callable[[State], Answer]) -> Answer:
        """What `work` makes of a table as one state has it."""
        before = self._state(table)
        for _ in range(_TRIES):
            answer = work(before)
            after = self._state(table)
            if after == before:
                return answer
            before = after
        raise StorageError(f"The table '{table}' of {self._uri} changes faster than it can be read.", "Try again.")

    def _nearest(
        self, state: State, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        if state.clearing:  # the server does not know which of two rows with one id is meant
            rows = to_rows(state.schema, self._latest(state, [*PARTS, "vector"]), vectors=True)
            dimension = check_has_vectors(state.table, state.schema)
            kept = rows[VECTOR].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, dimension)
            places, similarities = nearest(vectors, kept, count)
            names = rows[ID].to_pylist()
            return [[names[place] for place in found] for found in places], list(similarities)
        hits = self._collections.search(self._place(state), state.rows, vectors, count)
        return (
            [[name for name, _ in found] for found in hits],
            [np.array([near for _, near in found], np.float32) for found in hits],
        )

    def _change_index(self, table: str, kind: str) -> None:
        self._check_held()
        state = self._state(table)
        if kind == APPROXIMATE:
            check_has_vectors(table, state.schema)
        if VECTOR in state.schema.names:
            self._collections.index(self._place(state), kind)

    def _put_lease(self, holder: str, told: str) -> None:
        self._collections.put(self._plain, [{**entity(_LEASES, 0, holder, told.encode("utf-8")), "vector": NO_VECTOR}])

    def _end_lease(self, holder: str) -> None:
        self._collections.delete(self._plain, [entity(_LEASES, 0, holder, b"")["key"]])

    def _leases(self) -> list[str]:
        found = self._collections.find(self._plain, f"space == {_LEASES}", PARTS)
        return [content_of(one).decode("utf-8") for one in found]
