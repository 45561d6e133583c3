"""Random changes to training pictures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccreid.data.preprocess import Preprocessing

AREA = (0.02, 0.4)
LOG_ASPECT = tuple(torch.tensor([0.3, 1 / 0.3]).log().tolist())
NO_HOLE = (0, 0, 0, 0)


@dataclass(frozen=True)
class Augmentation:
    """The train transform: resize, flip, pad, crop, normalise, erase, in this order.

    It gives the bits of torchvision's transforms and draws what they draw, many times as fast: what moves pixels works
    on bytes, and the generator is the image's own.

    Attributes
    ----------
    preprocessing:
        Size and normalisation, as at test time.
    flip:
        Probability of a horizontal flip.
    padding_px:
        Zeros added on every side before the random crop.
    erasing:
        Probability of erasing a rectangle (area 0.02-0.4, aspect 0.3-1/0.3, set to 0 after normalisation).
    """

    preprocessing: Preprocessing
    flip: float = 0.5
    padding_px: int = 10
    erasing: float = 0.5

    def __call__(self, image: Image.Image, seed: int) -> Tensor:
        """An RGB picture as (3, height_px, width_px) float32; the same seed gives the same tensor."""
        return self.batch([self.preprocessing.pixels(image)], [seed])[0]

    def batch(self, pictures: Sequence[NDArray[np.uint8]], seeds: Sequence[int]) -> Tensor:
        """B pictures of (height_px, width_px, 3) as (B, 3, height_px, width_px) float32, each by its own seed.

        Flip, padding and crop move pixels, which is done while they are bytes.
        """
        changes = [self._draw(seed) for seed in seeds]
        images = self.preprocessing.normalised(self._windows(pictures, changes), len(changes))
        for image, change in zip(images, changes, strict=True):
            top, left, height, width = change.erased
            image[:, top : top + height, left : left + width] = 0
        return images

    def _windows(
        self, pictures: Iterable[NDArray[np.uint8]], changes: Iterable[_Change]
    ) -> Iterator[NDArray[np.uint8]]:
        """What the crop shows of each picture on black, always in the same array: fresh memory is slow."""
        window = np.empty((self.preprocessing.height_px, self.preprocessing.width_px, 3), np.uint8)
        for picture, change in zip(pictures, changes, strict=True):
            if change.flipped:
                picture = torch.from_numpy(picture.copy()).flip(1).numpy()
            rows, of_rows = _overlap(change.top - self.padding_px, len(window))
            columns, of_columns = _overlap(change.left - self.padding_px, window.shape[1])
            window.fill(0)
            window[of_rows, of_columns] = picture[rows, columns]
            yield window

    def _draw(self, seed: int) -> _Change:
        """Everything random about an image, in the order of the steps."""
        draws = torch.Generator().manual_seed(seed)
        flipped = _happens(self.flip, draws)
        top, left = (_below(2 * self.padding_px + 1, draws) if self.padding_px else 0 for _ in range(2))
        return _Change(flipped, top, left, self._hole(draws) if _happens(self.erasing, draws) else NO_HOLE)

    def _hole(self, draws: torch.Generator) -> tuple[int, int, int, int]:
        """A rectangle of random area and aspect that fits; none where ten did not (Zhong et al., 2020, algorithm 1)."""
        height, width = self.preprocessing.height_px, self.preprocessing.width_px
        for _ in range(10):
            area = height * width * torch.empty(1).uniform_(*AREA, generator=draws).item()
            aspect = torch.empty(1).uniform_(*LOG_ASPECT, generator=draws).exp().item()
            high, wide = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if high < height and wide < width:
                return _below(height - high + 1, draws), _below(width - wide + 1, draws), high, wide
        return NO_HOLE


class _Change(NamedTuple):
    """What was drawn for one image: the corner of the crop in the padded picture; top, left, height, width erased."""

    flipped: bool
    top: int
    left: int
    erased: tuple[int, int, int, int]


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Which part of a line shows in a window of the same length that starts `shift` later, and where in the window."""
    first, end = (min(max(place, 0), size) for place in (shift, shift + size))
    return slice(first, end), slice(first - shift, end - shift)


def _happens(probability: float, draws: torch.Generator) -> bool:
    return bool(torch.rand(1, generator=draws) < probability)


def _below(end: int, draws: torch.Generator) -> int:
    return int(torch.randint(end, (1,), generator=draws))
