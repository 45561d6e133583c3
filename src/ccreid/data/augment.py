"""Random changes to training pictures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.data.recapture import recaptured
from ccreid.machine.seeds import derive_seed

AREA = (0.02, 0.4)
ASPECT = (0.3, 1 / 0.3)
_LOW, _HIGH = torch.tensor(ASPECT).log().tolist()

Aspect = Literal["uniform", "log-uniform"]
"""How the height over the width of an erased rectangle is drawn between 0.3 and 1/0.3."""


class AspectRule(NamedTuple):
    """How an aspect is drawn, and how often a rectangle is drawn again that does not fit."""

    draw: Callable[[torch.Generator], float]
    tries: int


ASPECT_RULES: Mapping[Aspect, AspectRule] = MappingProxyType(
    {
        "uniform": AspectRule(lambda draws: _between(*ASPECT, draws).item(), 100),
        "log-uniform": AspectRule(lambda draws: _between(_LOW, _HIGH, draws).exp().item(), 10),
    }
)
"""The authors' code, where most rectangles are taller than wide, and torchvision, where as many are wider than tall."""


class Hole(NamedTuple):
    """A rectangle to erase from an image: the image's place in its batch, then the rectangle in pixels."""

    place: int
    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True)
class Augmentation:
    """The train transform: resize, take again, flip, pad, crop, normalise, erase, in this order.

    It gives the bits of torchvision's transforms (its random erasing with the aspect "log-uniform") and draws what they
    draw, many times as fast: what moves pixels works on bytes, and the generator is the image's own.

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
    aspect:
        How the aspect of that rectangle is drawn.
    recapture:
        Probability of what another camera would change; see :func:`ccreid.data.recapture.recaptured`. It draws from a
        generator of its own.
    """

    preprocessing: Preprocessing
    flip: float
    padding_px: int
    erasing: float
    aspect: Aspect
    recapture: float = 0.0

    def __call__(self, image: Image.Image, seed: int) -> Tensor:
        """An RGB picture as (3, height_px, width_px) float32; the same seed gives the same tensor."""
        return self.batch([self.preprocessing.pixels(image)], [seed])[0]

    def batch(self, pictures: Sequence[NDArray[np.uint8]], seeds: Sequence[int]) -> Tensor:
        """B pictures of (height_px, width_px, 3) as (B, 3, height_px, width_px) float32, each by its own seed."""
        pixels, holes = self.move(pictures, seeds)
        return erase(self.preprocessing.normalised(pixels), holes)

    def move(self, pictures: Sequence[NDArray[np.uint8]], seeds: Sequence[int]) -> tuple[Tensor, list[Hole]]:
        """What is done while pixels are bytes: taking them again, then what only moves them: flip, padding and crop.

        Returns
        -------
        pixels, holes:
            (B, height_px, width_px, 3) uint8, yet to be normalised; then what is to be erased.
        """
        changes = [self._draw(place, seed) for place, seed in enumerate(seeds)]
        pixels = np.empty((len(changes), self.preprocessing.height_px, self.preprocessing.width_px, 3), np.uint8)
        taken = (self._taken(picture, seed) for picture, seed in zip(pictures, seeds, strict=True))
        for window, picture, change in zip(pixels, taken, changes, strict=True):
            if change.flipped:
                picture = torch.from_numpy(picture.copy()).flip(1).numpy()
            rows, of_rows = _overlap(change.top - self.padding_px, len(window))
            columns, of_columns = _overlap(change.left - self.padding_px, window.shape[1])
            window.fill(0)
            window[of_rows, of_columns] = picture[rows, columns]
        return torch.from_numpy(pixels), [change.hole for change in changes if change.hole]

    def _taken(self, picture: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
        if not self.recapture:
            return picture
        random = np.random.default_rng(derive_seed(seed, "recapture"))
        return recaptured(picture, random) if random.random() < self.recapture else picture

    def _draw(self, place: int, seed: int) -> _Change:
        """Everything random about an image, in the order of the steps."""
        draws = torch.Generator().manual_seed(seed)
        flipped = _happens(self.flip, draws)
        top, left = (_below(2 * self.padding_px + 1, draws) if self.padding_px else 0 for _ in range(2))
        return _Change(flipped, top, left, self._hole(place, draws) if _happens(self.erasing, draws) else None)

    def _hole(self, place: int, draws: torch.Generator) -> Hole | None:
        """A rectangle of random area and aspect (Zhong et al., 2020, algorithm 1); none where none of many fits."""
        height, width = self.preprocessing.height_px, self.preprocessing.width_px
        rule = ASPECT_RULES[self.aspect]
        for _ in range(rule.tries):
            area = height * width * _between(*AREA, draws).item()
            aspect = rule.draw(draws)
            high, wide = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if high < height and wide < width:
                return Hole(place, _below(height - high + 1, draws), _below(width - wide + 1, draws), high, wide)
        return None


def erase(images: Tensor, holes: Iterable[Hole]) -> Tensor:
    """Set the holes of a normalised batch to 0, in place."""
    for place, top, left, height, width in holes:
        images[place, :, top : top + height, left : left + width] = 0
    return images


class _Change(NamedTuple):
    """What was drawn for one image; the corner is that of the crop in the padded picture."""

    flipped: bool
    top: int
    left: int
    hole: Hole | None


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Which part of a line shows in a window of the same length that starts `shift` later, and where in the window."""
    first, end = (min(max(place, 0), size) for place in (shift, shift + size))
    return slice(first, end), slice(first - shift, end - shift)


def _happens(probability: float, draws: torch.Generator) -> bool:
    return bool(torch.rand(1, generator=draws) < probability)


def _between(low: float, high: float, draws: torch.Generator) -> Tensor:
    return torch.empty(1).uniform_(low, high, generator=draws)


def _below(end: int, draws: torch.Generator) -> int:
    return int(torch.randint(end, (1,), generator=draws))
