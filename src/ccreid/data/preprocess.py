"""What is done to a picture before the network sees it; it travels with the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preprocessing:
    """The test transform: resize (bilinear, antialiased), to [0, 1], normalise.

    Attributes
    ----------
    height_px, width_px:
        Size of the network's input.
    mean, std:
        Of the red, green and blue channels, in [0, 1].
    """

    height_px: int = 384
    width_px: int = 192
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __call__(self, image: Image.Image) -> Tensor:
        """An RGB picture as (3, height_px, width_px) float32."""
        return self.normalised([self.pixels(image)], 1)[0]

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """An RGB picture resized, as (height_px, width_px, 3)."""
        return np.array(image.resize((self.width_px, self.height_px), Image.Resampling.BILINEAR))  # it antialiases

    def normalised(self, pictures: Iterable[NDArray[np.uint8]], count: int) -> Tensor:
        """So many pictures of (height_px, width_px, 3) as (B, 3, height_px, width_px) float32, channels innermost.

        One picture at a time, which stays in the processor's cache. The arithmetic is torchvision's, in its order, so
        that the bits are too; over whole rows of pixels, because their inner loop is long.
        """
        mean, std = (torch.tensor(values).repeat(self.width_px) for values in (self.mean, self.std))
        if not std.all():
            raise ValueError("A standard deviation is 0.")
        # NumPy asks Linux for large pages, torch does not: touching the memory first would take longer than filling it.
        images = torch.from_numpy(np.empty((count, self.height_px, self.width_px, 3), np.float32))
        for image, picture in zip(images.flatten(2), pictures, strict=True):
            pixels = torch.from_numpy(picture if picture.flags.writeable else picture.copy())  # torch warns of others
            image.copy_(pixels.flatten(1)).mul_(1 / 255).sub_(mean).div_(std)
        return images.permute(0, 3, 1, 2)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` gave."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
