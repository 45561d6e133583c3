"""What travels from the loaders to the network: tensors alone; ids stay home, looked up by index."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class PlainBatch(NamedTuple):
    """Images of a batch and where to look up what is known of them.

    Attributes
    ----------
    images:
        (B, 3, H, W) float32, normalised.
    indices:
        (B,) int64 into the pictures that the loader was made from.
    """

    images: Tensor
    indices: Tensor

    def to(self, device: torch.device) -> PlainBatch:
        """The same batch on a device."""
        return PlainBatch(*(field.to(device, non_blocking=True) for field in self))


class Batch(NamedTuple):
    """Images of a batch, whose they are and where to look up the rest (a named tuple: Fabric maps over those).

    Attributes
    ----------
    images:
        (B, 3, H, W) float32, normalised.
    identities:
        (B,) int64.
    indices:
        (B,) int64 into the samples that the loader was made from.
    """

    images: Tensor
    identities: Tensor
    indices: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return Batch(
            self.images.to(device, non_blocking=True),
            self.identities.to(device, non_blocking=True),
            self.indices.to(device, non_blocking=True),
        )
