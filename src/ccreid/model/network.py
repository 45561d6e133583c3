"""The network of FIRe²: a backbone, max and average pooling, a BN neck; and a projection where one was found."""

from __future__ import annotations

from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class SpatialBackbone(Protocol):
    """A module that turns images (B, 3, H, W) into feature maps (B, channels, H', W')."""

    channels: int


class Network(nn.Module):
    """Images to embeddings; only the vector after the neck is used, in training and at test time.

    Parameters
    ----------
    backbone:
        A module with an attribute `channels` that yields feature maps.
    projected:
        D of the embeddings where a linear projection follows, which :mod:`ccreid.ops.discriminant` finds for a network
        that has learnt and no training changes; None for D = 2C.
    """

    def __init__(self, backbone: nn.Module, projected: int | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        pooled = 2 * cast(SpatialBackbone, backbone).channels
        self.neck = neck(pooled)
        self.projected, self.dimension = projected, projected or pooled
        self.projection = nn.Linear(pooled, projected).requires_grad_(False) if projected else None

    def feature_map(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to (B, C, H', W') feature maps."""
        return cast(Tensor, self.backbone(images))

    def embed(self, feature_map: Tensor) -> Tensor:
        """(B, C, H', W') feature maps to (B, D) embeddings, not normalised."""
        vectors = cast(Tensor, self.neck(pool(feature_map)))
        return vectors if self.projection is None else cast(Tensor, self.projection(normalize(vectors, dim=1)))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to (B, D) embeddings, not normalised."""
        return self.embed(self.feature_map(images))


def pool(feature_map: Tensor) -> Tensor:
    """(B, C, H, W) to (B, 2C) in float32 at least: global maxima, then global averages."""
    dtype = torch.promote_types(feature_map.dtype, torch.float32)
    return torch.cat([feature_map.amax(dim=(2, 3)).to(dtype), feature_map.mean(dim=(2, 3), dtype=dtype)], dim=1)


def neck(dimension: int) -> nn.BatchNorm1d:
    """A BN neck (Luo et al., 2019): scale trained from 1, shift fixed at 0."""
    layer = nn.BatchNorm1d(dimension)
    layer.bias.requires_grad_(False)
    return layer


def linear_head(dimension: int, identities: int) -> nn.Linear:
    """A linear layer D -> P without bias, weights drawn from N(0, 0.001²)."""
    layer = nn.Linear(dimension, identities, bias=False)
    nn.init.normal_(layer.weight, std=0.001)
    return layer
