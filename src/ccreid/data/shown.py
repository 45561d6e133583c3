"""The one rule by which pictures of every kind become RGB: as a viewer shows them.

Counted in `RULE`, so that what was kept under another rule is not taken for the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

RULE = 2
"""Goes up with every change by which some picture gets other pixels."""

BACKGROUND = (255, 255, 255)
"""What shows through where a picture is transparent: white, as a page and paper are."""

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by the orientation that its EXIF block gives."""

SHADES = 2**16
BLACK = 2**12
"""Numbers of 16 bits that all stay below this show as black: they are fewer bits that nobody scaled."""


def as_shown(image: Image.Image) -> Image.Image:
    """A picture in RGB: its first frame, upright, on white where it is transparent. The one given stays as it is.

    What is RGB or grey of 8 bits already keeps its values; 16 bits keep the upper 8. Colour profiles are not applied.

    Raises
    ------
    ValueError
        Its numbers have no range that is known, or 16 bits of which a viewer shows nothing but black.
    Exception
        Whatever a decoder makes of a damaged file.
    """
    wide_colours = any(";16" in str(tile) for tile in getattr(image, "tile", ()))  # Pillow keeps their upper 8 bits
    image.load()
    turn = _turn(image)
    if image.mode == "F":
        image = _from_floats(image)
    elif image.mode.startswith("I"):
        image = _from_integers(image)
    elif wide_colours:
        _check_scaled(max(_extrema(band)[1] for band in image.convert("RGB").split()) * 256)
    shown = _on_background(image)
    return shown if turn is None else shown.transpose(turn)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a damaged block of notes, which fails in many ways, leaves the picture as it is
        return None


def _on_background(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    above = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", above.size, BACKGROUND), above).convert("RGB")


def _from_integers(image: Image.Image) -> Image.Image:
    """Grey of 16 bits, or of as many as a TIFF says, in its upper 8."""
    if image.mode == "I" and image.format not in ("PNG", "PPM"):  # those two are scaled to 16 bits
        raise ValueError(
            "it holds integers of 32 bits or with a sign, whose black and white nobody knows; save it with 8 bits"
        )
    values = np.asarray(image).astype(np.int32)
    tags: Any = getattr(image, "tag_v2", {})
    shades = 2 ** min((16, *tags.get(ExifTags.Base.BitsPerSample, ())))
    if shades == SHADES:
        _check_scaled(int(values.max()))
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # white is 0; Pillow turns 8 bits round, and these not
        values = shades - 1 - values
    grey = Image.fromarray((values * 256 // shades).clip(0, 255).astype(np.uint8))
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey.putalpha(Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8)))
    return grey


def _from_floats(image: Image.Image) -> Image.Image:
    values: NDArray[np.float32] = np.asarray(image)
    if not ((values >= 0) & (values <= 1)).all():  # NaN is neither
        raise ValueError("it holds floats outside 0 (black) to 1 (white); save it with 8 bits")
    return Image.fromarray((values * 255).round().astype(np.uint8))


def _check_scaled(largest: int) -> None:
    if 0 < largest < BLACK:
        raise ValueError(
            f"of its 16 bits only the lowest {largest.bit_length()} are used, so that a viewer shows it black; "
            f"multiply its values by {SHADES >> largest.bit_length()}, or save it with 8 bits"
        )


def _extrema(band: Image.Image) -> tuple[int, int]:
    low, high = band.getextrema()
    return int(low), int(high)  # type: ignore[arg-type]  # of a single band it is a pair of numbers
