"""The test transform: against the reference's tensor, and whatever kind of picture it is given."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ccreid.data.decode import read_image
from ccreid.data.preprocess import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from conftest import Golden

GOLDEN = Path(__file__).parent.parent / "golden"


def test_the_golden_picture(golden: Golden) -> None:
    (expected,) = golden("eval_transform").values()
    tensor = Preprocessing(384, 192)(read_image(GOLDEN / "eval_transform_input.png"))
    assert tensor.shape == (3, 384, 192)
    assert tensor.dtype == torch.float32
    torch.testing.assert_close(tensor[:, ::8, ::8], expected.reshape(3, 48, 24), rtol=0, atol=1e-6)


def test_the_default_is_that_of_the_method() -> None:
    assert Preprocessing(384, 192) == Preprocessing(384, 192, IMAGENET_MEAN, IMAGENET_STD)


def test_the_channels_are_normalised_each_by_its_own() -> None:
    preprocessing = Preprocessing(2, 3, mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25))
    tensor = preprocessing(Image.new("RGB", (7, 5), (255, 0, 51)))
    expected = torch.tensor([1.0, -1.0, (0.2 - 1) / 0.25]).reshape(3, 1, 1).expand(3, 2, 3)
    torch.testing.assert_close(tensor, expected)


def test_shrinking_is_antialiased() -> None:
    # Stripes of one pixel: plain bilinear sampling would hit white or black, antialiasing gives the mean of many.
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[::2] = 255
    tensor = Preprocessing(8, 8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))(Image.fromarray(stripes))
    assert (tensor - 0.5).abs().max() < 0.1


def test_it_travels_as_json() -> None:
    preprocessing = Preprocessing(256, 128, mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6))
    values = preprocessing.to_json()
    restored = Preprocessing.from_json(json.loads(json.dumps(values)))
    assert restored == preprocessing
    assert hash(restored) == hash(preprocessing)  # lists became tuples again
    assert set(values) == {"height_px", "width_px", "mean", "std"}


def test_it_travels_to_a_worker_after_use() -> None:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 5, 3), dtype=np.uint8))
    preprocessing = Preprocessing(8, 4)
    expected = preprocessing(picture)
    assert torch.equal(pickle.loads(pickle.dumps(preprocessing))(picture), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, mode: str) -> None:
    colours = np.zeros((6, 4, 3), dtype=np.uint8)
    colours[:3] = 255  # white above black: every mode can hold it
    file = tmp_path / ("picture.png" if mode in {"1", "L", "LA", "P", "RGBA"} else "picture.tif")
    Image.fromarray(colours).convert(mode).save(file)
    with Image.open(file) as stored:
        assert stored.mode == mode
    picture = read_image(file)
    assert picture.mode == "RGB"
    np.testing.assert_array_equal(np.asarray(picture), colours)
    assert Preprocessing(8, 4)(picture).shape == (3, 8, 4)


def test_grey_is_the_same_in_every_channel(tmp_path: Path) -> None:
    Image.new("L", (3, 3), 77).save(tmp_path / "grey.png")
    assert read_image(tmp_path / "grey.png").getpixel((1, 1)) == (77, 77, 77)
