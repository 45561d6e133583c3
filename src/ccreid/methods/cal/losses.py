"""The losses of CAL on outfits, each as its formula."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus

from ccreid.methods.owned_classes import cosines, owned_targets


def clothes_loss(embeddings: Tensor, outfit_weights: Tensor, outfits: Tensor, scale: float) -> Tensor:
    """Classify the outfit of an image: L_C (Gu et al., CVPR 2022).

    Parameters
    ----------
    embeddings:
        (B, D); L2-normalised here.
    outfit_weights:
        (C, D) weights of the clothes head; L2-normalised here.
    outfits:
        (B,) int64 in 0..C-1.
    scale:
        Factor of the cosines, 1 / τ.

    Returns
    -------
    Tensor
        The mean over the batch, a scalar.
    """
    return cross_entropy(scale * cosines(normalize(embeddings, dim=1), outfit_weights), outfits)


def adversarial_loss(
    embeddings: Tensor, outfit_weights: Tensor, outfits: Tensor, owners: Tensor, scale: float, smoothing: float
) -> Tensor:
    """Make an image look like all outfits of its person, against those of everybody else: L_CA (Gu et al., CVPR 2022).

    Every outfit of the person is a right answer, and competes with the outfits of other people alone; so nothing in
    it asks for telling the person's own outfits apart.

    Parameters
    ----------
    embeddings, outfit_weights, outfits, scale:
        As in :func:`clothes_loss`.
    owners:
        (C,) int64, the identity that wears each outfit; two of them at least.
    smoothing:
        Share ε of the target that is spread over all outfits of the image's identity, its own included.

    Returns
    -------
    Tensor
        The mean over the batch of -Σ_c q_c log(e^(s cos_c) / (e^(s cos_c) + Σ_others e^(s cos_j))), a scalar.
    """
    logits = scale * cosines(normalize(embeddings, dim=1), outfit_weights)
    of_person = owners[None, :] == owners[outfits][:, None]
    others = torch.logsumexp(logits.masked_fill(of_person, -torch.inf), dim=1, keepdim=True)
    targets = owned_targets(outfits, owners, smoothing).to(logits.dtype)
    return (targets * softplus(others - logits)).sum(dim=1).mean()
