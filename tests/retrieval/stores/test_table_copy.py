"""A copy of a table in memory is as good as the table."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.errors import DataError
from ccreid.retrieval.stores.table_copy import TableCopy
from retrieval.memory_store import MemoryStore
from retrieval.rows_of_crops import CROPS, PEOPLE, crop_id, crops, vectors_of


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    with store.writing():
        store.create("crops", CROPS)
        store.create("people", PEOPLE)
    return store


def test_it_holds_the_rows_and_their_vectors(store: MemoryStore) -> None:
    with store.writing():
        store.add("crops", crops([4, 2, 9]))
    copied = TableCopy(store, "crops").current()
    assert copied.rows.equals(crops([2, 4, 9]).drop_columns(["vector"]))
    np.testing.assert_array_equal(copied.vectors, vectors_of([2, 4, 9]))
    assert not copied.vectors.flags.writeable


def test_it_is_read_anew_when_the_table_has_changed_and_only_then(store: MemoryStore) -> None:
    copy = TableCopy(store, "crops")
    empty = copy.current()
    assert empty.vectors.shape == (0, 16)
    assert copy.current() is empty
    with store.writing():
        store.add("crops", crops(range(5)))
    full = copy.current()
    assert len(full.vectors) == 5
    assert copy.current() is full
    with store.writing():
        store.erase("crops", [crop_id(1)])
    assert copy.current().rows["id"].to_pylist() == [crop_id(number) for number in (0, 2, 3, 4)]


def test_a_table_without_vectors_has_none(store: MemoryStore) -> None:
    with pytest.raises(DataError, match="no vectors"):
        TableCopy(store, "people").current()
