"""A store in a folder: whose folder it is, what it leaves there, who sees what."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, SettingError, StorageError
from ccreid.machine.files import HOLDER
from ccreid.retrieval.stores.lancedb_store import LanceDBStore
from ccreid.retrieval.stores.store_folder import MARK
from ccreid.retrieval.stores.traces import Traces, search_files
from retrieval import children
from retrieval.rows_of_crops import CROPS, crop_id, crops, vectors_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "gallery"


@pytest.fixture
def store(folder: Path) -> LanceDBStore:
    store = LanceDBStore(folder)
    with store.writing():
        store.create("crops", CROPS)
    return store


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def files_with(folder: Path, content: bytes) -> list[Path]:
    return [path for path in files_below(folder) if content in path.read_bytes()]


def test_whoever_only_reads_makes_nothing(folder: Path) -> None:
    store = LanceDBStore(folder)
    assert store.tables() == ()
    with pytest.raises(ArtefactError, match="has no table 'crops'"):
        store.get("crops")
    with store.writing():
        pass
    assert not folder.exists()


@pytest.mark.parametrize("name", ["photo.jpg", ".hidden", "crops.lance"])
def test_a_folder_of_other_things_is_refused_and_left_as_it_was(folder: Path, name: str) -> None:
    folder.mkdir()
    (folder / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ArtefactError, match="is no gallery"):
        LanceDBStore(folder)
    assert [path.name for path in folder.iterdir()] == [name]


def test_a_folder_that_came_to_hold_other_things_is_refused_when_it_is_written(folder: Path) -> None:
    store = LanceDBStore(folder)
    folder.mkdir()
    (folder / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(ArtefactError, match="is no gallery"), store.writing():
        pass
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_file_is_no_folder(folder: Path) -> None:
    folder.write_text("mine", encoding="utf-8")
    with pytest.raises(ArtefactError, match="is a file"):
        LanceDBStore(folder)


def test_what_a_killed_process_left_before_the_first_table_is_no_hindrance(folder: Path) -> None:
    leftover = folder / f".{MARK}{HOLDER}x"
    leftover.mkdir(parents=True)
    store = LanceDBStore(folder)
    with store.writing():
        store.create("crops", CROPS)
    assert not leftover.exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"format": "ccreid-store", "version": 2}, "a newer version of ccreid"),
        ({"format": "ccreid-store", "version": 0}, "an older version of ccreid"),
        ({"format": "shop", "version": 1}, "another program"),
        ({"version": 1}, "cannot be read"),
        ([], "cannot be read"),
    ],
)
def test_what_another_version_wrote_is_refused(store: LanceDBStore, folder: Path, content: object, told: str) -> None:
    (folder / MARK).write_text(json.dumps(content), encoding="utf-8")
    before = files_below(folder)
    with pytest.raises(ArtefactError, match=told):
        LanceDBStore(folder)
    with pytest.raises(ArtefactError, match=told), store.writing():
        pass
    assert files_below(folder) == before


def test_without_the_library_the_extra_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(SettingError, match=r"ccreid\[gallery\]"):
        LanceDBStore(folder)


def test_damaged_files_are_told_as_such(store: LanceDBStore, folder: Path) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
    for path in (folder / "crops.lance" / "data").iterdir():
        path.unlink()
    with pytest.raises(ArtefactError, match=r"'crops' of .* cannot be read"):
        LanceDBStore(folder).get("crops")


@pytest.mark.parametrize("where", ["data", "_versions"])
def test_a_table_that_cannot_be_written_keeps_what_it_held(
    store: LanceDBStore, folder: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
        place = folder / "crops.lance" / where
        place.rename(place.with_name("aside"))
        place.write_text("a file where a folder was", encoding="utf-8")
        with pytest.raises((StorageError, ArtefactError)):
            store.add("crops", crops(range(5, 9)))
        place.unlink()
        place.with_name("aside").rename(place)
        assert store.get("crops").equals(crops(range(5)))
        store.add("crops", crops(range(5, 9)))
    assert store.get("crops").equals(crops(range(9)))


def test_a_full_disk_adds_nothing_and_says_so(store: LanceDBStore, folder: Path) -> None:
    process, pipe = children.started(children.add_with_little_space, str(folder), 20_000)
    errors, untouched, count = pipe.recv()
    process.join()
    assert process.exitcode == 0
    assert [kind for kind, _ in errors] == ["StorageError", "StorageError"]
    assert all("'crops'" in told and "File too large" in told and "nothing was added" in told for _, told in errors)
    assert untouched
    assert count == 11


def test_another_process_that_writes_is_named_and_the_lock_ends_with_it(store: LanceDBStore, folder: Path) -> None:
    process, pipe = children.started(children.hold, str(folder))
    assert pipe.recv() == "held"
    with pytest.raises(SettingError, match=f"process {process.pid}"), store.writing():
        pass
    assert store.count("crops") == 0
    process.kill()
    process.join()
    with store.writing():
        store.add("crops", crops(range(3)))


@pytest.mark.slow
def test_readers_go_on_and_see_whole_states(store: LanceDBStore, folder: Path) -> None:
    together = 10
    with store.writing():
        store.add("crops", crops(range(together), note=" note first"))
        process, pipe = children.started(children.read_along, str(folder), together)
        assert pipe.recv() == "reading"
        for step in range(12):
            block = range(together * (1 + step % 3), together * (2 + step % 3))
            store.add("crops", crops(block, note=f" note {step}"))
            if step % 4 == 3:
                store.erase("crops", [crop_id(number) for number in block], vectors_of(block))
            if step == 6:
                store.build_index("crops")
    pipe.send("enough")
    reads, fault = pipe.recv()
    process.join()
    assert fault == ""
    assert reads > 0


def test_many_small_changes_leave_few_pieces(store: LanceDBStore, folder: Path) -> None:
    for block in range(4):
        with store.writing():
            for number in range(10 * block, 10 * block + 10):
                store.add("crops", crops([number]))
    assert store.get("crops").equals(crops(range(40)))
    assert len(files_below(folder / "crops.lance" / "data")) > 32, "old versions are kept for whoever reads them"
    opened = store._opened("crops")
    assert opened.stats()["fragment_stats"]["num_fragments"] < 32


def test_what_was_dropped_leaves_no_file(store: LanceDBStore, folder: Path) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
        store.drop("crops")
    assert [path.name for path in files_below(folder)] == [MARK]


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("removed_before", [False, True])
def test_erased_vectors_were_in_the_files_and_are_not_any_more(
    store: LanceDBStore, folder: Path, indexed: bool, removed_before: bool
) -> None:
    gone = [3, 150, 299]
    names = [crop_id(number) for number in gone]
    with store.writing():
        for start in (0, 100, 200):
            store.add("crops", crops(range(start, start + 100)))
        store.add("crops", crops(gone, note=" seen again"))  # old versions hold them once more
        if indexed:
            store.build_index("crops")
        if removed_before:
            store.remove("crops", names)
        vectors = [vector.tobytes() for vector in vectors_of(range(300))]
        assert all(files_with(folder, vectors[number]) for number in gone)
        erasure = store.erase("crops", names, vectors_of(gone))
    assert not any(files_with(folder, vectors[number]) for number in gone)
    assert not any(files_with(folder, vectors[number][:32]) for number in gone)
    assert not any(files_with(folder, name.encode()) for name in names)
    assert all(files_with(folder, vectors[number]) for number in range(300) if number not in gone)
    assert (erasure.rows_live, erasure.rows_old, erasure.files_holding) == (0, 0, 0)
    assert erasure.files_searched == len(files_below(folder)) + 2, "the lock and its holder are gone by now"
    assert erasure.physically_gone
    assert erasure.remarks == ()
    assert len(store._opened("crops").list_versions()) == 1
    assert bool(store._opened("crops").list_indices()) == indexed


def test_without_their_vectors_the_ones_it_holds_are_searched(store: LanceDBStore) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
        erasure = store.erase("crops", [crop_id(1)])
    assert erasure.files_searched
    assert erasure.physically_gone


def test_a_copy_of_the_vector_anywhere_in_the_folder_is_found(store: LanceDBStore, folder: Path) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
        (folder / "thumbnails").mkdir()
        (folder / "thumbnails" / "copy.bin").write_bytes(b"x" + vectors_of([2]).tobytes())
        erasure = store.erase("crops", [crop_id(2)])
    assert erasure.files_holding == 1
    assert not erasure.physically_gone
    assert "thumbnails/copy.bin" in erasure.remarks[0]


def test_the_same_vector_in_a_row_that_stays_is_told(store: LanceDBStore) -> None:
    twin = crops([8]).set_column(1, "vector", crops([2])["vector"])
    with store.writing():
        store.add("crops", crops(range(5)))
        store.add("crops", twin)
        erasure = store.erase("crops", [crop_id(2)])
    assert erasure.rows_live == 0
    assert not erasure.physically_gone
    assert "another row" in erasure.remarks[0]
    assert store.count("crops") == 5


def test_an_old_version_that_somebody_tagged_is_no_success(store: LanceDBStore) -> None:
    with store.writing():
        store.add("crops", crops(range(5)))
        opened = store._opened("crops")
        opened.tags.create("keep", opened.version)
        erasure = store.erase("crops", [crop_id(1)])
    assert erasure.rows_live == 0
    assert erasure.rows_old == 1
    assert erasure.files_holding == 1
    assert not erasure.physically_gone
    assert "tagged" in " ".join(erasure.remarks)


def test_files_that_hide_their_vectors_prove_nothing(store: LanceDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def blind(folder: Path, vectors: NDArray[np.float32]) -> Traces:
        return search_files(folder, vectors + np.float32(0.5))

    monkeypatch.setattr("ccreid.retrieval.stores.lancedb_erasure.search_files", blind)
    with store.writing():
        store.add("crops", crops(range(5)))
        erasure = store.erase("crops", [crop_id(1)])
    assert erasure.files_holding == 0
    assert not erasure.physically_gone
    assert "proves nothing" in erasure.remarks[0]
