"""MixStyle: in training, feature maps take on a share of another image's style.

Source: Zhou et al., "Domain Generalization with MixStyle", ICLR 2021, section 2.2, on pairs drawn from the whole batch.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Beta

from ccreid.errors import SettingError

ALPHA = 0.1
"""Of the Beta distribution that shares are drawn from: mostly near 0 or 1, as the source has it."""
VARIANCE_FLOOR = 1e-6
REDUCTIONS = (4, 8)
"""How many pixels of the image a place of the first two stages' maps is wide."""


def mix_styles(feature_map: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    """Give each image a style between its own and a partner's: x' = (x - μ_i) / σ_i · σ + μ.

    μ = λ μ_i + (1 - λ) μ_j and σ = λ σ_i + (1 - λ) σ_j are of each channel, with σ_i = sqrt(variance + 1e-6); all are
    detached: only the content of x carries gradients.

    Parameters
    ----------
    feature_map:
        (B, C, H, W).
    partners:
        (B,) int64, the batch index j of each image's partner.
    shares:
        (B,) λ in [0, 1], what each image keeps of its own style.

    Returns
    -------
    Tensor
        (B, C, H, W), in the dtype and memory format of the map.
    """
    values = feature_map.to(torch.promote_types(feature_map.dtype, torch.float32))
    variance, mean = torch.var_mean(values.detach(), dim=(2, 3), correction=0, keepdim=True)
    deviation = (variance + VARIANCE_FLOOR).sqrt()
    kept = shares.to(mean)[:, None, None, None]
    mixed_mean, mixed_deviation = (kept * own + (1 - kept) * own[partners] for own in (mean, deviation))
    return torch.addcmul(mixed_mean, values - mean, mixed_deviation / deviation).to(feature_map.dtype)


def mix_styles_in_training(model: nn.Module, name: str, probability: float) -> None:
    """Let a timm model mix styles after its first two stages, in training mode and there with a probability each time.

    Draws come from torch's own generator on the CPU, which a run seeds for every step.

    Parameters
    ----------
    model:
        Its modules are given a hook; parameters and state stay as they are.
    name:
        By which the user knows it.
    probability:
        Of mixing, for a batch as it leaves a stage.

    Raises
    ------
    SettingError
        The model has no such stages, or they yield (which its first pass tells) something else than (B, C, H, W).
    """
    stages = {stage["reduction"]: stage for stage in cast(Any, getattr(model, "feature_info", ()))}
    if not set(REDUCTIONS) <= set(stages):
        raise _no_maps(name)
    for reduction in REDUCTIONS:
        try:
            stage = model.get_submodule(stages[reduction]["module"])
        except AttributeError as error:
            raise _no_maps(name) from error
        hook = partial(_mixed, name, stages[reduction]["num_chs"], probability)
        stage.register_forward_hook(torch.compiler.disable(hook))  # compiled code would draw otherwise


def _mixed(
    name: str, channels: int, probability: float, stage: nn.Module, _given: object, feature_map: Tensor
) -> Tensor | None:
    """What a stage yields in the place of its feature map; None leaves that as it is."""
    if not isinstance(feature_map, Tensor) or feature_map.ndim != 4 or feature_map.shape[1] != channels:
        raise _no_maps(name)
    if not stage.training or torch.rand(()).item() >= probability:
        return None
    count = len(feature_map)
    partners, shares = torch.randperm(count), Beta(ALPHA, ALPHA).sample((count,))
    return mix_styles(feature_map, partners.to(feature_map.device), shares.to(feature_map.device))


def _no_maps(name: str) -> SettingError:
    return SettingError(
        f"network.mixstyle is above 0, but '{name}' has no feature maps of (channels, height, width) a quarter and an "
        "eighth as wide as its images.",
        "Set network.mixstyle to 0, or choose another convolutional network.",
    )
