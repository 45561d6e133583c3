"""A copy of a table in memory, as good as the table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.retrieval.stores.rows import check_has_vectors
from ccreid.retrieval.stores.store import VECTOR, Store


@dataclass(frozen=True, eq=False)
class Copied:
    """N rows of a table with vectors.

    Attributes
    ----------
    rows:
        N rows sorted by id, without the vectors.
    vectors:
        (N, D) float32, read only.
    """

    rows: pa.Table
    vectors: NDArray[np.float32]


class TableCopy:
    """Reads a table of a store anew only when it has changed.

    Raises
    ------
    DataError
        The table has no vectors.
    ArtefactError
        It is not there.
    """

    def __init__(self, store: Store, table: str) -> None:
        self._store = store
        self._table = table
        self._version: str | None = None
        self._copied: Copied | None = None

    def current(self) -> Copied:
        """The table as it is now."""
        version = self._store.version(self._table)
        if self._copied is None or version != self._version:
            # A change between the two calls makes the copy newer than its version: it is merely read once more.
            self._copied = _copied(self._table, self._store.get(self._table))
            self._version = version
        return self._copied


def _copied(table: str, rows: pa.Table) -> Copied:
    dimension = check_has_vectors(table, rows.schema)
    numbers = rows[VECTOR].combine_chunks().flatten()
    vectors = numbers.to_numpy(zero_copy_only=False).reshape(rows.num_rows, dimension)
    return Copied(rows.drop_columns([VECTOR]), vectors)
