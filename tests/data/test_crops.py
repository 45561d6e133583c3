"""Boxes into larger pictures: the same vector as the crop cut by hand, whatever reaches beyond the edges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from ccreid import Crop, Embedder
from ccreid.data.crops import Frames, as_box, clipped, outside
from ccreid.data.decode import read_image
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ImageError
from ccreid.model.backbone import Backbone
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network

BOXES = ((3, 5, 20, 40), (0, 0, 64, 64), (30, 20, 34, 44))


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    torch.manual_seed(3)
    return Embedder(
        TorchEngine(Network(Backbone("test_resnet", height_px=32, width_px=16)), flip=True),
        "none",
        Preprocessing(32, 16),
    )


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    Image.fromarray(np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "frame.png")
    return tmp_path / "frame.png"


def cut_by_hand(frame: Path, box: tuple[int, int, int, int], name: str = "cut.png") -> Path:
    x, y, width, height = box
    with Image.open(frame) as picture:
        Image.fromarray(np.asarray(picture)[y : y + height, x : x + width]).save(frame.parent / name)
    return frame.parent / name


def test_a_box_and_the_crop_cut_by_hand_give_the_same_bits(embedder: Embedder, frame: Path) -> None:
    by_hand = embedder([cut_by_hand(frame, box, f"{place}.png") for place, box in enumerate(BOXES)])
    boxes = embedder([Crop(frame, box) for box in BOXES])
    assert torch.equal(boxes.vectors, by_hand.vectors)
    assert boxes.files == tuple(f"{frame}[{','.join(map(str, box))}]" for box in BOXES)


def test_boxes_mix_with_whole_pictures_and_may_come_alone(embedder: Embedder, frame: Path) -> None:
    alone = embedder(Crop(str(frame), BOXES[0])).vectors
    mixed = embedder([frame, Crop(str(frame), BOXES[0])]).vectors
    torch.testing.assert_close(mixed[1], alone[0], rtol=0, atol=1e-6)
    assert not torch.allclose(mixed[0], mixed[1], atol=1e-3)


def test_boxes_are_those_of_the_picture_as_it_is_shown(embedder: Embedder, frame: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    with Image.open(frame) as picture:
        wide = picture.crop((0, 0, 64, 32))
        wide.save(frame.parent / "turned.png", exif=exif)
        wide.transpose(Image.Transpose.ROTATE_270).save(frame.parent / "upright.png")
    box = (2, 40, 20, 20)  # beyond the edge, did the picture lie as it is stored
    found, expected = (embedder(Crop(frame.parent / name, box)).vectors for name in ("turned.png", "upright.png"))
    assert torch.equal(found, expected)


def test_a_picture_is_decoded_once_for_all_its_boxes(
    embedder: Embedder, frame: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Path] = []

    def counted(path: Path) -> Image.Image:
        decoded.append(path)
        return read_image(path)

    monkeypatch.setattr("ccreid.data.crops.read_image", counted)
    embedder([Crop(frame, box) for box in BOXES])
    assert decoded == [frame]


def test_what_reaches_beyond_the_picture_is_clipped_and_counted(
    embedder: Embedder, frame: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = embedder([Crop(frame, (-5, 20, 25, 100)), Crop(frame, (44, 44, 20, 20))])
    assert torch.equal(found.vectors, embedder([Crop(frame, (0, 20, 20, 44)), Crop(frame, (44, 44, 20, 20))]).vectors)
    assert caplog.messages == ["Boxes that reach beyond their pictures and were clipped: 1."]


@pytest.mark.parametrize(
    ("box", "why"),
    [
        ((64, 0, 5, 5), "lies outside the picture of 64 x 64"),
        ((-5, 0, 5, 5), "lies outside"),
        ((0, 900, 5, 5), "lies outside"),
        ((3, 3, 0, 5), "is empty in"),
        ((3, 3, 5, -2), "is empty in"),
    ],
)
def test_a_box_of_which_nothing_is_left_is_refused(
    embedder: Embedder, frame: Path, box: tuple[int, int, int, int], why: str
) -> None:
    with pytest.raises(ImageError, match=rf"frame\.png: the box at .*{why}") as refused:
        embedder(Crop(frame, box))
    assert refused.value.mend


@pytest.mark.parametrize("odd", [(1, 2, 3), (1, 2, 3, 4, 5), ("a", 1, 2, 3), (0, 0, float("nan"), 3), None, 5])
def test_what_is_no_box_is_refused(odd: Any) -> None:
    with pytest.raises(ImageError, match=r"a\.png: .* is no box") as refused:
        Crop("a.png", odd)
    assert refused.value.mend
    with pytest.raises(ImageError, match="is no box"):
        as_box((0, 0, float("inf"), 3), "line 2")


def test_edges_are_rounded_not_widths() -> None:
    assert as_box((0.4, 0.6, 9.9, 10.0), "") == (0, 1, 10, 10)
    assert as_box(("1", "2", "3", "4"), "") == (1, 2, 3, 4)  # type: ignore[arg-type]


def test_a_crop_of_no_file_is_named_by_its_place(embedder: Embedder, frame: Path, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "gone.png", "No such file"), (tmp_path, "is a folder")):
        with pytest.raises(ImageError, match=rf"^Image 1, .*{why}"):
            embedder([frame, Crop(path, BOXES[0])])


@given(st.tuples(*[st.integers(-12, 12)] * 4), st.tuples(st.integers(1, 10), st.integers(1, 10)))
def test_clipping_keeps_the_pixels_of_the_box_that_there_are(
    box: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    x, y, width, height = box
    kept = [(column, row) for row in range(y, y + height) for column in range(x, x + width)]
    kept = [(column, row) for column, row in kept if 0 <= column < size[0] and 0 <= row < size[1]]
    found = clipped(box, size)
    if found is None:
        assert not kept
        assert str(outside("a", box, size))
    else:
        left, top, wide, high = found
        assert [(c, r) for r in range(top, top + high) for c in range(left, left + wide)] == kept


def test_frames_keeps_one_picture_and_counts(frame: Path) -> None:
    frames = Frames()
    assert frames.cut(Crop(frame, (60, 60, 10, 10))).size == (4, 4)
    assert frames.cut(Crop(frame, (0, 0, 4, 4))).size == (4, 4)
    assert frames.clipped == 1
