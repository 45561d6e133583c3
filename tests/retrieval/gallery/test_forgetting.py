"""Who is removed comes back in time; who is forgotten is gone from everywhere, and it is shown."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.errors import DataError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.gallery.tables import vectors_table
from ccreid.retrieval.stores.store import ID, VECTOR
from crop_files import MODEL, crop_file
from retrieval.gallery.test_journal import DyingStore, Killed
from retrieval.memory_store import MemoryStore

START = datetime(2026, 5, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def passes(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def made(clock: Clock, settings: Settings | None = None) -> Gallery:
    gallery = Gallery.create(MemoryStore(), settings, now=clock)
    gallery.add(crop_file(["Ada", "Ada", "Bo", None], outfit=["red", "blue", "red", None]))
    return gallery


def names(gallery: Gallery) -> list[str]:
    return sorted(gallery.tables().people["name"].to_pylist())


def test_what_is_removed_can_come_back_for_a_while(clock: Clock) -> None:
    gallery = made(clock, Settings(undo_days=7))
    gallery.remove(["Ada"])
    clock.passes(6.9)
    assert gallery.expire().crops == 0
    gallery.undo()
    assert len(gallery.snapshot()) == 4
    gallery.remove(["Ada"])
    clock.passes(7.1)
    with pytest.raises(DataError, match="can come back for 7 days"):
        gallery.undo()
    forgotten = gallery.expire()
    assert (forgotten.crops, len(forgotten.people)) == (2, 1)
    assert names(gallery) == ["Bo"]
    assert gallery.store.count(vectors_table(MODEL)) == 2


def test_what_is_kept_too_long_goes(clock: Clock) -> None:
    gallery = made(clock, Settings(retention_days=30))
    clock.passes(20)
    gallery.add(crop_file(["Bo", "Cy"], first=10))
    assert gallery.expire().crops == 0
    clock.passes(11)
    assert gallery.expire().crops == 4
    assert names(gallery) == ["Bo", "Cy"], "Bo has a newer crop"
    assert len(gallery.snapshot()) == 2
    assert [entry.verb for entry in gallery.journal.entries()] == ["add", "add", "expire"]


def everything(gallery: Gallery) -> str:
    """All that the store holds, as text."""
    return "".join(str(gallery.store.get(table).to_pylist()) for table in gallery.store.tables())


def test_of_who_is_forgotten_nothing_stays_but_that_they_were(clock: Clock, tmp_path: Path) -> None:
    gallery = made(clock)
    noise = np.random.default_rng(0).integers(0, 255, (128, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    path, digest = str(tmp_path / "a.png"), hashlib.sha256((tmp_path / "a.png").read_bytes()).hexdigest()
    gallery.add(crop_file(["Ada"], first=20, place=["secret place"], path=[path], sha256=[digest]))
    gallery.rename("Ada", "Ada Lovelace")
    gallery.note("Ada Lovelace", "secret note")
    gallery.merge(["Bo"], "Ada Lovelace")
    gallery.reject([gallery.snapshot().columns[ID][0].as_py()])
    ada = gallery.tables().people[ID][0].as_py()
    crops = [row[ID] for row in gallery.tables().crops.to_pylist() if row["person"] == ada]
    vectors = gallery.store.get(vectors_table(MODEL), crops)[VECTOR].to_pylist()
    assert gallery.store.count("thumbnails") == 1
    forgotten = gallery.forget("Ada Lovelace")
    assert forgotten.people == (ada,)
    assert forgotten.crops == len(crops)
    assert forgotten.proven
    left = everything(gallery)
    for trace in ("Ada", "Bo", "secret", *crops, *(str(vector) for vector in vectors)):
        assert trace not in left, f"{trace} is still there"
    assert gallery.store.count("thumbnails") == 0
    last = gallery.journal.entries()[-1]
    assert last.what == f"{ada} was forgotten, with {len(crops)} crops."
    with pytest.raises(DataError, match="nobody called"):
        gallery.forget(ada)
    for entry in gallery.journal.entries():
        with pytest.raises(DataError):
            gallery.undo(entry.number)
        assert "Ada" not in everything(gallery)


def test_others_are_as_they_were(clock: Clock) -> None:
    gallery = made(clock)
    before = gallery.store.get("crops").to_pylist()
    gallery.forget("Ada")
    assert gallery.store.get("crops").to_pylist() == [row for row in before if row["person"] != before_of(before, 0)]
    assert names(gallery) == ["Bo"]


def before_of(rows: list[dict[str, str]], number: int) -> str:
    return next(row["person"] for row in rows if f"-{number}." in row["path"])


@pytest.mark.parametrize("act", [lambda one: one.forget("Ada"), lambda one: one.expire()], ids=["forget", "expire"])
def test_killed_while_forgetting_it_is_ended_by_the_next_who_writes(act: Callable[[Gallery], object]) -> None:
    steps = 0
    while True:
        clock = Clock()
        store = DyingStore()
        gallery = Gallery.create(store, Settings(retention_days=2), now=clock)
        gallery.add(crop_file(["Ada", "Ada"], outfit=["red", "blue"]))
        clock.passes(1.5)
        gallery.add(crop_file(["Bo"], first=5))
        clock.passes(1)
        store.left = steps
        try:
            act(gallery)
            break
        except Killed:
            store.left = 10**9
        again = Gallery.open(store, now=clock)
        begun = any(entry.state == "begun" for entry in again.journal.entries())
        with again.writing():
            pass
        assert names(again) == (["Bo"] if begun else ["Ada", "Bo"])
        assert len(again.snapshot()) == (1 if begun else 3)
        assert store.count(vectors_table(MODEL)) == (1 if begun else 3)
        assert all(entry.state == "done" for entry in again.journal.entries())
        steps += 1
    assert steps > 6
