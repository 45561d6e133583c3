"""Pictures that cannot be read are named, with the mend."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.data.decode import MOST_BYTES, read_image
from ccreid.errors import DataError, ImageError
from spoiled import picture, spoil

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
