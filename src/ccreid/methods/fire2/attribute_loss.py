"""The attribute-aware classification loss of FIRe², as its formula."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.linalg import vector_norm
from torch.nn.functional import cross_entropy, normalize


def attribute_aware_loss(
    embeddings: Tensor,
    attribute_weights: Tensor,
    attributes: Tensor,
    owners: Tensor,
    scale: float,
    smoothing: float,
) -> Tensor:
    """Classify the attribute of an image, forgiving its owner's other attributes: L_attr (section III-B).

    Parameters
    ----------
    embeddings:
        (B, D); L2-normalised here.
    attribute_weights:
        (A, D) weights of the attribute head; L2-normalised here.
    attributes:
        (B,) int64 in 0..A-1.
    owners:
        (A,) int64, the identity that each attribute belongs to.
    scale:
        Factor s of the cosines.
    smoothing:
        Share ε of the target spread over all attributes of the image's identity, its own included.

    Returns
    -------
    Tensor
        The mean over the batch, a scalar.
    """
    logits = scale * _Cosines.apply(normalize(embeddings, dim=1), attribute_weights)
    return cross_entropy(logits, attribute_targets(attributes, owners, smoothing).to(logits.dtype))


def attribute_targets(attributes: Tensor, owners: Tensor, smoothing: float) -> Tensor:
    """(B, A) float32, q_a = (1 - ε)[a is own] + ε[a has the same owner] / number of attributes of that owner.

    Rows sum to 1. Arguments are those of :func:`attribute_aware_loss`.
    """
    same_owner = (owners[None, :] == owners[attributes][:, None]).float()
    targets = smoothing * same_owner / same_owner.sum(dim=1, keepdim=True)
    targets[torch.arange(len(attributes), device=attributes.device), attributes] += 1 - smoothing
    return targets


class _Cosines(torch.autograd.Function):
    """Unit vectors (B, D) and weights (A, D) of any length to their cosines (B, A).

    By hand because A can be 20,000: then a normalised copy of the weights and autograd's steps back through it cost
    several times the products themselves. Here nothing of the weights' size is made but their gradient.
    """

    @staticmethod
    def forward(context: Any, units: Tensor, weights: Tensor) -> Tensor:
        lengths = vector_norm(weights, dim=1).clamp(min=1e-12)
        cosines: Tensor = units @ weights.T / lengths
        context.save_for_backward(units, weights, lengths, cosines)
        return cosines

    @staticmethod
    @once_differentiable
    def backward(context: Any, of_cosines: Tensor) -> tuple[Tensor, Tensor]:
        units, weights, lengths, cosines = context.saved_tensors
        of_products = of_cosines / lengths
        along = (of_products * cosines).sum(dim=0) / lengths  # growing longer changes no cosine
        of_weights = (of_products.T @ units).addcmul_(weights, along[:, None], value=-1)
        return of_products @ weights, of_weights
