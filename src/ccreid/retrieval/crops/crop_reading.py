"""Pictures become crops of the network's input size, each picture read once, or why they do not."""

from __future__ import annotations

import hashlib
from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ccreid.data.crops import Box, clipped, cut, outside
from ccreid.data.decode import decoded
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sources import content_at
from ccreid.errors import ImageError
from ccreid.retrieval.crops.crop_file import crop_id


@dataclass(frozen=True)
class Picture:
    """A picture to read, with the crops that are wanted of it.

    Attributes
    ----------
    path:
        A path or a URI.
    rows, boxes:
        Of each crop its row in the list, and its box; None for the whole picture.
    """

    path: str
    rows: tuple[int, ...]
    boxes: tuple[Box | None, ...]


@dataclass(frozen=True, eq=False)
class Seen:
    """What came of one crop.

    Attributes
    ----------
    row:
        In the list.
    problem:
        Why there is none; empty where there is one.
    sha256, box:
        Of the picture's bytes, and what of the box lies in the picture.
    clipped:
        Whether some of the box did not.
    height_px, width_px:
        Of the crop.
    values:
        The pixels at the network's input size, (H, W, 3) uint8, and once they are embedded the (D,) embedding of
        length 1; None where the crop was known.
    """

    row: int
    problem: str = ""
    sha256: str = ""
    box: Box | None = None
    clipped: bool = False
    height_px: int = 0
    width_px: int = 0
    values: NDArray[np.generic] | None = None

    @property
    def id(self) -> str:
        """What the crop is known by."""
        return crop_id(self.sha256, self.box)

    def embedded(self, vector: NDArray[np.float32]) -> Self:
        """The same with its embedding in place of its pixels."""
        return replace(self, values=vector)


def read_picture(picture: Picture, preprocessing: Preprocessing, known: Container[str]) -> list[Seen]:
    """Read a picture and cut its crops; it is not decoded where all of them are known by their ids."""
    try:
        content = content_at(picture.path)
        sha256 = hashlib.sha256(content).hexdigest()
        if all(crop_id(sha256, box) in known for box in picture.boxes):
            return [Seen(row, "", sha256, box) for row, box in zip(picture.rows, picture.boxes, strict=True)]
        shown = decoded(picture.path, content)
    except ImageError as error:
        return [Seen(row, error.message) for row in picture.rows]
    seen = []
    for row, box in zip(picture.rows, picture.boxes, strict=True):
        inside = None if box is None else clipped(box, shown.size)
        if box is not None and inside is None:
            seen.append(Seen(row, outside(picture.path, box, shown.size).message))
            continue
        crop = shown if inside is None else cut(shown, inside)
        pixels = None if crop_id(sha256, inside) in known else preprocessing.pixels(crop)
        seen.append(Seen(row, "", sha256, inside, inside != box, crop.height, crop.width, pixels))
    return seen
