"""A gallery in a folder: exact search over the bare product, adding, opening, memory as it grows."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ccreid.bench.measure import Measured, peak_bytes, rounds
from ccreid.bench.people import CAMERAS, drawn_people
from ccreid.retrieval.stores.exact import nearest
from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.recall import index_recall
from ccreid.retrieval.stores.store import ID, VECTOR
from ccreid.retrieval.stores.table_copy import TableCopy

DIMENSION = 512
QUERIES = 64
COUNT = 10
"""Crops asked for by each query."""
ROWS = 100_000
SIZES = (10_000, 100_000, 1_000_000)
CROPS_A_PERSON = 20
ROWS_A_CALL = 20_000
QUICK = 20
"""A quick run has so many times fewer rows, and leaves out the largest gallery."""

BOUND = 2
BOUND_ONE_MS = 100
BOUND_ROWS_A_SECOND = 20_000

BYTES_A_ROW = 5 * 4 * DIMENSION
"""Memory and disk that the largest gallery may need while it is made and read."""

SCHEMA = pa.schema(
    [
        pa.field(ID, pa.string()),
        pa.field(VECTOR, pa.list_(pa.float32(), DIMENSION)),
        pa.field("camera", pa.int64()),
        pa.field("path", pa.string()),
    ]
)
TABLE = "crops"

Matrix = NDArray[np.float32]


def measure(*, quick: bool) -> Iterator[Measured]:
    """Searching one gallery in every way, then what galleries of other sizes take."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _searching(str(Path(folder) / "gallery"), ROWS // QUICK if quick else ROWS, quick)
    for size in SIZES[:-1] if quick else SIZES:
        rows = size // QUICK if quick else size
        with tempfile.TemporaryDirectory() as folder:
            if _room(folder) > rows * BYTES_A_ROW:
                yield from _growth(str(Path(folder) / "gallery"), rows, quick)


def _searching(uri: str, rows: int, quick: bool) -> Iterator[Measured]:
    size = f"{rows:,} rows, D {DIMENSION}"
    seconds = filled(uri, rows)
    yield Measured(
        f"rows/s of adding embeddings, {ROWS_A_CALL:,} a call, {size}",
        median(count / taken for count, taken in seconds),
        "rows/s",
        None if quick else BOUND_ROWS_A_SECOND,
        "at least",
        note="median over the calls; every call keeps its rows before it returns",
    )
    copy = TableCopy(open_store(uri), TABLE)
    queries = _queries()
    for asked, one in ((queries, False), (queries[:1], True)):
        timings = rounds(
            {
                "bare": partial(_bare, asked, copy.current().vectors),
                "search": partial(_search, copy, asked, filtered=False),
                "filtered": partial(_search, copy, asked, filtered=True),
            },
            quick=quick,
        )
        for variant, what in (("search", "exact search"), ("filtered", "exact search where camera != 3")):
            if one:
                value, unit, bound = timings.medians[variant] * 1000, "ms", BOUND_ONE_MS
            else:
                value, unit, bound = timings.ratio(variant, over="bare"), "x", BOUND
            yield Measured(
                f"{what}, {'one query' if one else f'{QUERIES} queries over bare product and top-{COUNT}'}, {size}",
                value,
                unit,
                None if quick else bound,
                seconds=timings.medians,
                note="the table's version is looked up in LanceDB, the filter applied and the ids fetched, too",
            )

    yield from _indexed(uri, queries, size, quick)


def _indexed(uri: str, queries: Matrix, size: str, quick: bool) -> Iterator[Measured]:
    """What an approximate index costs, finds and saves."""
    store = open_store(uri)
    with store.writing():
        started = time.perf_counter()
        store.build_index(TABLE)
        yield Measured(f"building the approximate index, {size}", time.perf_counter() - started, "s")
    found = index_recall(store, TABLE, np.random.default_rng(0), count=COUNT)
    yield Measured(f"recall@{COUNT} of the index, {size}", found.share, "", note=f"{found.queries} crops asked")
    timings = rounds({"index": partial(store.search, TABLE, queries[:1], COUNT)}, quick=quick)
    yield Measured(f"one query by the index, {size}", timings.medians["index"] * 1000, "ms", seconds=timings.medians)


def _growth(uri: str, rows: int, quick: bool) -> Iterator[Measured]:
    size = f"{rows:,} rows, D {DIMENSION}"
    filled(uri, rows)
    started = time.perf_counter()
    copy = TableCopy(open_store(uri), TABLE)
    _search(copy, _queries()[:1], filtered=False)
    yield Measured(f"opening and first search, {size}", time.perf_counter() - started, "s", note="files in memory")
    timings = rounds({"search": partial(_search, copy, _queries()[:1], filtered=False)}, quick=quick)
    yield Measured(f"one query, {size}", timings.medians["search"] * 1000, "ms", seconds=timings.medians)
    del copy
    yield Measured(f"memory of the process, {size}", peak_bytes(_open_and_search, uri) / 1e9, "GB")


def filled(uri: str, rows: int) -> Sequence[tuple[int, float]]:
    """Make a gallery of so many rows; how many each call added, in how many seconds."""
    store = open_store(uri)
    taken = []
    with store.writing():
        store.create(TABLE, SCHEMA)
        for start in range(0, rows, ROWS_A_CALL):
            some = _crops(start, min(rows, start + ROWS_A_CALL))
            started = time.perf_counter()
            store.add(TABLE, some)
            taken.append((some.num_rows, time.perf_counter() - started))
    return taken


def _crops(start: int, end: int) -> pa.Table:
    vectors, columns = drawn_people(end - start, 1 + (end - start) // CROPS_A_PERSON, DIMENSION, seed=start)
    numbers = range(start, end)
    scattered = np.random.default_rng(start).integers(2**62, size=len(numbers)).tolist()  # as hashes are
    return pa.table(
        {
            ID: [f"{place:016x}{number:016x}" for place, number in zip(scattered, numbers, strict=True)],
            VECTOR: pa.FixedSizeListArray.from_arrays(pa.array(vectors.numpy().ravel()), DIMENSION),
            "camera": columns.camera,
            "path": [f"camera/{number:08}.jpg" for number in numbers],
        },
        schema=SCHEMA,
    )


def _queries() -> Matrix:
    vectors: Matrix = drawn_people(QUERIES, QUERIES, DIMENSION, seed=QUERIES)[0].numpy()
    return vectors


def _bare(queries: Matrix, vectors: Matrix) -> None:
    np.argpartition(queries @ vectors.T, -COUNT, axis=1)


def _search(copy: TableCopy, queries: Matrix, *, filtered: bool) -> list[list[str]]:
    now = copy.current()
    allowed = pc.not_equal(now.rows["camera"], CAMERAS // 2).to_numpy() if filtered else None
    rows, _ = nearest(queries, now.vectors, COUNT, allowed)
    names: list[str] = now.rows[ID].take(pa.array(rows.ravel())).to_pylist()
    return [names[first : first + rows.shape[1]] for first in range(0, len(names), rows.shape[1])]


def _open_and_search(uri: str) -> None:
    _search(TableCopy(open_store(uri), TABLE), _queries()[:1], filtered=False)


def _room(folder: str) -> int:
    """Bytes that are free both in memory and on the disk."""
    disk = os.statvfs(folder)
    return min(disk.f_bavail * disk.f_frsize, _free_memory_bytes())


def _free_memory_bytes() -> int:
    told = Path("/proc/meminfo")
    if told.exists():
        line = next(line for line in told.read_text(encoding="utf-8").splitlines() if line.startswith("MemAvailable"))
        return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
