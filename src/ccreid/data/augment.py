"""Random changes to training pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from ccreid.data.preprocess import Preprocessing
from ccreid.runtime import seeded


@dataclass(frozen=True)
class Augmentation:
    """The train transform: resize, flip, pad, crop, normalise, erase, in this order.

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
        with seeded(seed):
            return cast(Tensor, self._transform(image))

    @cached_property
    def _transform(self) -> v2.Compose:
        size = (self.preprocessing.height_px, self.preprocessing.width_px)
        return v2.Compose(
            [
                self.preprocessing.resize(),
                v2.RandomHorizontalFlip(self.flip),
                v2.Pad(self.padding_px),
                v2.RandomCrop(size),
                *self.preprocessing.to_normalised_tensor(),
                v2.RandomErasing(self.erasing, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3), value=0),
            ]
        )
