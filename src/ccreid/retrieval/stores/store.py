"""The narrow seam between a gallery and whatever keeps its rows."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

ID = "id"
"""The column by which every row is known: text, one row each."""

VECTOR = "vector"
"""The column of an embedding, a list of float32 of one length; a table has it or not."""


@dataclass(frozen=True)
class Erasure:
    """What became of rows that had to go for good.

    Attributes
    ----------
    rows_live, rows_old:
        How many of them are still found, in the table as it stands and in its old versions; None where the backend does
        not let that be looked at.
    files_searched, files_holding:
        Files of the store that were read byte by byte, and how many of them still hold one of the vectors; None as
        above.
    physically_gone:
        Whether all of the above was looked at and nothing was found.
    remarks:
        What could not be verified, or by when the backend promises it: a sentence each.
    """

    rows_live: int
    rows_old: int | None
    files_searched: int | None
    files_holding: int | None
    physically_gone: bool
    remarks: tuple[str, ...] = ()


class Store(Protocol):
    """Tables of rows that last, each row known by its `ID`.

    Whoever writes holds :meth:`writing`, through this very store: a change outside of it is a RuntimeError. A table
    that is not there is an ArtefactError; rows and columns that do not fit theirs are a DataError. A call that has
    returned has been kept: it survives the end of the process at any instant. A call that has not returned has kept
    either all of its rows or none that :meth:`get` would show.
    """

    @property
    def uri(self) -> str:
        """Where the store is, as the user names it."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Hold the store against every other writer; readers go on. Raises SettingError where another one holds it."""
        ...

    def tables(self) -> tuple[str, ...]:
        """The names of its tables, sorted."""
        ...

    def create(self, table: str, schema: pa.Schema) -> None:
        """Make an empty table; it may be there already with the same columns, and keeps its metadata then.

        Raises SettingError where no store could keep it, ArtefactError where it is there with other columns.
        """
        ...

    def drop(self, table: str) -> None:
        """Take a table away; none may be there."""
        ...

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows, or put them in the place of those with the same id."""
        ...

    def remove(self, table: str, ids: Sequence[str]) -> None:
        """Take rows out of sight; the backend may keep them in old versions (see :meth:`erase`)."""
        ...

    def get(self, table: str, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows with some ids, or all, sorted by id; ids that are not there are left out, and count once."""
        ...

    def count(self, table: str) -> int:
        """How many rows it has."""
        ...

    def version(self, table: str) -> str:
        """Changes whenever the table does: whoever keeps a copy sees here whether it is still good."""
        ...

    def search(
        self, table: str, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        """The nearest rows by the table's index (exact without one).

        Parameters
        ----------
        table:
            One with vectors.
        vectors:
            (Q, D) of unit length.
        count:
            How many for each, at most.

        Returns
        -------
        ids, similarities:
            For each of the Q the ids, nearest first, and their cosine similarities.
        """
        ...

    def build_index(self, table: str) -> None:
        """Build the approximate index of a table with vectors, or build it anew."""
        ...

    def drop_index(self, table: str) -> None:
        """Take the index away; none may be there."""
        ...

    def erase(self, table: str, ids: Sequence[str], vectors: NDArray[np.float32] | None = None) -> Erasure:
        """Remove rows from old versions, deleted files and the index too, then look whether they are gone.

        `vectors` (N, D) are theirs, whose bytes are searched in every file of the store that can be read.
        """
        ...
