"""What is done to a picture before the network sees it; it travels with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

AT_ONCE = 4
"""Pictures normalised at once: of 384 x 192 that is 3.5 MB, and enough for threads to share."""


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

    height_px: int
    width_px: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def __call__(self, image: Image.Image) -> Tensor:
        """An RGB picture as (3, height_px, width_px) float32."""
        return self.normalised(torch.from_numpy(self.pixels(image)[None]))[0]

    def pixels(self, image: Image.Image) -> NDArray[np.uint8]:
        """An RGB picture resized, as (height_px, width_px, 3)."""
        return np.array(image.resize((self.width_px, self.height_px), Image.Resampling.BILINEAR))  # it antialiases

    def normalised(self, pixels: Tensor) -> Tensor:
        """(B, height_px, width_px, 3) uint8 as (B, 3, height_px, width_px) float32, channels innermost, where they are.

        The arithmetic is that of torchvision's transforms v2, in its order, so that the bits are too; over whole rows
        of pixels, because their inner loop is long; a few pictures at a time, which stay in the processor's cache. It
        multiplies by 1/255, where the authors' pipeline divides by 255: the last digit may differ.
        """
        if not all(self.std):
            raise ValueError("A standard deviation is 0.")
        mean, std = (torch.tensor(of, device=pixels.device).repeat(self.width_px) for of in (self.mean, self.std))
        images = _fresh(pixels.shape, pixels.device)
        parts = (torch.split(whole.flatten(2), AT_ONCE) for whole in (images, pixels))
        for few, of_few in zip(*parts, strict=True):
            few.copy_(of_few).mul_(1 / 255).sub_(mean).div_(std)
        return images.permute(0, 3, 1, 2)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` gave."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})


def _fresh(shape: torch.Size, device: torch.device) -> Tensor:
    """Floats yet to be filled. NumPy asks Linux for large pages, torch does not: first touching small ones is slow."""
    if device.type == "cpu":
        return torch.from_numpy(np.empty(shape, np.float32))
    return torch.empty(shape, device=device)
