"""Pictures as whoever embeds them gives them: files, arrays, PIL images, boxes in files, in any mix."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccreid.data.crops import Crop, Frames
from ccreid.data.decode import status_of
from ccreid.data.shown import as_shown
from ccreid.errors import ImageError
from ccreid.vocabulary import Pictures

PictureLike = str | os.PathLike[str] | NDArray[Any] | Image.Image | Crop
"""A file; an array of uint8, (H, W, 3) in RGB, (H, W, 4) with alpha or (H, W) in grey; a PIL image; a box in a file."""


@dataclass(frozen=True, eq=False)
class Given:
    """N pictures some of which are no files of their own. Made by :func:`given`, which looks at each.

    Attributes
    ----------
    pictures:
        As they were given.
    files:
        N names: the path as it was given, with the box behind it where there is one, or "image 0", "image 1", ... by
        place for those without a path.
    frames:
        Cuts the boxes out.
    """

    pictures: tuple[PictureLike, ...]
    files: tuple[str, ...]
    frames: Frames = field(default_factory=Frames)

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, row: int) -> Path | Image.Image:
        """Image `row`: where it lies, or itself as RGB. Raises ImageError."""
        picture = self.pictures[row]
        if isinstance(picture, str | os.PathLike):
            return Path(picture)
        if isinstance(picture, Crop):
            return self.frames.cut(picture)
        try:
            return as_shown(Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture)
        except Exception as error:  # a file that is read only now: closed or broken ones fail in many ways
            why = str(error) or type(error).__name__
            raise ImageError(
                f"Image {row}, a PIL image, cannot be read: {why}.", "Call its load() while its file is open."
            ) from error


def given(pictures: PictureLike | Iterable[PictureLike]) -> Pictures | Given:
    """One picture or several, in the order given; `Pictures` where all of them lie on disk.

    Raises
    ------
    ImageError
        Something is no picture or lies nowhere; its place, from 0, is named.
    """
    listed = _listed(pictures)
    for place, picture in enumerate(listed):
        _check(picture, place)
    files = tuple(
        str(picture) if isinstance(picture, str | os.PathLike | Crop) else f"image {place}"
        for place, picture in enumerate(listed)
    )
    of_files = all(isinstance(picture, str | os.PathLike) for picture in listed)
    return Pictures(files=files) if of_files else Given(listed, files)


def _listed(pictures: PictureLike | Iterable[PictureLike]) -> tuple[PictureLike, ...]:
    if isinstance(pictures, str | os.PathLike | np.ndarray | Image.Image | Crop):
        return (pictures,)
    try:
        return tuple(pictures)
    except TypeError as error:
        raise ImageError(
            f"Of type {type(pictures).__name__} is no picture.", "Give paths, arrays of uint8 or PIL images."
        ) from error


def _check(picture: object, place: int) -> None:
    if isinstance(picture, str | os.PathLike):
        _check_file(Path(picture), place)
    elif isinstance(picture, Crop):
        _check_file(Path(picture.path), place)
    elif isinstance(picture, np.ndarray):
        shape = picture.shape
        drawn = len(shape) == 2 or (len(shape) == 3 and shape[2] in (3, 4))
        if picture.dtype != np.uint8 or not drawn or not picture.size:
            raise ImageError(
                f"Image {place} is an array of shape {shape} and dtype {picture.dtype}.",
                "Give (H, W, 3) in RGB, (H, W, 4) or (H, W) of uint8, values from 0 to 255; of several, a list.",
            )
    elif not isinstance(picture, Image.Image):
        raise ImageError(
            f"Image {place} is of type {type(picture).__name__}.", "Give a path, an array of uint8 or a PIL image."
        )
    elif not (picture.width and picture.height):
        raise ImageError(f"Image {place} is {picture.width} x {picture.height} pixels.", "Leave it out.")


def _check_file(path: Path, place: int) -> None:
    """A path that leads to no file is said at once, not after the pictures before it."""
    if _is_folder(path):
        raise ImageError(
            f"Image {place}, {path}, is a folder.", f"Give the pictures in it: Path({str(path)!r}).glob('*.jpg')."
        )
    try:
        status_of(path)
    except ImageError as error:
        raise ImageError(f"Image {place}, {error.message}", "Check the path.") from error


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False
