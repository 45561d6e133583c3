"""A store of dicts: what a gallery can count on, in the fewest lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.retrieval.stores.rows import (
    check_columns,
    check_has_vectors,
    check_rows,
    check_same,
    check_table,
    check_vectors,
    no_table,
    not_held,
)
from ccreid.retrieval.stores.store import ID, VECTOR, Erasure

Row = dict[str, Any]


class MemoryStore:
    """Follows :class:`ccreid.retrieval.stores.store.Store`; nothing outlives it."""

    def __init__(self, uri: str = "memory") -> None:
        self.uri = uri
        self._tables: dict[str, tuple[pa.Schema, dict[str, Row]]] = {}
        self._writes = 0
        self._held = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        if self._held:
            raise SettingError(f"{self.uri} is being written by another.", "Wait until it ends.")
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def tables(self) -> tuple[str, ...]:
        return tuple(sorted(self._tables))

    def create(self, table: str, schema: pa.Schema) -> None:
        self._write()
        check_table(table, schema)
        if table in self._tables:
            check_same(self.uri, table, self._tables[table][0], schema)
        else:
            self._tables[table] = schema, {}

    def drop(self, table: str) -> None:
        self._write()
        self._tables.pop(table, None)

    def add(self, table: str, rows: pa.Table) -> None:
        self._write()
        schema, kept = self._table(table)
        kept.update({row[ID]: row for row in check_rows(table, schema, rows).to_pylist()})

    def remove(self, table: str, ids: Sequence[str]) -> None:
        self._write()
        for name in ids:
            self._table(table)[1].pop(name, None)

    def get(self, table: str, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        schema, kept = self._table(table)
        wanted = kept.keys() if ids is None else kept.keys() & set(ids)
        rows = pa.Table.from_pylist([kept[name] for name in sorted(wanted)], schema=schema)
        return rows.select(check_columns(table, schema, columns))

    def count(self, table: str) -> int:
        return len(self._table(table)[1])

    def version(self, table: str) -> str:
        self._table(table)
        return str(self._writes)

    def search(
        self, table: str, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        schema, kept = self._table(table)
        check_vectors(table, schema, vectors.shape)
        ids = sorted(kept)
        matrix = np.array([kept[name][VECTOR] for name in ids], np.float32).reshape(len(ids), vectors.shape[1])
        similarities = vectors @ matrix.T
        nearest = np.argsort(-similarities, axis=1, kind="stable")[:, :count]
        return (
            [[ids[row] for row in rows] for rows in nearest],
            list(np.take_along_axis(similarities, nearest, axis=1)),
        )

    def build_index(self, table: str) -> None:
        self._write()
        check_has_vectors(table, self._table(table)[0])

    def drop_index(self, table: str) -> None:
        self._write()
        self._table(table)

    def erase(self, table: str, ids: Sequence[str], vectors: NDArray[np.float32] | None = None) -> Erasure:
        self.remove(table, ids)
        del vectors  # no bytes to search for them
        return Erasure(rows_live=0, rows_old=0, files_searched=0, files_holding=0, physically_gone=True)

    def _write(self) -> None:
        if not self._held:
            raise not_held(self.uri)
        self._writes += 1

    def _table(self, table: str) -> tuple[pa.Schema, dict[str, Row]]:
        if table not in self._tables:
            raise no_table(self.uri, table, self.tables())
        return self._tables[table]
