"""Identity and triplet loss: what every method here is compared with."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from ccreid.methods.losses import identity_loss, triplet_loss
from ccreid.methods.method import Draws, EpochStart, Labels, Method, Seen, Terms, TrainImages
from ccreid.model.network import Network, linear_head


class Baseline(Method):
    """The strong baseline of re-identification (Luo et al., 2019) in the schedule of FIRe²: L_id, then L_id + L_tri.

    Parameters
    ----------
    network:
        Images to embeddings.
    identities:
        P, how many people there are to tell apart.
    weights:
        Of the terms "identity" and "triplet" in the total; a term of weight 0 is not computed.
    smoothing:
        Label smoothing of the identity term.
    margin:
        Of the triplet term.
    after_epoch:
        e0, how many epochs train with the identity term alone.
    reset_optimizer_each_epoch:
        Whether the optimizer begins anew at every epoch after those, as the authors' code does.
    """

    def __init__(
        self,
        network: Network,
        identities: int,
        weights: Mapping[str, float],
        *,
        smoothing: float,
        margin: float,
        after_epoch: int,
        reset_optimizer_each_epoch: bool,
    ) -> None:
        super().__init__(network)
        self.identity_head = linear_head(network.dimension, identities)
        self.weights = dict(weights)
        self.smoothing, self.margin = smoothing, margin
        self.after_epoch, self.reset_optimizer_each_epoch = after_epoch, reset_optimizer_each_epoch

    def warms_up(self, epoch: int) -> bool:
        """Whether an epoch (from 0) trains with the identity term alone."""
        return epoch < self.after_epoch

    def begin_epoch(self, epoch: int, images: TrainImages) -> EpochStart:
        """See :class:`Method`."""
        del images
        return EpochStart(restarts_optimizer=self.reset_optimizer_each_epoch and not self.warms_up(epoch))

    def terms(self, seen: Seen, labels: Labels, draws: Draws) -> Terms:
        """See :class:`Method`; what is seen are the embeddings (B, D)."""
        return Terms.weighted(self.basic_terms(seen, labels, draws), self.weights, {})

    def basic_terms(self, embeddings: Tensor, labels: Labels, draws: Draws) -> dict[str, Tensor]:
        """L_id, and L_tri after the warm-up."""
        named = {"identity": identity_loss(self.identity_head(embeddings), labels.identities, self.smoothing)}
        if not self.warms_up(draws.epoch) and self.weights["triplet"] > 0:
            named["triplet"] = triplet_loss(embeddings, labels.identities, self.margin)
        return named
