"""FIRe²: from a batch to named loss terms.

epochs 1..e0:  L = L_id
epochs > e0:   L = L_id + L_tri + L_attr + 0.3 L_recomp
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ccreid.methods.baseline import Baseline
from ccreid.methods.fire2.attribute_loss import attribute_aware_loss
from ccreid.methods.fire2.attributes import Attributes
from ccreid.methods.fire2.mining import Mining, discover_attributes
from ccreid.methods.fire2.recomposition import Donors, PooledStripes, draw_recompositions
from ccreid.methods.fire2.worn import worn_attributes
from ccreid.methods.losses import identity_loss
from ccreid.methods.method import Draws, EpochStart, Labels, Seen, Terms, TrainImages
from ccreid.methods.outfits import Outfits
from ccreid.model.network import Network, linear_head, neck
from ccreid.model.normalisation import statistics_of_the_first

STATE = ("attributes", "owners", "attribute_weights")
"""What was mined, by the names under which a checkpoint holds it: see :class:`Attributes`."""


class SeenImages(NamedTuple):
    """What is kept of a batch: embeddings (B, D), and what recomposition needs of the feature maps, if it is due."""

    embeddings: Tensor
    stripes: PooledStripes | None


class Fire2(Baseline):
    """The baseline with fine-grained feature mining (FFM) and attribute recomposition (FAR).

    Source: FIRe² (TIFS 2024), section III. It owns everything that exists in training only: the heads, the attributes
    and the recomposition branch.

    Parameters
    ----------
    network, identities, smoothing, margin, after_epoch, reset_optimizer_each_epoch:
        As in :class:`Baseline`; label smoothing is that of the recomposition term, too.
    weights:
        Of the terms "identity", "triplet", "attribute" and "recomposition".
    mining, mine_every:
        How attributes are mined, and how many epochs lie between two minings, after which the attribute head begins
        anew. With outfits in the place of a mining, those are the attributes; the head still begins anew as often, so
        that nothing but the mistakes of a mining is missing.
    scale:
        Factor s of the attribute head's cosines.
    attribute_smoothing:
        Share ε of the attribute term's targets that is spread over all attributes of an image's identity.
    stripes:
        Horizontal stripes of the recomposition.
    recompositions:
        How many recompositions are made of each image.
    donors:
        Whose images may be donors.
    """

    attribute_weights: nn.Parameter | None
    attributes: Tensor | None
    owners: Tensor | None

    def __init__(
        self,
        network: Network,
        identities: int,
        weights: Mapping[str, float],
        *,
        mining: Mining | Outfits,
        mine_every: int,
        scale: float,
        attribute_smoothing: float,
        stripes: int,
        recompositions: int,
        donors: Donors,
        smoothing: float,
        margin: float,
        after_epoch: int,
        reset_optimizer_each_epoch: bool,
    ) -> None:
        super().__init__(
            network,
            identities,
            weights,
            smoothing=smoothing,
            margin=margin,
            after_epoch=after_epoch,
            reset_optimizer_each_epoch=reset_optimizer_each_epoch,
        )
        self.branch_neck = neck(network.dimension)
        self.branch_head = linear_head(network.dimension, identities)
        self.mining, self.mine_every = mining, mine_every
        self.scale, self.attribute_smoothing = scale, attribute_smoothing
        self.stripes, self.recompositions, self.donors = stripes, recompositions, donors
        self.register_parameter("attribute_weights", None)
        self.register_buffer("attributes", None)
        self.register_buffer("owners", None)

    @property
    def needs_attributes(self) -> bool:
        """Whether any term with a weight uses attributes: without one, mining would be wasted."""
        return self.weights["attribute"] > 0 or self.weights["recomposition"] > 0

    @property
    def image_groups(self) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
        """(N,) the attributes mined last, or taken from the outfits; None before any were."""
        return None if self.attributes is None else self.attributes.cpu().numpy()

    def begin_epoch(self, epoch: int, images: TrainImages) -> EpochStart:
        """Mine the attributes, or take the outfits for them, after the warm-up and where it is due."""
        start = super().begin_epoch(epoch, images)
        due = self.needs_attributes and not self.warms_up(epoch) and (epoch - self.after_epoch) % self.mine_every == 0
        if not due:
            return start
        attributes = self._mined(images)
        self.assign(attributes)
        return EpochStart({"attributes": len(attributes)}, start.restarts_optimizer)

    def _mined(self, images: TrainImages) -> Attributes:
        identities = images.samples.identities
        if isinstance(self.mining, Outfits):
            return worn_attributes(images.embed(), identities, self.mining)
        return discover_attributes(images.embed(), torch.from_numpy(identities), self.mining, images.processes)

    def assign(self, attributes: Attributes) -> None:
        """Take the attributes of a new epoch; the attribute head is rebuilt from their centres."""
        device = self.identity_head.weight.device
        self.attribute_weights = nn.Parameter(attributes.centres.to(device, copy=True))
        self.attributes = attributes.of_image.to(device)
        self.owners = attributes.owners.to(device)

    def see(self, feature_map: Tensor, draws: Draws) -> SeenImages:
        """Embeddings, and pooled stripes where images are recomposed."""
        recomposes = not self.warms_up(draws.epoch) and self.weights["recomposition"] > 0
        # In this order: that in which gradients meet in the feature map, and so their last bits, follows it.
        embeddings = self.network.embed(feature_map)
        return SeenImages(embeddings, PooledStripes.of(feature_map, self.stripes) if recomposes else None)

    def terms(self, seen: Seen, labels: Labels, draws: Draws) -> Terms:
        """L_id while warming up; all terms with a weight afterwards."""
        named = self.basic_terms(seen.embeddings, labels, draws)
        if self.warms_up(draws.epoch):
            return Terms.weighted(named, self.weights, {"without_donor": 0})
        if self.weights["attribute"] > 0:
            weights, attributes, owners = self._assigned()
            own = attributes[labels.indices]
            named["attribute"] = attribute_aware_loss(
                seen.embeddings, weights, own, owners, self.scale, self.attribute_smoothing
            )
        without_donor = 0
        if seen.stripes is not None:
            term, without_donor = self._recomposition_term(seen.stripes, labels, draws.generator("donors"))
            if term is not None:
                named["recomposition"] = term
        return Terms.weighted(named, self.weights, {"without_donor": without_donor})

    def _recomposition_term(
        self, stripes: PooledStripes, labels: Labels, generator: torch.Generator
    ) -> tuple[Tensor | None, int]:
        """L_recomp, None where nobody has a donor, and how many recompositions lack one.

        Donors come from an image's own part of the batch, and its branch is normalised there, all recompositions
        together.
        """
        _, attributes, _ = self._assigned()
        logits, of_logits, without_donor = [], [], 0
        for number, part in enumerate(labels.parts()):
            identities, of_part = labels.identities[part], attributes[labels.indices[part]]
            recompositions, present = draw_recompositions(
                of_part, self.stripes, self.recompositions, generator, identities, self.donors
            )
            kept = self.recompositions * int(present.sum())
            without_donor += self.recompositions * len(part) - kept
            if kept < 2:  # one vector has no batch statistics
                continue
            of_images = stripes.of_images(part)
            recomposed = torch.cat([of_images.recomposed(donors)[present] for donors in recompositions])
            with statistics_of_the_first(self.branch_neck, number):
                logits.append(self.branch_head(self.branch_neck(recomposed)))
            of_logits.append(identities[present].repeat(self.recompositions))
        if not logits:
            return None, without_donor
        return identity_loss(torch.cat(logits), torch.cat(of_logits), self.smoothing), without_donor

    def _assigned(self) -> tuple[Tensor, Tensor, Tensor]:
        if self.attribute_weights is None or self.attributes is None or self.owners is None:
            raise RuntimeError("Attributes must be assigned before they are used.")
        return self.attribute_weights, self.attributes, self.owners

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *arguments: Any) -> None:
        """As every module; the places of what was mined exist only once there is something to hold."""
        of_image, owners, weights = (state_dict.get(prefix + name) for name in STATE)
        if of_image is not None and owners is not None and weights is not None:
            self.assign(Attributes(of_image, owners, weights))
        super()._load_from_state_dict(state_dict, prefix, *arguments)
