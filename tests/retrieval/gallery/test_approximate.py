"""The approximate index of a gallery: asked for, measured, and never showing what may not be found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import ArtefactError, SettingError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.moving import move
from ccreid.retrieval.gallery.search import Question
from crop_files import MODEL, crop_file
from retrieval.backends import Backend, lancedb, memory, milvus

PEOPLE = [f"P{row // 8}" for row in range(160)]


@pytest.fixture(params=["memory", "lancedb", pytest.param("milvus", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if request.param == "milvus":
        return milvus(request.getfixturevalue("milvus_uri"))
    return memory() if request.param == "memory" else lancedb(tmp_path / "gallery")


@pytest.fixture
def gallery(backend: Backend) -> Gallery:
    gallery = Gallery.create(backend.store)
    gallery.add(crop_file(PEOPLE, camera=[row % 3 for row in range(len(PEOPLE))]))
    return gallery


def found(gallery: Gallery, *, approximate: bool, people: tuple[str, ...] = ("P3", "P7"), **asked: object) -> list[str]:
    question = Question(**asked)  # type: ignore[arg-type]
    answers = gallery.search_crops(crop_file(people, first=900), question, approximate=approximate)
    return [f"{row} {one.crop} {one.name}" for row, answer in enumerate(answers) for one in answer]


def test_it_is_measured_and_finds_what_an_exact_search_finds(gallery: Gallery, backend: Backend) -> None:
    index = gallery.build_index()
    assert (index.crops, index.count, index.queries) == (160, 10, 160)
    assert 0.8 < index.recall <= 1
    assert Gallery.open(backend.again()).settings.index == index
    exact = found(gallery, approximate=False, count=8)
    shared = set(exact) & set(found(gallery, approximate=True, count=8))
    assert len(shared) >= 0.8 * len(exact)


def test_what_is_hidden_or_against_the_condition_is_not_shown_and_others_take_its_place(gallery: Gallery) -> None:
    gallery.build_index()
    gallery.hide("P3")
    gallery.remove(["P7"])
    answers = found(gallery, approximate=True, count=20, where="camera != 1")
    assert len(answers) == 2 * 20, "as many as were asked for"
    assert not any(" P3" in one or " P7" in one for one in answers)
    cameras = {row["id"]: row["camera"] for row in gallery.snapshot().columns.to_pylist()}
    assert {str(cameras[one.split()[1]]) for one in answers} == {"0", "2"}
    assert found(gallery, approximate=True, count=500, where="camera == 1") == found(
        gallery, approximate=False, count=500, where="camera == 1"
    ), "where all are asked for nothing is left out"
    gallery.remove(gallery.snapshot().people)
    assert found(gallery, approximate=True) == []


def test_what_was_forgotten_is_in_no_index(gallery: Gallery) -> None:
    gallery.build_index()
    forgotten = gallery.forget("P3")
    assert forgotten.crops == 8
    assert " P3" not in "".join(found(gallery, approximate=True, count=500))
    assert len(found(gallery, approximate=True, count=500)) == 2 * 152


def test_later_crops_are_found_too(gallery: Gallery) -> None:
    gallery.build_index()
    gallery.add(crop_file(["New"], first=400))
    assert found(gallery, approximate=True, people=("New",), count=1)[0].endswith(" New")


def test_without_one_nobody_is_answered_from_it(gallery: Gallery) -> None:
    with pytest.raises(SettingError, match="no approximate index") as caught:
        found(gallery, approximate=True)
    assert "ccreid gallery index" in caught.value.mend
    gallery.build_index()
    gallery.drop_index()
    assert gallery.settings.index is None
    with pytest.raises(SettingError, match="no approximate index"):
        found(gallery, approximate=True)


def test_a_gallery_of_another_model_has_none_and_refuses_old_embeddings(gallery: Gallery, tmp_path: Path) -> None:
    gallery.build_index()
    other = MODEL | {"weights": "b" * 64}

    def embedded(pictures: Sequence[object]) -> NDArray[np.float32]:
        raise AssertionError("no picture is there")

    assert not move(gallery, embedded, other).done
    with pytest.raises(ArtefactError, match="another model"):
        gallery.search_crops(crop_file(["P1"], made_with=other), approximate=True)
    with gallery.writing():
        gallery.move_to(other)
    assert gallery.settings.index is None


def test_an_empty_gallery_has_nothing_to_index(backend: Backend) -> None:
    empty = Gallery.create(backend.store)
    with pytest.raises(SettingError, match="nothing to index"):
        empty.build_index()
    empty.drop_index()
