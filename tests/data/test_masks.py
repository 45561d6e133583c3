"""Masks at the network's size: shares of garments, what is in front, what is not there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.data.masks import GARMENTS, LOWER, OTHER, SHOES, UPPER, MaskPixels, find_masks
from ccreid.data.pixels import PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import DataError, ImageError
from ccreid.vocabulary import Pictures
from masked import add_masks, codes_of, mask_like

HALF = Preprocessing(20, 8)


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    (tmp_path / "train").mkdir()
    files = [f"train/{name}.jpg" for name in "ab"]
    for file in files:
        Image.new("RGB", (16, 40), (90, 120, 60)).save(tmp_path / file)
    add_masks(tmp_path)
    return Pictures(tmp_path, tuple(files))


def test_each_garment_has_its_share_of_every_pixel(tmp_path: Path) -> None:
    """Counted one by one: of the 2 x 2 pixels that become one, so many are of it."""
    codes = np.random.default_rng(0).choice([0, 1, *GARMENTS, OTHER], (40, 16)).astype(np.uint8)
    codes[:20:2, ::2], codes[:20:2, 1::2], codes[1:20:2, ::2] = UPPER, UPPER, LOWER
    mask_like(codes).save(tmp_path / "mask.png")
    mask = MaskPixels(HALF, None).mask(tmp_path / "mask.png")
    found = {code: np.zeros((20, 8)) for code in GARMENTS}
    for code, worn in zip(GARMENTS, mask.garments(), strict=True):
        found[code][worn.where] = worn.share
    for row in range(20):
        for column in range(8):
            of_pixel = codes[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            count = {code: int((of_pixel == code).sum()) for code in GARMENTS}
            most = max(count, key=lambda code: (count[code], -code))
            for code in GARMENTS:
                expected = sum(count.values()) / 4 if code == most else 0
                assert found[code][row, column] == pytest.approx(expected, abs=1 / 60)
            in_front = int((of_pixel > 0).sum()) / 4
            assert mask.front[row, column] == pytest.approx(in_front, abs=1 / 100)


def test_the_person_and_whatever_stands_in_front_hide_the_background(tmp_path: Path) -> None:
    pixels = np.zeros((20, 8, 3), np.uint8)
    pixels[:5, :, 1] = 102  # 0.4 of the person
    pixels[5:10, :, 0] = OTHER
    pixels[15:, :, 2] = 51
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    mask = MaskPixels(HALF, None).mask(tmp_path / "mask.png")
    assert np.allclose(mask.front, np.repeat([0.4, 1, 0, 0], 5)[:, None])
    assert np.allclose(mask.shadow, np.repeat([0, 0, 0, 0.2], 5)[:, None])
    assert list(mask.garments()) == []


def test_garments_stand_in_their_rows_and_columns(pictures: Pictures) -> None:
    masks = find_masks(pictures, ["data.redress"], backgrounds=True)
    assert [path.name for path in masks.backgrounds] == ["blue.png", "red.png"]
    garments = list(MaskPixels(HALF, None).mask(masks.path(1)).garments())
    rows = [(worn.where[0].start, worn.where[0].stop) for worn in garments]
    assert rows == [(4, 10), (10, 18), (18, 20)]
    assert all((worn.where[1].start, worn.where[1].stop) == (2, 6) for worn in garments)
    assert all((worn.share == 1).all() for worn in garments)


def test_what_is_kept_of_a_mask_is_not_what_is_kept_of_a_picture(pictures: Pictures, tmp_path: Path) -> None:
    path = find_masks(pictures, ["data.redress"], backgrounds=False).path(0)
    cache = PixelCache(tmp_path / "cache" / "pixels", 10**9)
    plain = Pixels(HALF, cache).read(path).copy()
    masks = MaskPixels(HALF, cache)
    first = masks.read(path).copy()
    assert not np.array_equal(first, plain)
    path.write_bytes(path.read_bytes())
    for reader in (masks, MaskPixels(HALF, cache), MaskPixels(HALF, None)):
        assert np.array_equal(reader.read(path), first)
    assert np.array_equal(Pixels(HALF, cache).read(path), plain)


def test_what_is_not_there_is_named(pictures: Pictures) -> None:
    asked = ["data.redress", "data.background"]
    gone = pictures.root / "masks" / "train" / "b.png"
    gone.unlink()
    with pytest.raises(DataError, match=r"train/b\.png is not there: the mask of train/b\.jpg") as caught:
        find_masks(pictures, asked, backgrounds=False)
    assert "set data.redress and data.background to 0" in caught.value.mend
    gone.parent.rename(gone.parent.parent / "elsewhere")
    gone.parent.parent.rename(pictures.root / "other")
    with pytest.raises(DataError, match=r"has no folder masks/, which data\.redress and data\.background needs"):
        find_masks(pictures, asked, backgrounds=False)


def test_no_background_is_told(pictures: Pictures) -> None:
    for path in (pictures.root / "backgrounds").iterdir():
        path.unlink()
    assert find_masks(pictures, ["data.redress"], backgrounds=False).backgrounds == ()
    with pytest.raises(DataError, match=r"backgrounds holds no picture, which data\.background needs"):
        find_masks(pictures, ["data.background"], backgrounds=True)


@pytest.mark.parametrize("spoiled", ["size", "mode", "content", "picture"])
def test_every_mask_is_looked_at(pictures: Pictures, spoiled: str) -> None:
    masks = find_masks(pictures, ["data.redress"], backgrounds=False)
    masks.check()
    path = masks.path(1)
    if spoiled == "size":
        mask_like(codes_of(80, 32)).save(path)
    elif spoiled == "mode":
        mask_like(codes_of(40, 16)).convert("L").save(path)
    else:
        (path if spoiled == "content" else pictures.path(1)).write_text("no picture")
    with pytest.raises(ImageError if spoiled in ("content", "picture") else DataError) as caught:
        masks.check()
    assert (pictures.path(1) if spoiled == "picture" else path).name in caught.value.message


def test_the_codes_are_those_that_people_are_made_with() -> None:
    part = pytest.importorskip("ccreid.synthetic.figure").Part
    assert (part.UPPER, part.LOWER, part.SHOES, part.OTHER) == (UPPER, LOWER, SHOES, OTHER)
