"""A gallery moves to another model, and holds on to the old one until it has."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ccreid.errors import ArtefactError, SettingError
from ccreid.retrieval.gallery import moving
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.moving import move
from ccreid.retrieval.gallery.settings import Settings
from ccreid.retrieval.gallery.tables import vectors_table
from ccreid.retrieval.stores.store import ID, VECTOR
from crop_files import MODEL, crop_file
from retrieval.gallery.test_journal import DyingStore, Killed

OTHER = MODEL | {"weights": "c" * 64}
PEOPLE = ["Ada", "Ada", "Bo", None, "Cy"]


def embedded(pictures: list[Any]) -> NDArray[np.float32]:
    """(N, 4): of each picture always the same."""
    vectors = np.stack([np.random.default_rng(len(Path(str(one)).read_bytes())).standard_normal(4) for one in pictures])
    found: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return found


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(moving, "BLOCK", 2)
    paths = [tmp_path / f"{row}.png" for row in range(len(PEOPLE))]
    for row, path in enumerate(paths):
        noise = np.random.default_rng(row).integers(0, 255, (80 + row, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path)
    return paths


def made(paths: list[Path]) -> Gallery:
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    gallery = Gallery.create(DyingStore(), Settings(keep="vectors-only"))
    gallery.add(crop_file(PEOPLE, path=[str(path) for path in paths], sha256=digests))
    return gallery


def check_moved(gallery: Gallery, paths: list[Path]) -> None:
    crops = {row[ID]: row["path"] for row in gallery.store.get("crops").to_pylist()}
    vectors = gallery.store.get(vectors_table(OTHER)).to_pylist()
    assert {row[ID] for row in vectors} == set(crops)
    for row in vectors:
        np.testing.assert_array_equal(np.float32(row[VECTOR]), embedded([crops[row[ID]]])[0])
    assert [table for table in gallery.store.tables() if table.startswith("vectors_")] == [vectors_table(OTHER)]


def test_people_stay_and_embeddings_are_others(paths: list[Path]) -> None:
    gallery = made(paths)
    people = gallery.tables().people
    moved = move(gallery, embedded, OTHER)
    assert (moved.embedded, moved.there, moved.gone, moved.done) == (5, 0, (), True)
    again = Gallery.open(gallery.store)
    check_moved(again, paths)
    assert again.tables().people.equals(people)
    assert again.search(crop_file(["Ada"], made_with=OTHER, dimension=4))[0].n_enrolled == 3
    with pytest.raises(ArtefactError, match="another model"):
        again.search(crop_file(["Ada"]))
    with pytest.raises(SettingError, match="of that model already"):
        move(again, embedded, OTHER)
    assert again.journal.entries()[-1].verb == "re-embed"
    again.undo()
    assert again.tables().crops.num_rows == 0


def test_pictures_that_are_gone_are_named_and_the_old_model_holds(paths: list[Path]) -> None:
    gallery = made(paths)
    kept = paths[1].read_bytes()
    paths[1].unlink()
    paths[3].write_bytes(paths[2].read_bytes())
    moved = move(gallery, embedded, OTHER)
    assert not moved.done
    assert sorted(moved.gone) == [str(paths[1]), str(paths[3])]
    assert gallery.search(crop_file(["Ada"]))[0].n_enrolled == 3
    paths[1].write_bytes(kept)
    moved = move(gallery, embedded, OTHER, leave_behind=True)
    assert (moved.embedded, moved.there, moved.done) == (1, 3, True)
    assert len(gallery.snapshot()) == 4
    assert gallery.tables().crops.num_rows == 5


def test_killed_at_any_write_it_goes_on(paths: list[Path]) -> None:
    steps = 0
    while True:
        gallery = made(paths)
        store = gallery.store
        assert isinstance(store, DyingStore)
        store.left = steps
        try:
            move(gallery, embedded, OTHER)
            break
        except Killed:
            store.left = 10**9
        again = Gallery.open(store)
        if again.settings.made_with == MODEL:
            assert again.search(crop_file(["Ada"]))[0].n_enrolled == 3
            assert move(again, embedded, OTHER).done
        with again.writing():
            check_moved(again, paths)
        steps += 1
    assert steps > 6


def test_who_is_forgotten_meanwhile_does_not_come_back(paths: list[Path]) -> None:
    gallery = made(paths)
    other = Gallery.open(gallery.store)
    calls = 0

    def forgetting(pictures: list[Any]) -> NDArray[np.float32]:
        nonlocal calls
        calls += 1
        if calls == 2:
            other.forget("Ada")
        return embedded(pictures)

    assert move(gallery, forgetting, OTHER).done
    crops = set(gallery.tables().crops[ID].to_pylist())
    assert len(crops) == 3
    assert set(gallery.store.get(vectors_table(OTHER))[ID].to_pylist()) == crops


def test_an_empty_gallery_has_nothing_to_move() -> None:
    with pytest.raises(SettingError, match="is empty"):
        move(Gallery.create(DyingStore()), embedded, OTHER)
