"""Pictures that cannot be read are found before anything is done with them, or left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ccreid.data import pixels
from ccreid.data.decode import read_image
from ccreid.data.pixels import PixelCache
from ccreid.data.preprocess import Preprocessing
from ccreid.data.readable import check_readable, leave_out_unreadable, through_cache
from ccreid.errors import ImageError
from ccreid.vocabulary import Pictures, Samples
from spoiled import picture, spoil

T = TypeVar("T")


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


def test_all_that_cannot_be_read_are_said_at_once_wherever_they_stand(tmp_path: Path) -> None:
    samples = mixed(tmp_path, {1: "text", 6: "pipe"})
    check_readable([samples.select([0, 2])])
    with pytest.raises(ImageError, match=r"1\.png cannot be read: .*6\.png cannot be read: ") as refused:
        check_readable([samples.select(range(4)), samples.select(range(3, 8)), samples])
    assert refused.value.message.count("cannot be read") == 2
    assert refused.value.mend


def test_of_many_some_are_named(tmp_path: Path) -> None:
    samples = mixed(tmp_path, dict.fromkeys(range(7), "missing"))
    with pytest.raises(ImageError, match=r"4\.png cannot be read: .* 2 more cannot be read, too\."):
        check_readable([samples])


def test_what_befalls_the_cache_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    samples = mixed(tmp_path, {}, count=3)
    (tmp_path / "taken").touch()
    check_readable(
        [samples], read=through_cache(Preprocessing(16, 8), PixelCache(tmp_path / "taken" / "pixels", 10**8))
    )
    assert caplog.records
    assert all("cannot be written" in record.message for record in caplog.records)


def test_what_is_read_through_a_cache_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "SETTLED_NS", 0)
    samples = mixed(tmp_path, {2: "text"}, count=5)
    read = through_cache(Preprocessing(16, 8), PixelCache(tmp_path / "cache" / "pixels", 10**8))
    left_out = ("sub/2.png",)
    assert leave_out_unreadable(samples, read=read)[1] == left_out
    decoded: list[Path] = []

    def noted(path: Path, content: bytes | None = None) -> object:
        decoded.append(path)
        return read_image(path, content)

    monkeypatch.setattr(pixels, "read_image", noted)
    assert leave_out_unreadable(samples, read=read)[1] == left_out
    assert decoded == [samples.path(2)]
