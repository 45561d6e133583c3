"""A store in a folder: LanceDB in this process, with nothing to install or to start."""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, StorageError
from ccreid.machine.extras import need
from ccreid.machine.writing import sole_writer
from ccreid.retrieval.stores.lancedb_erasure import Search
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
from ccreid.retrieval.stores.store_folder import check_folder, mark_folder, set_aside, sweep

_BORN = b"ccreid.table"
"""In the metadata of a table: which of several that had its name, one after the other, it is."""
_FRAGMENTS = 32
"""So many pieces of a table are joined into one."""
_OLD_VERSIONS = timedelta(hours=1)
"""So long a reader may take for one answer; what a version holds is deleted then."""
_TRIES = 3
"""A reader whose version is deleted under it reads anew."""
_CELLS = 50
"""So many of an index's cells, of about 4,000 rows each, are searched."""
_SUFFIX = ".lance"
_FAILURES = (OSError, RuntimeError, ValueError)
"""What LanceDB raises, whatever went wrong."""

Answer = TypeVar("Answer")

# Processes that read pictures are forked; they are given no store, and LanceDB need not warn the user in each.
warnings.filterwarnings("ignore", "lancedb fork support", RuntimeWarning)


class LanceDBStore:
    """Follows :class:`ccreid.retrieval.stores.store.Store`.

    Raises
    ------
    SettingError
        LanceDB is not installed.
    ArtefactError
        The folder holds something else, or what another version wrote.
    """

    def __init__(self, folder: Path) -> None:
        _library("lancedb")
        self._folder = folder
        self._held = False
        self._changed: set[str] = set()
        check_folder(self._folder)
        self._connected: Any = None

    @property
    def uri(self) -> str:
        """The folder."""
        return str(self._folder)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the folder against every other writer; readers go on."""
        check_folder(self._folder)
        with sole_writer(self._folder):
            self._held = True
            sweep(self._folder)
            try:
                yield
                for table in sorted(self._changed & set(self.tables())):
                    self._keep_house(table)
            finally:
                self._held = False
                self._changed.clear()

    def tables(self) -> tuple[str, ...]:
        """The names of its tables, sorted."""
        folders = self._folder.glob(f"[!.]*{_SUFFIX}")
        return tuple(sorted(folder.name.removesuffix(_SUFFIX) for folder in folders if _is_whole(folder)))

    def create(self, table: str, schema: pa.Schema) -> None:
        """Make an empty table."""
        self._check_held()
        check_table(table, schema)
        if table in self.tables():
            check_same(self.uri, table, self._schema(table), schema)
            return
        born = schema.with_metadata({**(schema.metadata or {}), _BORN: uuid.uuid4().hex})
        with self._changing(table):
            mark_folder(self._folder)
            self._database.create_table(table, schema=born)

    def drop(self, table: str) -> None:
        """Take a table away."""
        self._check_held()
        if table in self.tables():
            # One step for whoever reads or is killed; deleting its files one by one would leave half a table.
            with self._changing(table):
                set_aside(self._folder / f"{table}{_SUFFIX}")
            sweep(self._folder)

    def add(self, table: str, rows: pa.Table) -> None:
        """Add rows, or put them in the place of those with the same id."""
        self._check_held()
        opened = self._opened(table)
        rows = check_rows(table, opened.schema, rows)
        if not rows.num_rows:
            return
        with self._changing(table):
            # To append is six times as fast as to merge.
            if not _ids_among(opened, rows[ID]):
                opened.add(rows)
            else:
                opened.merge_insert(ID).when_matched_update_all().when_not_matched_insert_all().execute(rows)

    def remove(self, table: str, ids: Sequence[str]) -> None:
        """Take rows out of sight."""
        self._check_held()
        opened = self._opened(table)
        if len(ids):
            with self._changing(table):
                opened.delete(_among(ids))

    def get(self, table: str, ids: Sequence[str] | None = None, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows with some ids, or all, sorted by id."""

        def read(opened: Any) -> pa.Table:
            asked = check_columns(table, opened.schema, columns)
            query = opened.search().select(list(dict.fromkeys([*asked, ID])))
            rows = (query if ids is None else query.where(_among(ids))).to_arrow()
            rows = rows.take(pa.compute.sort_indices(rows[ID]))
            return rows.select(asked).replace_schema_metadata(_own_metadata(opened.schema))

        return self._read(table, read)

    def count(self, table: str) -> int:
        """How many rows it has."""
        return self._read(table, lambda opened: int(opened.count_rows()))

    def version(self, table: str) -> str:
        """Changes whenever the table does."""
        return self._read(table, lambda opened: f"{opened.schema.metadata[_BORN].decode()}-{opened.version}")

    def search(
        self, table: str, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        """The nearest rows by the table's index (exact without one)."""

        def find(opened: Any) -> pa.Table:
            check_vectors(table, opened.schema, vectors.shape)
            query = opened.search(list(vectors), vector_column_name=VECTOR).distance_type("cosine").nprobes(_CELLS)
            return query.select([ID, "_distance"]).limit(count).to_arrow()

        ids: list[list[str]] = [[] for _ in vectors]
        similarities: list[list[float]] = [[] for _ in vectors]
        found = self._read(table, find) if len(vectors) else pa.table({ID: [], "_distance": []})
        queries = found["query_index"].to_pylist() if "query_index" in found.schema.names else [0] * found.num_rows
        for query, name, distance in zip(queries, found[ID].to_pylist(), found["_distance"].to_pylist(), strict=True):
            ids[query].append(name)
            similarities[query].append(1 - distance)
        return ids, [np.array(values, np.float32) for values in similarities]

    def build_index(self, table: str) -> None:
        """Build the approximate index of a table with vectors, or build it anew."""
        self._check_held()
        opened = self._opened(table)
        check_has_vectors(table, opened.schema)
        with self._changing(table):
            # Cells of whole vectors are built in seconds, which counts since erasing builds them anew, and search well;
            # shortened vectors (PQ) or a graph of neighbours (HNSW) take minutes for 100,000 rows.
            opened.create_index(VECTOR, config=_library("lancedb.index").IvfFlat(distance_type="cosine"))

    def drop_index(self, table: str) -> None:
        """Take the index away."""
        self._check_held()
        opened = self._opened(table)
        with self._changing(table):
            for index in opened.list_indices():
                opened.drop_index(index.name)

    def erase(self, table: str, ids: Sequence[str], vectors: NDArray[np.float32] | None = None) -> Erasure:
        """Write the table anew without some rows, delete all that it was, and look for them in every file."""
        self._check_held()
        opened = self._opened(table)
        condition = _among(ids)
        search = Search(self._folder, opened, condition, vectors)
        with self._changing(table):
            indexed = bool(opened.list_indices())
            rest = opened.search().where(f"NOT {condition}").to_batches()
            opened = self._database.create_table(table, rest, schema=opened.schema, mode="overwrite")
            if indexed:
                self.build_index(table)
            unfinished = _cleared(opened)
        return search.answer(lambda version: self._opened(table, version), unfinished)

    @property
    def _database(self) -> Any:
        if self._connected is None:  # to connect makes the folder, so whoever only reads does it where there is one
            self._connected = _library("lancedb").connect(str(self._folder), read_consistency_interval=timedelta(0))
        return self._connected

    def _check_held(self) -> None:
        if not self._held:
            raise not_held(self.uri)

    def _opened(self, table: str, version: int | None = None) -> Any:
        if table not in self.tables():
            raise no_table(self.uri, table, self.tables())
        opened = self._database.open_table(table)
        if version is not None:
            opened.checkout(version)
        return opened

    def _schema(self, table: str) -> pa.Schema:
        schema = self._read(table, lambda opened: opened.schema)
        return schema.with_metadata(_own_metadata(schema))

    def _read(self, table: str, work: Callable[[Any], Answer]) -> Answer:
        """What `work` makes of a table; anew where another process has deleted the version that it read."""
        failure: Exception | None = None
        for _ in range(_TRIES):
            try:
                return work(self._opened(table))
            except _FAILURES as error:
                failure = error
        raise ArtefactError(
            f"The table '{table}' of {self.uri} cannot be read: {_first_line(failure)}.", "Restore it from a backup."
        ) from failure

    @contextmanager
    def _changing(self, table: str) -> Iterator[None]:
        """Turn a failure to write into a StorageError; what LanceDB has not finished is never seen."""
        self._changed.add(table)
        try:
            yield
        except _FAILURES as error:
            raise StorageError(
                f"The table '{table}' of {self.uri} could not be written: {_first_line(error)}.",
                "What it held before is intact, and nothing was added. Free some space, then repeat this.",
            ) from error

    def _keep_house(self, table: str) -> None:
        """Join the pieces that many small changes leave, and delete versions that nobody can still be reading."""
        opened = self._opened(table)
        if opened.stats()["fragment_stats"]["num_fragments"] >= _FRAGMENTS:
            with self._changing(table):
                opened.optimize(cleanup_older_than=_OLD_VERSIONS, delete_unverified=True)


def _library(module: str) -> Any:
    return need(module, extra="gallery", to="keep a gallery in a folder")


def _is_whole(table: Path) -> bool:
    """Whether the first version of a table was finished."""
    return any((table / "_versions").glob("*.manifest"))


def _among(ids: Sequence[str]) -> str:
    """The condition of having one of some ids. Inside quotes nothing but the quote means anything."""
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in ids)
    return f"({ID} IN ({quoted}))" if len(ids) else "(false)"


def _ids_among(opened: Any, ids: pa.ChunkedArray) -> bool:
    """Whether a table has one of the ids already."""
    there = opened.search().select([ID]).to_arrow()[ID]
    return bool(pa.compute.any(pa.compute.is_in(ids, there)).as_py())


def _own_metadata(schema: pa.Schema) -> dict[bytes, bytes] | None:
    """A schema's metadata without what this store put there."""
    return {key: value for key, value in (schema.metadata or {}).items() if key != _BORN} or None


def _cleared(opened: Any) -> list[str]:
    """Delete every version but the last, with what is in none; what kept one from being deleted, a sentence each."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "optimize", UserWarning)  # that readers of old versions fail: they read anew
        try:
            opened.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
        except _FAILURES as error:
            return [f"Old versions could not be deleted: {_first_line(error)}."]
    return []


def _first_line(error: Exception | None) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
