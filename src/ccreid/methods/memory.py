"""Terms that hold a network near what it knew before its training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, cosine_similarity, normalize

from ccreid.methods.method import Terms
from ccreid.model.batch_statistics import batch_normalisations
from ccreid.model.network import Network, pool


class Memory(nn.Module):
    """The network that a training began with, which no longer learns, and how far the present one may leave it.

    Both are shown the same augmented images, and both normalise over the batch: by the statistics of the images that
    it was trained on, a network from ImageNet yields such other features here that to imitate them would be to learn
    that difference. What is compared are pooled feature maps, each dimension normalised over the batch as a neck
    does: before that, the features of all images are alike, and one that is shifted or scaled alone would count as
    forgotten. So both terms are 0 before the first step.

    Parameters
    ----------
    beginning:
        Besides its batch normalisations it is always in eval mode, and it never changes. It is no part of the method:
        neither its checkpoint nor its bundle holds it.
    weights:
        Of "features" (:func:`features_term`) and of "relations" (:func:`relations_term`); a term of weight 0 is not
        computed.
    """

    def __init__(self, beginning: Network, weights: Mapping[str, float]) -> None:
        super().__init__()
        self.beginning = beginning.requires_grad_(False)
        self.weights = {name: weight for name, weight in weights.items() if weight > 0}
        for layer in batch_normalisations(beginning):
            layer.momentum, layer.num_batches_tracked = 0.0, None  # running statistics stay
        self.train()

    def train(self, mode: bool = True) -> Self:
        """As every module; what is remembered does not change."""
        super().train(mode)
        self.beginning.eval()
        for layer in batch_normalisations(self.beginning):
            layer.training = True  # itself alone: a dropout inside it stays in eval mode
        return self

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) images to the (B, 2C) pooled features that are remembered of them."""
        return pool(self.beginning.feature_map(images))

    def with_terms(self, terms: Terms, features: Tensor, remembered: Tensor) -> Terms:
        """A batch's terms with those of memory: its pooled features (B, 2C), and what is remembered of it (B, 2C)."""
        of_memory = {f"remembered_{name}": TERMS[name](features, remembered) for name in self.weights}
        weighted = [self.weights[name] * of_memory[f"remembered_{name}"] for name in self.weights]
        return terms._replace(named=terms.named | of_memory, total=terms.total + torch.stack(weighted).sum())


def features_term(features: Tensor, remembered: Tensor) -> Tensor:
    """How far each image's features are from those remembered: 1 - cos(z, z'), z normalised over the batch.

    Parameters
    ----------
    features, remembered:
        (B, D) each, B >= 2, of the same images.

    Returns
    -------
    Tensor
        The mean over the batch, a scalar in [0, 2].
    """
    return 1 - cosine_similarity(_over_batch(features), _over_batch(remembered), dim=1).mean()


def relations_term(features: Tensor, remembered: Tensor) -> Tensor:
    """How far the similarities of images are from those remembered: Σ (r_ij - r'_ij)² / Σ r'_ij², r = cos(z_i, z_j).

    The features themselves may turn as they like as long as who is like whom stays (as in Tung and Mori, ICCV 2019).

    Parameters
    ----------
    features, remembered:
        As in :func:`features_term`.

    Returns
    -------
    Tensor
        A scalar, over pairs of different images: 0 where all is kept, 1 where nobody is like anybody any more.
    """
    ours, theirs = (units @ units.T for units in (normalize(_over_batch(of), dim=1) for of in (features, remembered)))
    different = ~torch.eye(len(ours), dtype=torch.bool, device=ours.device)
    lost = (ours - theirs)[different].square().sum()
    return lost / theirs[different].square().sum().clamp(min=torch.finfo(theirs.dtype).tiny)


TERMS = {"features": features_term, "relations": relations_term}


def _over_batch(features: Tensor) -> Tensor:
    """(B, D), each dimension with mean 0 and variance 1 over the batch."""
    return batch_norm(features, None, None, training=True)
