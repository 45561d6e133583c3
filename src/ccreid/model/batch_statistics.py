"""Batch normalisation that keeps its digits where the channels lie innermost, on a CPU."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

ROWS = 128
"""So many numbers are added up one after another in single precision, which costs hardly a digit."""


def normalise_accurately(module: nn.Module) -> None:
    """Let every batch normalisation of a module, in training, take statistics as accurate as contiguous images have.

    torch's own kernel for channels-last images on a CPU adds up all pixels of a channel one after another in single
    precision, so that the variance of 65,536 of them is off by 3e-4 where that of contiguous images is off by 1e-7. The
    layers stay what they are, so that their state is stored as before. Elsewhere torch's own kernels are accurate, and
    used.

    Parameters
    ----------
    module:
        Changed in place.
    """
    for layer in batch_normalisations(module):
        layer.forward = partial(_normalised, layer)  # type: ignore[method-assign]


def batch_normalisations(module: nn.Module) -> list[_BatchNorm]:
    """Those in a module, at any depth."""
    return [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]


def channel_moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance, (C,) float64 each, of (B, C, H, W) float32 images that are channels-last.

    Rows of many pixels are taken for one long pixel of many channels, so that torch's kernel adds up a few numbers for
    each; the means and variances of a channel are then put together in double precision. That is as fast as one call.
    """
    pixels = images.permute(0, 2, 3, 1).flatten(0, 2)
    count, channels = pixels.shape
    rows = next(rows for rows in range(min(ROWS, count), count + 1) if count % rows == 0)
    moments = torch.batch_norm_update_stats(pixels.view(rows, -1), None, None, 0.0)
    means, variances = (moment.view(-1, channels).double() for moment in moments)
    variance, mean = torch.var_mean(means, dim=0, correction=0)
    return mean, variance + variances.mean(dim=0)


@torch.no_grad()
def follow(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Update a layer's running statistics with the mean and the unbiased variance of a batch, (C,) each."""
    if layer.running_mean is None or layer.running_var is None or layer.num_batches_tracked is None:
        return
    layer.num_batches_tracked.add_(1)
    momentum = layer.momentum if layer.momentum is not None else 1 / float(layer.num_batches_tracked)
    layer.running_mean.lerp_(mean.to(layer.running_mean.dtype), momentum)
    layer.running_var.lerp_(variance.to(layer.running_var.dtype), momentum)


def after_normalising(layer: _BatchNorm, outputs: Tensor) -> Tensor:
    """What timm's layers do beside normalising."""
    for name in ("drop", "act"):
        if isinstance(further := getattr(layer, name, None), nn.Module):
            outputs = further(outputs)
    return outputs


def _normalised(layer: _BatchNorm, values: Tensor) -> Tensor:
    if not (layer.training and _loses_digits(values)):
        return type(layer).forward(layer, values)
    mean, variance = channel_moments(values.detach())
    count = values.numel() // values.shape[1]
    follow(layer, mean, variance * count / (count - 1))
    outputs: Tensor = _Normalise.apply(values, layer.weight, layer.bias, mean, variance, layer.eps)
    return after_normalising(layer, outputs)


def _loses_digits(values: Tensor) -> bool:
    return (
        values.device.type == "cpu"
        and values.dtype == torch.float32
        and values.ndim == 4
        and not values.is_contiguous()
        and values.is_contiguous(memory_format=torch.channels_last)
    )


class _Normalise(torch.autograd.Function):
    """torch's own kernels, forward and backward, with statistics that are given."""

    @staticmethod
    def forward(
        context: Any,
        values: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        eps: float,
    ) -> Tensor:
        scale = (variance + eps).rsqrt().float()
        mean, variance = mean.float(), variance.float()
        context.save_for_backward(values, weight, mean, scale)
        context.eps, context.wanted = eps, [True, weight is not None, bias is not None]
        return torch.native_batch_norm(values, weight, bias, mean, variance, False, 0.0, eps)[0]

    @staticmethod
    @once_differentiable
    def backward(context: Any, of_outputs: Tensor) -> tuple[Tensor | None, ...]:
        values, weight, mean, scale = context.saved_tensors
        of_outputs = of_outputs.contiguous(memory_format=torch.channels_last)
        gradients = torch.ops.aten.native_batch_norm_backward(
            of_outputs, values, weight, None, None, mean, scale, True, context.eps, context.wanted
        )
        return *gradients, None, None, None
