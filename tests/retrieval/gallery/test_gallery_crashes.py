"""A gallery outlives the process that writes it, wherever that is killed."""

from __future__ import annotations

import hashlib
import resource
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import StorageError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.moving import move
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.gallery.tables import vectors_table
from ccreid.retrieval.stores import milvus_collections
from ccreid.retrieval.stores.store import ID
from crop_files import MODEL, crop_file
from retrieval.children import started
from retrieval.crashing import Pace
from retrieval.gallery.test_journal import held, plain
from retrieval.memory_store import MemoryStore

KILLS = 20
FOLDER = Pace(changes=4, moment_s=0.3, settled_s=0)
SERVER = Pace(changes=2, moment_s=1.5, settled_s=0.5)

KINDS = ("add", "merge", "undo", "add", "index", "forget", "re-embed", "split", "remove")


def model(number: int) -> dict[str, str]:
    """That of the gallery before the operation of a number."""
    return MODEL | {"weights": f"{sum(kind(one) == 're-embed' for one in range(number)):064d}"}


def kind(number: int) -> str:
    return KINDS[number % len(KINDS)]


def embedded(pictures: list[Any]) -> NDArray[np.float32]:
    """(N, 16), each picture's always the same."""
    vectors = np.stack([np.random.default_rng(list(str(one).encode())).standard_normal(16) for one in pictures])
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


def operate(gallery: Gallery, number: int, folder: Path) -> None:
    """The operation of a number in an endless series; each gives the same whoever was there before."""
    turn = number // len(KINDS)
    match kind(number):
        case "add":
            people = [f"A{number}", f"A{number}", f"B{number}", None]
            paths = [folder / f"{number}-{row}.bin" for row in range(len(people))]
            for path in paths:
                path.write_text(path.name)
            digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
            outfits = ["red", "blue", "red", None]
            names = [str(path) for path in paths]
            gallery.add(crop_file(people, outfit=outfits, path=names, sha256=digests, made_with=model(number)))
        case "merge":
            gallery.merge([f"B{number - 1}"], f"A{number - 1}")
        case "undo":
            gallery.undo()
        case "forget":
            gallery.forget(f"B{turn * len(KINDS)}")
        case "re-embed":
            assert move(gallery, embedded, model(number + 1)).done
        case "split":
            gallery.split(f"A{turn * len(KINDS)}", outfits=["blue"], name=f"C{number}")
        case "remove":
            gallery.remove([f"A{turn * len(KINDS) + 3}"])
        case "index":
            gallery.build_index()


def operate_on(uri: str, folder: Path, first: int, told: Connection) -> None:
    gallery = Gallery.open(uri)
    for number in range(first, first + 100):
        operate(gallery, number, folder)
        told.send(number)


def state_of(gallery: Gallery) -> dict[str, list[dict[str, Any]]]:
    """What it holds, by names; without ids that are drawn, and without times."""
    found = plain(held(gallery.tables()))
    for row in (*found["crops"], *found["people"]):
        row["removed_at"] = row["removed_at"] is not None
    for row in (*found["people"], *found["outfits"]):
        row[ID] = ""
    return {table: sorted(rows, key=str) for table, rows in found.items()}


@pytest.mark.slow
def test_an_operation_that_was_killed_has_happened_or_not(tmp_path: Path) -> None:
    killed_again_and_again(str(tmp_path / "gallery"), tmp_path, FOLDER, np.random.default_rng(15))


@pytest.mark.slow
def test_on_a_server_an_operation_that_was_killed_has_happened_or_not(
    milvus_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_collections, "PATIENCE_S", 5.0)  # whoever reads after a kill amid an index waits for it
    killed_again_and_again(milvus_uri, tmp_path, SERVER, np.random.default_rng(16))


def killed_again_and_again(uri: str, place: Path, pace: Pace, draws: np.random.Generator) -> None:
    folder = place / "pictures"
    folder.mkdir()
    settings = Settings(keep="vectors-only")
    Gallery.create(uri, settings)
    shadow = Gallery.create(MemoryStore(), settings)
    expected = [state_of(shadow)]
    done = 0
    for kill in range(KILLS):
        process, pipe = started(operate_on, uri, folder, done)
        acknowledged = done
        for _ in range(int(draws.integers(0, pace.changes))):
            acknowledged = pipe.recv() + 1
        time.sleep(draws.uniform(0, pace.moment_s))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"kill {kill}: it failed"
        while pipe.poll():
            try:
                acknowledged = pipe.recv() + 1
            except EOFError:
                break
        time.sleep(pace.settled_s)
        while len(expected) < acknowledged + 2:
            operate(shadow, len(expected) - 1, folder)
            expected.append(state_of(shadow))
        gallery = Gallery.open(uri)
        with gallery.writing():
            left = state_of(gallery)
            in_hand = kind(acknowledged)
            assert left in (expected[acknowledged], expected[acknowledged + 1]), f"after kill {kill} in {in_hand}"
            done = acknowledged + (left == expected[acknowledged + 1])
            if in_hand == "re-embed":  # which changes no table
                done = acknowledged + (gallery.settings.made_with == model(acknowledged + 1))
            if in_hand == "index":  # nor does this; it is built anew
                done = acknowledged
            assert all(entry.state == "done" for entry in gallery.journal.entries())
        if gallery.settings.made_with is not None:
            embeddings = gallery.store.get(vectors_table(gallery.settings.made_with))[ID].to_pylist()
            assert embeddings == gallery.tables().crops[ID].to_pylist()
    assert done >= len(KINDS), "every kind was gone through"


def add_with_little_space(uri: str, max_bytes: int, told: Connection) -> None:
    """Enrol many where no file may grow beyond a size, then again where it may; tell what happened."""
    gallery = Gallery.open(uri)
    many = crop_file([f"P{row // 4}" for row in range(2000)], first=100)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, resource.RLIM_INFINITY))
    error = ""
    try:
        gallery.add(many)
    except StorageError as caught:
        error = f"{caught.message} {caught.mend}"
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with gallery.writing() as tables:
        left = (tables.people.num_rows, tables.crops.num_rows)
    told.send((error, left, gallery.add(many).added))


@pytest.mark.parametrize("max_bytes", [4_000, 60_000, 150_000])
def test_a_full_disk_enrols_nobody_and_what_was_there_stays(tmp_path: Path, max_bytes: int) -> None:
    uri = str(tmp_path / "gallery")
    Gallery.create(uri, Settings(keep="vectors-only")).add(crop_file(["Ada", "Bo", None]))
    process, pipe = started(add_with_little_space, uri, max_bytes)
    error, left, added = pipe.recv()
    process.join()
    assert "File too large" in error
    assert "nothing was added" in error
    assert left == (2, 3)
    assert added == 2000
    assert len(Gallery.open(uri).snapshot()) == 2003
