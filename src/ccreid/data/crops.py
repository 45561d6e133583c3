"""People cut out of larger pictures by their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ccreid.data.decode import read_image
from ccreid.errors import ImageError
from ccreid.machine.arguments import PathLike

Box = tuple[int, int, int, int]
"""x, y, width, height in pixels of a picture as it is shown, from its upper left corner on."""


@dataclass(frozen=True)
class Crop:
    """One person in a larger picture.

    Attributes
    ----------
    path:
        Where the picture lies.
    box:
        x, y, width and height of the person, in pixels of the picture as it is shown: upright, where its file says that
        it is turned. What reaches beyond the picture is clipped.

    Raises
    ------
    ImageError
        The box is none.
    """

    path: PathLike
    box: Box

    def __post_init__(self) -> None:
        object.__setattr__(self, "box", as_box(self.box, str(self.path)))

    def __str__(self) -> str:
        return f"{self.path}[{','.join(map(str, self.box))}]"


def as_box(given: Sequence[float], where: str) -> Box:
    """Edges rounded to whole pixels; `where` it stands, for the message.

    Raises
    ------
    ImageError
        It has no four numbers, or one of them is not finite.
    """
    try:
        x, y, width, height = map(float, given)
        left, top, right, bottom = (round(edge) for edge in (x, y, x + width, y + height))
    except (TypeError, ValueError, OverflowError) as error:
        raise ImageError(
            f"{where}: {given!r} is no box.", "Give x, y, width and height in pixels, four numbers."
        ) from error
    return left, top, right - left, bottom - top


def clipped(box: Box, size: tuple[int, int]) -> Box | None:
    """What of a box lies in a picture of so many pixels (width, height); None where that is nothing."""
    x, y, width, height = box
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, size[0]), min(y + height, size[1])
    return (left, top, right - left, bottom - top) if left < right and top < bottom else None


def cut(picture: Image.Image, box: Box) -> Image.Image:
    """The pixels of a box that lies in the picture."""
    x, y, width, height = box
    return picture.crop((x, y, x + width, y + height))


def outside(path: PathLike, box: Box, size: tuple[int, int]) -> ImageError:
    """The error for a box of which nothing lies in its picture."""
    x, y, width, height = box
    what = "lies outside" if min(width, height) > 0 else "is empty in"
    return ImageError(
        f"{path}: the box at {x}, {y} of {width} x {height} pixels {what} the picture of {size[0]} x {size[1]}.",
        "Leave it out. Boxes are in pixels, and of the picture as it is shown: upright.",
    )


class Frames:
    """Cuts crops out of pictures on disk, each of which is decoded once for all crops of it that come in a row.

    Attributes
    ----------
    clipped:
        How many boxes reached beyond their picture so far.
    """

    def __init__(self) -> None:
        self.clipped = 0
        self._last: tuple[Path, Image.Image] | None = None

    def whole(self, path: PathLike) -> Image.Image:
        """A picture in RGB. Raises ImageError where it cannot be read."""
        path = Path(path)
        if self._last is None or self._last[0] != path:
            self._last = None  # never two of them in memory
            self._last = path, read_image(path)
        return self._last[1]

    def cut(self, crop: Crop) -> Image.Image:
        """The crop in RGB. Raises ImageError where its picture cannot be read or nothing of the box lies in it."""
        picture = self.whole(crop.path)
        box = clipped(crop.box, picture.size)
        if box is None:
            raise outside(crop.path, crop.box, picture.size)
        self.clipped += box != crop.box
        return cut(picture, box)
