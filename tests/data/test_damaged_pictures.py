"""Whatever bytes a picture file holds, it is read, or refused by an error of our own that names it."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ccreid.data.decode import read_image
from ccreid.errors import ImageError
from ccreid.machine.formats import NO_PICTURES
from encoded import packed_12_bits, png, tiff

pytestmark = pytest.mark.filterwarnings("ignore:::PIL")  # Pillow's own words on what is damaged


def whole_files() -> dict[str, bytes]:
    """A small picture in every format and mode that Pillow writes, and some that it does not."""
    noise = np.random.default_rng(5).integers(0, 256, (16, 8, 3), dtype=np.uint8)
    Image.init()
    files = {
        "PNG of 16 bits": png(noise[..., 0].astype(np.uint16) * 257, transparent=[0]),
        "TIFF of 12 bits": tiff(4, 1, 12, packed_12_bits([0, 160, 2048, 4095])),
    }
    for kind in set(Image.SAVE) & set(Image.OPEN) - NO_PICTURES:
        for mode in ("RGB", "RGBA", "LA", "P", "1", "CMYK", "I;16", "F"):
            stream = BytesIO()
            exif = Image.Exif()
            exif[0x0112] = 6
            with suppress(Exception):  # not every format has every mode
                image = Image.fromarray(noise)
                image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
                image.save(stream, kind, exif=exif)
                files[f"{kind} {mode}"] = stream.getvalue()
    return files


WHOLE = whole_files()


def is_read_or_refused(content: bytes) -> None:
    try:
        image = read_image(Path("of/somebody.jpg"), content)
    except ImageError as error:
        refused = error
    else:
        assert (image.mode, min(image.size) > 0) == ("RGB", True)
        return
    assert refused.message.startswith("of/somebody.jpg cannot be read: ")
    assert refused.mend


def test_many_formats_are_tried() -> None:
    assert len({name.split()[0] for name in WHOLE}) > 12
    assert sum(not name.startswith("ICNS") for name in WHOLE) > 40


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_is_whole_is_read(name: str) -> None:
    if name.endswith((" F", " I;16")) or name.startswith(("SPIDER", "ICNS")):
        # Numbers that nobody scaled, which are refused; Pillow cannot read every ICNS that it writes.
        is_read_or_refused(WHOLE[name])
    else:
        assert read_image(Path("whole"), WHOLE[name]).mode == "RGB"


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    is_read_or_refused(content)


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 3000))
def test_truncated_files(name: str, length: int) -> None:
    is_read_or_refused(WHOLE[name][:length])


@settings(max_examples=1200, deadline=None)
@given(
    st.sampled_from(sorted(WHOLE)),
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255)), min_size=1),
)
def test_overwritten_files(name: str, changes: list[tuple[int, int]]) -> None:
    """Mostly in the header, where what is wrong leads furthest."""
    content = bytearray(WHOLE[name])
    for place, value in changes:
        content[place % len(content)] = value
    is_read_or_refused(bytes(content))
