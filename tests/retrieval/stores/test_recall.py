"""What an index finds of what an exact search finds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.recall import index_recall
from retrieval.memory_store import MemoryStore
from retrieval.rows_of_crops import CROPS, crops

ROWS = 120


class Forgetful(MemoryStore):
    """Finds every second neighbour alone."""

    def search(
        self, table: str, vectors: NDArray[np.float32], count: int
    ) -> tuple[list[list[str]], list[NDArray[np.float32]]]:
        ids, similarities = super().search(table, vectors, 2 * count)
        return [found[::2] for found in ids], [near[::2] for near in similarities]


def kept_in(store: MemoryStore, rows: pa.Table) -> MemoryStore:
    with store.writing():
        store.create("crops", CROPS)
        store.add("crops", rows)
    return store


def test_an_exact_search_finds_all() -> None:
    recall = index_recall(kept_in(MemoryStore(), crops(range(ROWS))), "crops", np.random.default_rng(0), queries=30)
    assert (recall.share, recall.count, recall.queries) == (1, 10, 30)


def test_what_is_not_found_lowers_it() -> None:
    store = kept_in(Forgetful(), crops(range(ROWS)))
    recall = index_recall(store, "crops", np.random.default_rng(0), count=8)
    assert recall.queries == ROWS
    assert recall.share == pytest.approx(0.5)  # of the neighbours 1 to 8: the 2nd, 4th, 6th and 8th


def test_equally_near_rows_are_as_good_as_each_other() -> None:
    rows = crops(range(ROWS))
    vectors = rows["vector"].take(pa.array([number % 4 for number in range(ROWS)]))
    store = kept_in(Forgetful(), rows.set_column(1, "vector", vectors))
    assert index_recall(store, "crops", np.random.default_rng(0), count=5).share == 1


@pytest.mark.parametrize("rows", [0, 1])
def test_where_there_is_nothing_to_find_all_of_it_is_found(rows: int) -> None:
    assert index_recall(kept_in(MemoryStore(), crops(range(rows))), "crops", np.random.default_rng(0)).share == 1


def test_an_index_of_lancedb_finds_nearly_all(tmp_path: Path) -> None:
    store = open_store(tmp_path / "gallery")
    with store.writing():
        store.create("crops", CROPS)
        store.add("crops", crops(range(1500)))
        store.build_index("crops")
    assert index_recall(store, "crops", np.random.default_rng(0)).share > 0.9
