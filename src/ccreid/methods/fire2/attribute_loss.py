"""The attribute-aware classification loss of FIRe², as its formula."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from ccreid.methods.owned_classes import cosines, owned_targets


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
    logits = scale * cosines(normalize(embeddings, dim=1), attribute_weights)
    return cross_entropy(logits, owned_targets(attributes, owners, smoothing).to(logits.dtype))
