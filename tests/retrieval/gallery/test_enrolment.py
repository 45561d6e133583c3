"""Crops come into a gallery once, as whom the user says, and not where that cannot be."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFilter

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery.enrolment import Wishes
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.quality import LEAST_HEIGHT_PX, LEAST_SHARPNESS, sharpness
from ccreid.retrieval.gallery.settings import Settings
from crop_files import MODEL, crop_file
from retrieval.memory_store import MemoryStore

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def gallery() -> Gallery:
    return Gallery.create(MemoryStore(), who="tester", now=lambda: NOW)


def crops_of(gallery: Gallery) -> list[dict[str, Any]]:
    """Each crop as (person's name, outfit's name, state)."""
    tables = gallery.tables()
    names = {row["id"]: row["name"] for table in (tables.people, tables.outfits) for row in table.to_pylist()}
    return sorted(
        (
            row | {"person": names.get(row["person"]), "outfit": names.get(row["outfit"])}
            for row in tables.crops.to_pylist()
        ),
        key=lambda row: str(row["path"]),
    )


def names_of(gallery: Gallery) -> list[str]:
    return sorted(gallery.tables().people["name"].to_pylist())


def test_crops_are_enrolled_as_their_columns_say(gallery: Gallery) -> None:
    found = gallery.add(crop_file(["Ada", "Ada", None, "Bo"], outfit=["red", "blue", "red", None], camera=[1, 2, 3, 4]))
    assert (found.added, found.already, len(found.people), found.refused, found.unseen) == (4, 0, 2, (), 4)
    kept = crops_of(gallery)
    assert [(row["person"], row["outfit"], row["state"]) for row in kept] == [
        ("Ada", "red", "confirmed"),
        ("Ada", "blue", "confirmed"),
        (None, None, "unknown"),
        ("Bo", None, "confirmed"),
    ]
    assert {row["enrolled_at"] for row in kept} == {"2026-05-01T12:00:00+00:00"}
    assert gallery.snapshot().columns["camera"].to_pylist().count(None) == 0


def test_one_person_may_be_named_for_all(gallery: Gallery) -> None:
    gallery.add(crop_file(["Ada", "Bo"]), Wishes(person="Cy", outfit="suit"))
    assert [(row["person"], row["outfit"]) for row in crops_of(gallery)] == [("Cy", "suit")] * 2
    [cy] = gallery.tables().people["id"].to_pylist()
    gallery.add(crop_file(None, first=5, time=["a"]), Wishes(person=cy, outfit="suit"))
    assert names_of(gallery) == ["Cy"]
    assert gallery.tables().outfits.num_rows == 1


@pytest.mark.parametrize("numbers", [[3, 3, 12], [3.0, None, 12.0]])
def test_numbers_are_names_too(gallery: Gallery, numbers: list[Any]) -> None:
    gallery.add(crop_file(numbers))
    assert names_of(gallery) == ["12", "3"]


def test_adding_twice_changes_nothing(gallery: Gallery) -> None:
    crops = crop_file(["Ada", "Bo", None], outfit=["red", "red", "red"])
    gallery.add(crops)
    before = gallery.tables(), gallery.journal.entries()
    found = gallery.add(crops)
    assert (found.added, found.already) == (0, 3)
    assert gallery.journal.entries() == before[1]
    for table in ("people", "outfits", "crops"):
        assert gallery.tables().of(table).equals(before[0].of(table))


def test_what_was_unknown_can_be_named_later_and_only_once(gallery: Gallery) -> None:
    gallery.add(crop_file([None, None]))
    gallery.add(crop_file(["Ada", None]))
    assert [row["person"] for row in crops_of(gallery)] == ["Ada", None]
    found = gallery.add(crop_file(["Bo", None]))
    assert (found.added, found.already) == (0, 2)
    assert "somebody else" in found.warnings[0]
    assert names_of(gallery) == ["Ada"]


def test_a_name_is_no_id(gallery: Gallery) -> None:
    gallery.add(crop_file(["Ada"]))
    found = gallery.add(crop_file(["Ada"], first=1), Wishes(apart=True))
    assert "called 'Ada'" in found.warnings[0]
    assert names_of(gallery) == ["Ada", "Ada"]
    with pytest.raises(DataError, match="2 people are called 'Ada'"):
        gallery.add(crop_file(["Ada"], first=2))
    gallery.add(crop_file(["Ada"], first=2), Wishes(person=found.people[0]))
    assert names_of(gallery) == ["Ada", "Ada"]
    assert len(crops_of(gallery)) == 3


def test_embeddings_of_another_model_are_refused_and_nothing_comes_in(gallery: Gallery) -> None:
    gallery.add(crop_file(["Ada"]))
    with pytest.raises(ArtefactError, match=r"another model: weights, flip differ \(weights aaaaaaaaaaaa and bbbb"):
        gallery.add(crop_file(["Bo"], first=1, made_with=MODEL | {"weights": "b" * 64, "flip": "False"}))
    assert names_of(gallery) == ["Ada"]
    gallery.undo()  # an empty gallery is of no model
    gallery.add(crop_file(["Bo"], first=1, made_with=MODEL | {"weights": "b" * 64}, dimension=8))
    assert gallery.snapshot().vectors.shape == (1, 8)


def test_nobody_is_twice_in_one_frame(gallery: Gallery) -> None:
    gallery.add(crop_file(["Ada", "Bo"], camera=[1, 1], frame=[7, 7]))
    found = gallery.add(crop_file(["Ada", "Ada", "Ada", "Cy"], first=2, camera=[1, 2, 1, 1], frame=[7, 7, 8, 7]))
    assert found.added == 3
    [refusal] = found.refused
    assert refusal.path == "pictures/crop-2.jpg"
    assert "crop-0.jpg shows the same person in the same frame" in refusal.reasons[0]
    found = gallery.add(crop_file(["Di", "Di"], first=10, frame=[1, 1], path=["a/1.jpg", "b/1.jpg"]))
    assert found.added == 2, "without a camera, frames of two folders are two"


def test_two_boxes_of_one_picture_are_two_people(gallery: Gallery) -> None:
    boxes = pa.array([[0, 0, 64, 128], [70, 0, 64, 128], [140, 0, 64, 128]], pa.list_(pa.int32(), 4))
    found = gallery.add(crop_file(["Ada", "Ada", "Bo"], sha256=["e" * 64] * 3, box=boxes))
    assert found.added == 1
    assert len(found.refused) == 2
    assert names_of(gallery) == ["Bo"]


def test_small_crops_stay_out_unless_somebody_says_why(gallery: Gallery) -> None:
    small = crop_file(["Ada"], height_px=LEAST_HEIGHT_PX - 1)
    found = gallery.add(small)
    assert found.added == 0
    assert "63 pixels high" in found.refused[0].reasons[0]
    assert names_of(gallery) == []
    gallery.add(small, Wishes(override="nothing better"))
    [kept] = crops_of(gallery)
    assert kept["override"] == "nothing better"
    assert "63 pixels high" in kept["quality"]
    gallery.add(crop_file(["Bo"], first=1), Wishes(override="nothing better"))
    assert crops_of(gallery)[1]["override"] is None, "of a good crop there is nothing to override"


def person(height: int, blur: float = 0) -> Image.Image:
    """A drawing of somebody: head, shirt, trousers."""
    picture = Image.new("RGB", (height // 2, height), "white")
    draw = ImageDraw.Draw(picture)
    for left, top, right, bottom, colour in (
        (0.4, 0.05, 0.6, 0.2, "tan"),
        (0.25, 0.2, 0.75, 0.55, "maroon"),
        (0.3, 0.55, 0.7, 0.95, "navy"),
    ):
        draw.rectangle([left * height // 2, top * height, right * height // 2, bottom * height], fill=colour)
    return picture.filter(ImageFilter.GaussianBlur(blur)) if blur else picture


def test_blur_is_seen_at_any_size() -> None:
    for height in (128, 256, 512):
        assert sharpness(person(height)) > 2 * LEAST_SHARPNESS
        assert sharpness(person(height, blur=height / 16)) < LEAST_SHARPNESS
    assert sharpness(Image.new("RGB", (64, 128))) == 0


def pictured(folder: Path, pictures: dict[str, Image.Image], boxes: list[list[int] | None]) -> CropFile:
    for name, picture in pictures.items():
        picture.save(folder / name)
    paths = [folder / name for name in pictures]
    return crop_file(
        list(pictures),
        path=[str(path) for path in paths],
        sha256=[hashlib.sha256(path.read_bytes()).hexdigest() for path in paths],
        box=pa.array(boxes, pa.list_(pa.int32(), 4)),
    )


def test_pictures_that_are_there_are_looked_at(gallery: Gallery, tmp_path: Path) -> None:
    frame = Image.new("RGB", (400, 300), "white")
    frame.paste(person(200), (150, 50))
    crops = pictured(
        tmp_path,
        {
            "whole.png": person(128),
            "blurred.png": person(128, 12),
            "inside.png": frame,
            "cut.png": frame.crop((0, 0, 400, 299)),
        },
        [None, None, [150, 50, 100, 200], [150, 150, 100, 200]],
    )
    found = gallery.add(crops)
    assert (found.added, found.unseen) == (2, 0)
    assert [(Path(one.path).name, one.reasons) for one in found.refused] == [
        ("blurred.png", ("It is blurred.",)),
        ("cut.png", ("It is cut off by the bottom edge of its picture.",)),
    ]
    thumbnails = gallery.store.get("thumbnails")
    assert thumbnails.num_rows == 2
    assert all(jpeg.startswith(b"\xff\xd8") for jpeg in thumbnails["jpeg"].to_pylist())


def test_vectors_only_keeps_no_picture_but_looks_at_it(tmp_path: Path) -> None:
    gallery = Gallery.create(MemoryStore(), Settings(keep="vectors-only"))
    crops = pictured(tmp_path, {"a.png": person(128), "b.png": person(128, 12)}, [None, None])
    assert gallery.add(crops).added == 1
    assert gallery.store.count("thumbnails") == 0


def test_a_picture_that_is_another_by_now_is_not_taken_for_the_crop(gallery: Gallery, tmp_path: Path) -> None:
    crops = pictured(tmp_path, {"a.png": person(128)}, [None])
    person(128, 12).save(tmp_path / "a.png")
    found = gallery.add(crops)
    assert (found.added, found.unseen) == (1, 1)
    assert gallery.store.count("thumbnails") == 0


def test_metadata_comes_back_as_columns(gallery: Gallery) -> None:
    gallery.add(
        crop_file(
            ["Ada", "Bo"],
            camera=[1, None],
            time=[NOW, None],
            place=["north", 'o\'brien "x"'],
            seen=[True, False],
            speed=[1.5, float("nan")],
            state=["x", "y"],
        )
    )
    gallery.add(crop_file(["Cy"], first=2, camera=["front"]))
    columns = {row["path"]: row for row in gallery.snapshot().columns.to_pylist()}
    ada, bo, cy = (columns[f"pictures/crop-{row}.jpg"] for row in range(3))
    assert (ada["camera"], bo["camera"], cy["camera"]) == ("1", None, "front")
    assert (ada["time"], ada["seen"], ada["speed"], ada["state"], ada["state_"]) == (
        "2026-05-01T12:00:00+00:00",
        True,
        1.5,
        "confirmed",
        "x",
    )
    assert (bo["place"], bo["speed"], cy["place"]) == ('o\'brien "x"', None, None)


def test_what_a_snapshot_holds_fits_together(gallery: Gallery) -> None:
    people = [f"P{row % 7}" for row in range(30)]
    crops = crop_file(people, camera=[row % 3 for row in range(30)])
    gallery.add(crops)
    snapshot = gallery.snapshot()
    names = snapshot.names
    expected = dict(zip(crops.ids, zip(people, crops.vectors, strict=True), strict=True))
    for crop, one, vector in zip(
        snapshot.columns["id"].to_pylist(), snapshot.columns["person"].to_pylist(), snapshot.vectors, strict=True
    ):
        assert names[one] == expected[crop][0]
        np.testing.assert_array_equal(vector, expected[crop][1])
    assert gallery.snapshot() is snapshot
    gallery.add(crop_file(["new"], first=99))
    assert len(gallery.snapshot()) == 31


def test_a_gallery_is_made_once_and_opened_as_it_is() -> None:
    store = MemoryStore()
    with pytest.raises(ArtefactError, match="no gallery at memory"):
        Gallery.open(store)
    Gallery.create(store, Settings(keep="vectors-only", retention_days=30))
    assert Gallery.open(store).settings.retention_days == 30
    with pytest.raises(SettingError, match="is a gallery already"):
        Gallery.create(store)


def test_a_gallery_of_another_version_is_refused() -> None:
    store = MemoryStore()
    gallery = Gallery.create(store)
    row = store.get("meta")
    newer = row["value"][0].as_py().replace("ccreid-gallery-1", "ccreid-gallery-2")
    with store.writing():
        store.add("meta", row.set_column(1, "value", pa.array([newer])))
    for attempt in (lambda: Gallery.open(store), lambda: gallery.add(crop_file(["Ada"]))):
        with pytest.raises(ArtefactError, match="no gallery that this version can open"):
            attempt()
