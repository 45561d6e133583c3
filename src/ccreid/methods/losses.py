"""Losses that methods share, each as its formula."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, relu


def identity_loss(logits: Tensor, identities: Tensor, smoothing: float) -> Tensor:
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


def triplet_loss(embeddings: Tensor, identities: Tensor, margin: float) -> Tensor:
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
