"""Whose images batch normalisation looks at: those of all processes, or of a part of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ccreid.machine.processes import Processes
from ccreid.model.batch_statistics import after_normalising, batch_normalisations, follow


def normalise_together(module: nn.Module, processes: Processes) -> None:
    """Let every batch normalisation of a module, in training, take its statistics over all processes.

    The layers stay what they are, so that their state is stored as before. torch's own layer refuses processors, and
    every process must come by each layer as often.

    Parameters
    ----------
    module:
        Changed in place.
    processes:
        Of the run; nothing happens where there is one.
    """
    if processes.count > 1:
        for layer in batch_normalisations(module):
            layer.forward = partial(_normalised, layer, processes)  # type: ignore[method-assign]


def normalise_apart(module: nn.Module, parts: int) -> None:
    """Let every batch normalisation of a module, in training, look at each part of a batch by itself.

    So does data parallelism over that many devices; running statistics follow the first part, as there.

    Parameters
    ----------
    module:
        Changed in place.
    parts:
        Of equal size; nothing happens where there is one.
    """
    if parts > 1:
        for layer in batch_normalisations(module):
            layer.forward = partial(_part_by_part, layer, layer.forward, parts)  # type: ignore[method-assign]


@contextmanager
def statistics_of_the_first(layer: _BatchNorm, part: int) -> Iterator[None]:
    """Keep running statistics as they are for every part (from 0) but the first, as data parallelism does."""
    momentum = layer.momentum
    layer.momentum = 0.0 if part else momentum
    try:
        yield
    finally:
        layer.momentum = momentum


def _part_by_part(layer: _BatchNorm, forward: Callable[[Tensor], Tensor], parts: int, values: Tensor) -> Tensor:
    if not layer.training:
        return forward(values)
    outputs = []
    for number, part in enumerate(values.chunk(parts)):
        with statistics_of_the_first(layer, number):
            outputs.append(forward(part))
    return torch.cat(outputs)


def _normalised(layer: _BatchNorm, processes: Processes, values: Tensor) -> Tensor:
    if not layer.training:
        return type(layer).forward(layer, values)
    inputs = values.to(torch.promote_types(values.dtype, torch.float32))
    dims = [0, *range(2, inputs.ndim)]
    shape = [1, -1] + [1] * (inputs.ndim - 2)
    sums = processes.sum(torch.cat([inputs.sum(dims), inputs.new_tensor([inputs.numel() / inputs.shape[1]])]))
    mean, count = sums[:-1] / sums[-1], sums[-1].detach()
    centred = inputs - mean.view(shape)
    variance = processes.sum(centred.square().sum(dims)) / count  # in two steps: E[x²] - E[x]² would lose digits
    follow(layer, mean.detach(), variance.detach() * count / (count - 1))
    outputs = centred * (variance + layer.eps).rsqrt().view(shape)
    if layer.affine:
        outputs = outputs * layer.weight.view(shape) + layer.bias.view(shape)
    return after_normalising(layer, outputs.to(values.dtype))
