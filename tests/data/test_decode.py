"""Pictures that cannot be read are named, with the mend, or left out."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from PIL import Image

from ccreid.data.decode import MOST_BYTES, leave_out_unreadable, read_image
from ccreid.errors import DataError, ImageError
from ccreid.vocabulary import Pictures, Samples

T = TypeVar("T")

SPOILERS = {
    "missing": "No such file",
    "truncated_jpg": "Truncated",
    "truncated_png": "truncated",
    "text": r"begins with b'<html>404 not fo' and is no picture",
    "empty": "is empty",
    "folder": "is a folder",
    "dangling": r"is a link to nowhere\.jpg, which is not there",
    "loop": "symbolic links",
    "pipe": "is a pipe or a device",
    "device": "is a pipe or a device",
    "postscript": "EPS is no format of pictures",
}


def picture(path: Path, seed: int = 0) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 16, 3), dtype=np.uint8)).save(path)


def spoil(path: Path, how: str) -> None:
    """Leave at a path something that is no whole picture."""
    match how:
        case "truncated_jpg" | "truncated_png":
            whole = path.with_suffix(f".whole.{how[-3:]}")
            picture(whole)
            content = whole.read_bytes()
            whole.unlink()
            path.write_bytes(content[: len(content) * 2 // 3])
        case "text":
            path.write_text("<html>404 not found</html>")
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to("nowhere.jpg")
        case "loop":
            path.symlink_to(path.name)
        case "pipe":  # whoever opens it waits for ever
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "postscript":  # Pillow would hand it to Ghostscript
            Image.new("RGB", (4, 4)).save(path, "EPS")


@pytest.mark.parametrize("how", SPOILERS)
def test_an_unreadable_picture_is_named_with_the_mend(tmp_path: Path, how: str) -> None:
    path = tmp_path / "0001_c2_000003.jpg"
    spoil(path, how)
    with pytest.raises(ImageError) as caught:
        read_image(path)
    assert caught.value.message.startswith(f"{path} cannot be read: ")
    assert re.search(SPOILERS[how], caught.value.message)
    assert "data.unreadable=skip" in caught.value.mend
    assert isinstance(caught.value, DataError)


def test_a_giant_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "giant.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 16 * 32 // 2 - 1)  # Pillow refuses above twice the limit
    with pytest.raises(ImageError, match=r"giant\.png cannot be read"):
        read_image(tmp_path / "giant.png")


@pytest.mark.parametrize("kind", [RuntimeError, ValueError, SyntaxError, OSError, TypeError, struct.error, MemoryError])
def test_whatever_a_decoder_raises_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise kind("a decoder gave up")

    picture(tmp_path / "odd.png")
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(ImageError, match=r"odd\.png cannot be read: a decoder gave up\."):
        read_image(tmp_path / "odd.png")


def test_a_closed_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture(tmp_path / "closed.png")

    def denied(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)  # the tests may be run by one who may read everything
    with pytest.raises(ImageError, match=r"closed\.png cannot be read: Permission denied\."):
        read_image(tmp_path / "closed.png")


def test_a_file_too_large_for_a_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "film.jpg"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)  # takes no room on the disk
    with pytest.raises(ImageError, match=r"2\.1 GB are too much"):
        read_image(path)


def test_a_readable_picture_comes_with_its_pixels(tmp_path: Path) -> None:
    picture(tmp_path / "fine.png", seed=3)
    expected = np.random.default_rng(3).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "fine.png")), expected)


def test_the_suffix_does_not_matter(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").size == (16, 32)


def mixed(root: Path, spoiled: dict[int, str], count: int = 8) -> Samples:
    for row in range(count):
        path = root / "sub" / f"{row}.png"
        path.parent.mkdir(exist_ok=True)
        if row in spoiled:
            spoil(path, spoiled[row])
        else:
            picture(path, seed=row)
    return Samples(
        person=np.arange(count) // 2 + 10,
        camera=np.arange(count) + 100,
        root=root,
        files=tuple(f"sub/{row}.png" for row in range(count)),
    )


def test_unreadable_pictures_are_left_out_in_order(tmp_path: Path) -> None:
    samples = mixed(tmp_path, {0: "missing", 3: "pipe", 4: "truncated_png", 7: "dangling"})
    kept, left_out = leave_out_unreadable(samples)
    assert left_out == ("sub/0.png", "sub/3.png", "sub/4.png", "sub/7.png")
    assert kept.files == ("sub/1.png", "sub/2.png", "sub/5.png", "sub/6.png")
    assert kept.person.tolist() == [10, 11, 12, 13]
    assert kept.camera is not None
    assert kept.camera.tolist() == [101, 102, 105, 106]
    assert kept.clothes is None
    assert kept.root == tmp_path


def test_nobody_need_be_known_on_them(tmp_path: Path) -> None:
    samples = mixed(tmp_path, {1: "text"}, count=3)
    kept, left_out = leave_out_unreadable(Pictures(samples.root, samples.files))
    assert type(kept) is Pictures
    assert (kept.root, kept.files) == (tmp_path, ("sub/0.png", "sub/2.png"))
    assert left_out == ("sub/1.png",)


def test_nothing_is_left_out_of_a_sound_set(tmp_path: Path) -> None:
    samples = mixed(tmp_path, {})
    kept, left_out = leave_out_unreadable(samples)
    assert left_out == ()
    assert kept.files == samples.files


def test_everything_may_be_left_out(tmp_path: Path) -> None:
    samples = mixed(tmp_path, dict.fromkeys(range(3), "missing"), count=3)
    kept, left_out = leave_out_unreadable(samples)
    assert len(kept) == 0
    assert left_out == samples.files


def test_the_reading_can_be_followed(tmp_path: Path) -> None:
    samples = mixed(tmp_path, {2: "text"}, count=5)
    told: list[tuple[str, int]] = []
    came: list[object] = []

    def track(items: Iterable[T], what: str, count: int) -> Iterator[T]:
        told.append((what, count))
        for item in items:
            came.append(item)
            yield item

    leave_out_unreadable(samples, track)
    ((what, count),) = told
    assert what
    assert count == 5
    assert len(came) == 5
