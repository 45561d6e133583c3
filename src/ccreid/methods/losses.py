"""The losses of FIRe², each as its formula."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.linalg import vector_norm
from torch.nn.functional import cross_entropy, normalize, relu


def identity_loss(logits: Tensor, identities: Tensor, smoothing: float = 0.1) -> Tensor:
    """Cross entropy with label smoothing: L_id, and L_recomp on the recomposed embeddings' logits.

    Parameters
    ----------
    logits:
        (B, P) scores of the identity head.
    identities:
        (B,) int64 in 0..P-1.
    smoothing:
        Share of the target spread evenly over all P identities.

    Returns
    -------
    Tensor
        The mean over the batch, a scalar.
    """
    return cross_entropy(logits, identities, label_smoothing=smoothing)


def triplet_loss(embeddings: Tensor, identities: Tensor, margin: float = 0.3) -> Tensor:
    """Batch-hard triplet loss L_tri (Hermans et al., 2017) on Euclidean distances.

    For every image: the farthest of its own identity against the nearest of another.

    Parameters
    ----------
    embeddings:
        (B, D) as they leave the neck, not normalised.
    identities:
        (B,) int64.
    margin:
        By how much the nearest stranger must be farther, in the embeddings' units.

    Returns
    -------
    Tensor
        The mean over the batch, a scalar; 0 for a batch of one identity.
    """
    squared_norm = embeddings.square().sum(dim=1)
    squared_distance = squared_norm[:, None] + squared_norm[None, :] - 2 * embeddings @ embeddings.T
    distance = squared_distance.clamp(min=1e-12).sqrt()
    same = identities[:, None] == identities[None, :]
    farthest_own = distance.masked_fill(~same, -torch.inf).amax(dim=1)
    nearest_other = distance.masked_fill(same, torch.inf).amin(dim=1)
    return relu(farthest_own - nearest_other + margin).mean()


def attribute_aware_loss(
    embeddings: Tensor,
    attribute_weights: Tensor,
    attributes: Tensor,
    owners: Tensor,
    scale: float = 16.0,
    smoothing: float = 0.1,
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
