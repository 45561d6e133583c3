"""Pictures of every kind are seen as a viewer shows them, from a file and from memory."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from ccreid.data.shown import BACKGROUND, as_shown
from encoded import packed_12_bits, png, tiff

Values = NDArray[np.uint8]
CORNERS = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
"""Every pixel another shade, so that no turn looks like another."""


def shown(content: bytes) -> Values:
    with Image.open(BytesIO(content)) as image:
        return np.asarray(as_shown(image))


def grey(content: bytes) -> list[int]:
    """The shades of the first row, where all channels agree."""
    values = shown(content)
    assert (values == values[..., :1]).all()
    return [int(shade) for shade in values[0, :, 0]]


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


class TestOrientation:
    # From the definition (EXIF 2.3, tag 0x0112): where the stored first row and first column are to be seen.
    UPRIGHT: dict[int, Callable[[Values], Values]] = {  # noqa: RUF012
        1: lambda stored: stored,  # top, left
        2: lambda stored: stored[:, ::-1],  # top, right
        3: lambda stored: stored[::-1, ::-1],  # bottom, right
        4: lambda stored: stored[::-1],  # bottom, left
        5: lambda stored: stored.T,  # left, top
        6: lambda stored: stored.T[:, ::-1],  # right, top
        7: lambda stored: stored.T[::-1, ::-1],  # right, bottom
        8: lambda stored: stored.T[::-1],  # left, bottom
    }

    @staticmethod
    def stored(orientation: int, kind: str) -> bytes:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options = {"lossless": True} if kind == "WEBP" else {}
        return saved(Image.fromarray(CORNERS).convert("RGB"), kind, exif=exif, **options)

    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
    @pytest.mark.parametrize("orientation", UPRIGHT)
    def test_what_the_file_says_is_done(self, orientation: int, kind: str) -> None:
        content = self.stored(orientation, kind)
        np.testing.assert_array_equal(shown(content)[..., 0], self.UPRIGHT[orientation](CORNERS))

    @pytest.mark.parametrize("orientation", [0, 9, 200])
    def test_what_is_no_orientation_is_passed_over(self, orientation: int) -> None:
        np.testing.assert_array_equal(shown(self.stored(orientation, "PNG"))[..., 0], CORNERS)

    def test_photographs_are_turned_too(self) -> None:
        wide = Image.new("RGB", (16, 8))
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = 6
        assert shown(saved(wide, "JPEG", exif=exif)).shape == (16, 8, 3)

    @pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow's own word on such blocks
    @pytest.mark.parametrize("block", [b"Exif\0\0II*\0\x08\0\0\0\xff", b"Exif\0\0nothing", b"Exif\0\0"])
    def test_a_damaged_block_leaves_the_picture_as_it_is(self, block: bytes) -> None:
        image = Image.fromarray(CORNERS).convert("RGB")
        np.testing.assert_array_equal(shown(saved(image, "PNG", exif=block))[..., 0], CORNERS)

    def test_a_picture_in_memory_is_turned_as_its_file_is(self) -> None:
        content = self.stored(6, "PNG")
        with Image.open(BytesIO(content)) as image:
            kept = image.copy()
        np.testing.assert_array_equal(np.asarray(as_shown(kept)), shown(content))


class TestTransparency:
    """What nobody sees does not count."""

    def test_hidden_colours_do_not_count(self) -> None:
        colours = np.full((4, 6, 4), (10, 20, 30, 255), dtype=np.uint8)
        found = []
        for hidden in ((255, 0, 0, 0), (0, 0, 255, 0)):
            colours[:, :2] = hidden
            found.append(shown(saved(Image.fromarray(colours), "PNG")))
        np.testing.assert_array_equal(found[0], found[1])
        assert found[0][0, 0].tolist() == list(BACKGROUND)
        assert found[0][0, 5].tolist() == [10, 20, 30]

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_every_shade_shows_as_much_of_it_as_its_alpha_says(self, mode: str) -> None:
        shades, alphas = np.meshgrid(np.arange(256), np.arange(256))
        colours = [shades] * (len(mode) - 1)
        image = Image.fromarray(np.stack([*colours, alphas], -1).astype(np.uint8))
        assert image.mode == mode
        expected = (shades * alphas + 255.0 * (255 - alphas)) / 255
        assert np.abs(np.asarray(as_shown(image))[..., 0] - expected).max() <= 1
        opaque = image.copy()
        opaque.putalpha(255)
        np.testing.assert_array_equal(np.asarray(as_shown(opaque)), np.asarray(opaque.convert("RGB")))

    def test_colours_of_a_palette(self) -> None:
        palette = Image.new("P", (3, 1))
        palette.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
        palette.putdata([0, 1, 2])
        content = saved(palette, "PNG", transparency=bytes([255, 128, 0]))
        opaque, half, clear = shown(content)[0].tolist()
        assert opaque == [10, 20, 30]
        assert np.abs(np.subtract(half, [227, 177, 152])).max() <= 1
        assert clear == [255, 255, 255]

    def test_the_one_clear_colour_of_a_gif(self) -> None:
        frame = Image.new("P", (2, 1))
        frame.putpalette([9, 8, 7, 60, 50, 40])
        frame.putdata([0, 1])
        assert shown(saved(frame, "GIF", transparency=1))[0].tolist() == [[9, 8, 7], [255, 255, 255]]

    @pytest.mark.parametrize("kind", [np.uint8, np.uint16])
    def test_the_one_clear_colour_of_a_png(self, kind: type[np.unsignedinteger[Any]]) -> None:
        times = 257 if kind is np.uint16 else 1
        values = (np.array([[0, 100, 255]]) * times).astype(kind)
        assert grey(png(values, transparent=[100 * times])) == [0, 255, 255]
        coloured = np.stack([values] * 3, -1)
        assert grey(png(coloured, transparent=[100 * times] * 3)) == [0, 255, 255]

    def test_colours_of_16_bits_with_alpha(self) -> None:
        values = np.array([[[0, 0], [25700, 65535], [65535, 65535]]], dtype=np.uint16)
        assert grey(png(values)) == [255, 100, 255]


class TestDepth:
    SHADES = np.array([[0, 2560, 32768, 65535]], dtype=np.uint16)

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
    def test_grey_of_16_bits_keeps_its_shades(self, kind: str) -> None:
        assert grey(saved(Image.fromarray(self.SHADES), kind)) == [0, 10, 128, 255]

    def test_8_bits_come_back_from_16(self) -> None:
        every = np.arange(256, dtype=np.uint16)[None] * 257
        assert grey(png(every)) == list(range(256))
        assert grey(png(np.stack([every] * 3, -1))) == list(range(256))

    def test_12_bits_are_as_many_where_the_file_says_so(self) -> None:
        assert grey(tiff(4, 1, 12, packed_12_bits([0, 160, 2048, 4095]))) == [0, 10, 128, 255]
        portable = b"P5 4 1 4095\n" + np.array([0, 160, 2048, 4095], dtype=">u2").tobytes()
        assert grey(portable) == [0, 10, 128, 255]

    @pytest.mark.parametrize("bits", [9, 10, 12])
    def test_fewer_bits_that_nobody_scaled_are_refused_with_the_factor(self, bits: int) -> None:
        values = np.array([[0, 1, 2**bits - 1]], dtype=np.uint16)
        for content in (png(values), tiff(3, 1, 16, values.tobytes()), png(np.stack([values] * 3, -1))):
            with pytest.raises(ValueError, match=rf"lowest {bits} are used.*black.*by {2 ** (16 - bits)},"):
                shown(content)
        scaled = values << (16 - bits)
        assert grey(png(scaled)) == [0, *(int(value) >> 8 for value in scaled[0, 1:])]

    def test_a_black_picture_is_black(self) -> None:
        black = np.zeros((1, 3), dtype=np.uint16)
        assert grey(png(black)) == grey(png(np.stack([black] * 3, -1))) == [0, 0, 0]

    def test_white_may_be_zero(self) -> None:
        content = tiff(4, 1, 16, self.SHADES.tobytes(), {262: 0})
        assert grey(content) == [255, 245, 127, 0]

    def test_integers_without_a_range_are_refused(self) -> None:
        content = saved(Image.fromarray(np.array([[0, 100, 70000]], dtype=np.int32)), "TIFF")
        with pytest.raises(ValueError, match="32 bits"):
            shown(content)
        with pytest.raises(ValueError, match="sign"):
            shown(tiff(2, 1, 16, np.array([-5, 5], dtype=np.int16).tobytes(), {339: 2}))

    def test_floats_go_from_0_to_1(self) -> None:
        values = np.array([[0, 0.2, 0.5, 1]], dtype=np.float32)
        assert grey(saved(Image.fromarray(values), "TIFF")) == [0, 51, 128, 255]
        for odd in (-0.1, 255.0, np.nan, np.inf):
            values[0, 1] = odd
            with pytest.raises(ValueError, match="0 \\(black\\) to 1"):
                shown(saved(Image.fromarray(values), "TIFF"))


def test_the_first_frame_is_shown() -> None:
    frames = [Image.new("RGB", (2, 1), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    for kind in ("GIF", "PNG", "TIFF"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        assert shown(content).tolist() == [[[255, 0, 0]] * 2]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_ordinary_pictures_keep_their_values(kind: str, mode: str) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    content = saved(Image.fromarray(noise).convert(mode), kind)
    with Image.open(BytesIO(content)) as image:
        plain = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(shown(content), plain)
