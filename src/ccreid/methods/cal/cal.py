"""CAL: from a batch to named loss terms.

epochs 1..e0:  L = L_ID
epochs > e0:   L = L_ID + L_CA for the network, L_C for the clothes head (and L_tri, if it has a weight)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from ccreid.methods.baseline import Baseline
from ccreid.methods.cal.losses import adversarial_loss, clothes_loss
from ccreid.methods.method import Draws, Group, Labels, Seen, Terms, follow
from ccreid.methods.outfits import NOT_KNOWN, Outfits
from ccreid.model.network import Network


class Cal(Baseline):
    """The clothes-based adversarial loss (Gu et al., CVPR 2022).

    A clothes head learns which outfit an image shows; the network learns to be of no use to it where it comes to
    telling one person's outfits apart. Neither loss moves what the other trains: L_C is computed from embeddings
    without their gradient, L_CA from the head's weights without theirs. Both are taken of the same head, that before
    the step, and one step of the optimizer descends along both.

    An image whose outfit is not known is in the identity and the triplet term alone.

    Parameters
    ----------
    network, identities, smoothing, margin, reset_optimizer_each_epoch:
        As in :class:`Baseline`.
    weights:
        Of the terms "identity", "triplet" and "adversarial". That of the clothes head is 1: nothing else trains it.
    outfits:
        Of the training images.
    scale:
        Factor of the clothes head's cosines, 1 / τ.
    clothes_smoothing:
        Share ε of the adversarial term's targets that is spread over all outfits of an image's identity.
    clothes_rate:
        The constant learning rate of the clothes head; None follows the run's.
    after_epoch:
        e0, how many epochs train with the identity term alone.
    """

    outfits: Tensor
    owners: Tensor

    def __init__(
        self,
        network: Network,
        identities: int,
        weights: Mapping[str, float],
        *,
        outfits: Outfits,
        scale: float,
        clothes_smoothing: float,
        clothes_rate: float | None,
        smoothing: float,
        margin: float,
        after_epoch: int,
        reset_optimizer_each_epoch: bool,
    ) -> None:
        super().__init__(
            network,
            identities,
            {**weights, "clothes": 1.0},
            smoothing=smoothing,
            margin=margin,
            after_epoch=after_epoch,
            reset_optimizer_each_epoch=reset_optimizer_each_epoch,
        )
        drawn = torch.empty(len(outfits.owners), network.dimension).uniform_(-1, 1)
        self.outfit_weights = nn.Parameter(normalize(drawn, dim=1))
        self.scale, self.clothes_smoothing, self.clothes_rate = scale, clothes_smoothing, clothes_rate
        for name, ids in (("outfits", outfits.of_image), ("owners", outfits.owners)):
            self.register_buffer(name, torch.from_numpy(ids.copy()), persistent=False)  # the data set has them

    def terms(self, seen: Seen, labels: Labels, draws: Draws) -> Terms:
        """See :class:`Method`; what is seen are the embeddings (B, D)."""
        named = self.basic_terms(seen, labels, draws)
        if self.warms_up(draws.epoch) or self.weights["adversarial"] == 0:
            return Terms.weighted(named, self.weights, {"without_outfit": 0})
        outfits = self.outfits[labels.indices]
        known = outfits != NOT_KNOWN
        embeddings, outfits = seen[known], outfits[known]
        if len(outfits) > 0:
            head = self.outfit_weights
            named["clothes"] = clothes_loss(embeddings.detach(), head, outfits, self.scale)
            named["adversarial"] = adversarial_loss(
                embeddings, head.detach(), outfits, self.owners, self.scale, self.clothes_smoothing
            )
        return Terms.weighted(named, self.weights, {"without_outfit": len(known) - len(outfits)})

    def groups(self) -> Mapping[str, Group]:
        """The clothes head has a group of its own; see :class:`Method`."""
        rest = tuple(one for one in super().groups()["all"].parameters if one is not self.outfit_weights)
        rate = follow if self.clothes_rate is None else partial(_constant, self.clothes_rate)
        return {"all": Group(rest), "clothes": Group((self.outfit_weights,), rate, from_epoch=self.after_epoch)}


def _constant(rate: float, _epoch: int, _learning_rate: float) -> float:
    return rate
