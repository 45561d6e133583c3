"""Operations are whole or not there, and can be taken back while nothing rests on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from ccreid.errors import DataError, SettingError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.gallery.tables import UNDOABLE, Tables
from crop_files import crop_file
from retrieval.memory_store import MemoryStore


class Killed(BaseException):
    """In the place of kill -9: nobody catches it."""


class DyingStore(MemoryStore):
    """Ends its process instead of a write, once so many were done."""

    left = 10**9

    def _write(self) -> None:
        super()._write()
        self.left -= 1
        if self.left < 0:
            raise Killed


def filled() -> Gallery:
    gallery = Gallery.create(DyingStore(), Settings(keep="vectors-only"))
    gallery.add(crop_file(["Ada", "Ada", "Bo", None], outfit=["red", "blue", "red", None]))
    return gallery


def held(tables: Tables) -> dict[str, list[dict[str, Any]]]:
    return {table: tables.of(table).to_pylist() for table in UNDOABLE}


OPERATIONS: dict[str, Callable[[Gallery], object]] = {
    "add": lambda gallery: gallery.add(crop_file(["Ada", "Cy"], first=3, outfit=["red", "green"])),
    "undo": lambda gallery: gallery.undo(),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_at_any_write_it_has_happened_or_not(name: str) -> None:
    operation = OPERATIONS[name]
    done = filled()
    before = held(done.tables())
    operation(done)
    after = held(done.tables())
    steps = 0
    while True:
        gallery = filled()
        store = gallery.store
        assert isinstance(store, DyingStore)
        store.left = steps
        try:
            operation(gallery)
            break
        except Killed:
            store.left = 10**9
        reader = Gallery.open(store)
        shown = plain(held(reader.tables()))
        assert shown in (plain(before), plain(after)), f"a half one is seen after {steps} writes"
        with reader.writing():
            pass
        assert plain(held(reader.tables())) == shown, f"what was seen after {steps} writes is something else now"
        assert all(entry.state == "done" for entry in reader.journal.entries())
        crops = set(reader.tables().crops["id"].to_pylist())
        embedded = {
            one
            for table in store.tables()
            if table.startswith("vectors_")
            for one in store.get(table)["id"].to_pylist()
        }
        assert embedded == crops
        assert reader.add(crop_file(["Eve"], first=50)).added == 1
        steps += 1
    assert steps > 4


def plain(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Without what is drawn or told by the clock: people and outfits by name."""
    names = {row["id"]: row["name"] for table in ("people", "outfits") for row in tables[table]}
    left = ("created_at", "enrolled_at", "operation")
    return {
        table: sorted(
            ({key: names.get(value, value) for key, value in row.items() if key not in left} for row in rows), key=str
        )
        for table, rows in ((name, [{**row, "box": None} for row in rows]) for name, rows in tables.items())
    }


def test_undo_takes_back_the_last_that_was_not() -> None:
    gallery = Gallery.create(MemoryStore(), who="Ada")
    states = [held(gallery.tables())]
    for first in (0, 3, 6):
        gallery.add(crop_file(["Ada", "Bo", None], first=first, outfit=["red", "red", None]))
        states.append(held(gallery.tables()))
    for number in (3, 2, 1):
        assert held(gallery.tables()) == states.pop()
        assert f"Operation {number} was taken back" in gallery.undo().what
        assert held(gallery.tables()) == states[-1]
    with pytest.raises(DataError, match="nothing to take back"):
        gallery.undo()
    assert [(entry.verb, entry.who) for entry in gallery.journal.entries()] == [("add", "Ada")] * 3 + [
        ("undo", "Ada")
    ] * 3
    assert gallery.store.count("before") == 0


def test_what_a_later_operation_rests_on_stays() -> None:
    gallery = filled()
    gallery.add(crop_file(["Ada"], first=10))
    before = held(gallery.tables())
    with pytest.raises(DataError, match="operation 2 has changed its people since") as caught:
        gallery.undo(1)
    assert "ccreid gallery undo 2" in caught.value.mend
    assert held(gallery.tables()) == before
    gallery.undo(2)
    gallery.undo(1)
    assert gallery.tables().crops.num_rows == 0


@pytest.mark.parametrize(("number", "told"), [(7, "no operation 7"), (1, "taken back already, by 2"), (2, "cannot be")])
def test_what_cannot_be_taken_back_is_told(number: int, told: str) -> None:
    gallery = filled()
    gallery.undo()
    with pytest.raises(DataError, match=told):
        gallery.undo(number)


def test_a_reader_sees_no_half_operation_of_a_writer_who_is_at_it() -> None:
    gallery = filled()
    before = held(gallery.tables())
    reader = Gallery.open(gallery.store)
    seen = []

    class Watched(MemoryStore):
        def add(self, table: str, rows: pa.Table) -> None:
            super().add(table, rows)
            seen.append(held(reader.tables()))

    gallery.store.__class__ = Watched
    gallery.add(crop_file(["Cy"], first=20))
    assert len(seen) > 3
    assert all(tables == before for tables in seen[:-1])
    assert seen[-1] == held(gallery.tables()) != before


def test_one_writes_at_a_time() -> None:
    gallery = filled()
    other = Gallery.open(gallery.store)
    with gallery.writing():
        assert other.tables().crops.num_rows == 4
        with pytest.raises(SettingError, match="being written by another"):
            other.add(crop_file(["Cy"], first=20))
