"""Backbones, pictures for them, and timm models to take weights from."""

from __future__ import annotations

from typing import Any, cast

import timm
import torch
from torch import Tensor, nn

from ccreid.model.backbone import Backbone


def built(name: str = "test_resnet", height_px: int = 96, width_px: int = 48, last_stride: int = 2) -> Backbone:
    return Backbone(name, height_px=height_px, width_px=width_px, last_stride=last_stride).eval()


def images(height_px: int = 96, width_px: int = 48, count: int = 2) -> Tensor:
    return torch.rand(count, 3, height_px, width_px, generator=torch.Generator().manual_seed(1))


def donor(name: str = "test_resnet", seed: int = 7, **kwargs: Any) -> nn.Module:
    """A timm model, with a head, whose every weight (of batch normalisation too) differs from a new one's."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = timm.create_model(name, **kwargs)
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand_like(tensor) * 0.01)
    return model.eval()


def features_of(model: nn.Module, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return cast(Tensor, cast(Any, model).forward_features(pictures))


def maps_of(backbone: Backbone, pictures: Tensor) -> Tensor:
    with torch.no_grad():
        return cast(Tensor, backbone(pictures))
