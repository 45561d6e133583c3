"""Classes of which each belongs to one person, such as attributes or outfits, told apart by cosines."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.linalg import vector_norm


def owned_targets(own: Tensor, owners: Tensor, smoothing: float) -> Tensor:
    """(B, A) float32, q_a = (1 - ε)[a is own] + ε[a has the same owner] / number of classes of that owner.

    Rows sum to 1.

    Parameters
    ----------
    own:
        (B,) int64 in 0..A-1, each image's class.
    owners:
        (A,) int64, the identity that each class belongs to.
    smoothing:
        ε, the share of the target that is spread over all classes of an image's person, its own included.
    """
    same_owner = (owners[None, :] == owners[own][:, None]).float()
    targets = smoothing * same_owner / same_owner.sum(dim=1, keepdim=True)
    targets[torch.arange(len(own), device=own.device), own] += 1 - smoothing
    return targets


def cosines(units: Tensor, weights: Tensor) -> Tensor:
    """Unit vectors (B, D) and weights (A, D) of any length to their cosines (B, A).

    By hand because A can be 20,000: then a normalised copy of the weights and autograd's steps back through it cost
    several times the products themselves. Here nothing of the weights' size is made but their gradient.
    """
    return cast(Tensor, _Cosines.apply(units, weights))


class _Cosines(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, units: Tensor, weights: Tensor) -> Tensor:
        lengths = vector_norm(weights, dim=1).clamp(min=1e-12)
        of_pairs: Tensor = units @ weights.T / lengths
        context.save_for_backward(units, weights, lengths, of_pairs)
        return of_pairs

    @staticmethod
    @once_differentiable
    def backward(context: Any, of_cosines: Tensor) -> tuple[Tensor | None, Tensor | None]:
        units, weights, lengths, of_pairs = context.saved_tensors
        of_products = of_cosines / lengths
        of_units = of_weights = None
        if context.needs_input_grad[0]:
            of_units = of_products @ weights
        if context.needs_input_grad[1]:
            along = (of_products * of_pairs).sum(dim=0) / lengths  # growing longer changes no cosine
            of_weights = (of_products.T @ units).addcmul_(weights, along[:, None], value=-1)
        return of_units, of_weights
