"""What is done to a picture before the network sees it; it travels with the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Self, cast

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

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
        return cast(Tensor, self._transform(image))

    @cached_property
    def _transform(self) -> v2.Compose:
        return v2.Compose([self.resize(), *self.to_normalised_tensor()])

    def resize(self) -> v2.Resize:
        """The step from a picture of any size to the input size."""
        return v2.Resize((self.height_px, self.width_px), interpolation=v2.InterpolationMode.BILINEAR, antialias=True)

    def to_normalised_tensor(self) -> list[v2.Transform]:
        """The steps from a picture of the input size to the network's input."""
        return [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(self.mean, self.std)]

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """From what :meth:`to_json` gave."""
        return cls(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
