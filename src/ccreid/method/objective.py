"""The objective of FIRe²: from a batch to named loss terms.

 epochs 1..e0:  L = L_id
 epochs > e0:   L = L_id + L_tri + L_attr + 0.3 L_recomp

It owns everything that exists in training only: the heads, the attributes and the recomposition branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ccreid.data.batch import Batch
from ccreid.method.attributes import Attributes
from ccreid.method.losses import attribute_aware_loss, identity_loss, triplet_loss
from ccreid.method.recomposition import Donors, PooledStripes, draw_donors
from ccreid.model.network import Network, linear_head, neck


@dataclass(frozen=True)
class TermWeights:
    """How much each term weighs in the total; a term of weight 0 is not computed."""

    identity: float = 1.0
    triplet: float = 1.0
    attribute: float = 1.0
    recomposition: float = 0.3


class Terms(NamedTuple):
    """The loss of one batch (a named tuple: Fabric maps over those).

    Attributes
    ----------
    named:
        Each computed term, unweighted, a scalar with its gradient.
    total:
        Their weighted sum.
    without_donor:
        How many images the recomposition left out because nobody in the batch had another attribute.
    """

    named: dict[str, Tensor]
    total: Tensor
    without_donor: int = 0


class _Draw(NamedTuple):
    """One recomposition of one part of a batch: (stripes, images) donors, and which images have any."""

    part: int
    donors: Tensor
    present: Tensor
    without_donor: int


class Objective(nn.Module):
    """The network under training with its heads; calling it on a batch gives the terms.

    Parameters
    ----------
    network:
        Images to embeddings.
    identities:
        P, how many people there are to tell apart.
    weights:
        Of the terms.
    scale:
        Factor s of the attribute head's cosines.
    smoothing:
        Label smoothing of all classification terms.
    margin:
        Of the triplet term.
    stripes:
        Horizontal stripes of the recomposition.
    recompositions:
        How many recompositions are made of each image.
    donors:
        Whose images may be donors.
    replicas:
        Into how many parts a batch is split for batch normalisation and the donors' draw, as data parallelism
        over that many devices does (running statistics follow the first part).
    """

    attribute_weights: nn.Parameter | None
    attributes: Tensor | None
    owners: Tensor | None

    def __init__(
        self,
        network: Network,
        identities: int,
        weights: TermWeights | None = None,
        *,
        scale: float = 16.0,
        smoothing: float = 0.1,
        margin: float = 0.3,
        stripes: int = 2,
        recompositions: int = 1,
        donors: Donors = "any",
        replicas: int = 1,
    ) -> None:
        super().__init__()
        self.network = network
        self.identity_head = linear_head(network.dimension, identities)
        self.branch_neck = neck(network.dimension)
        self.branch_head = linear_head(network.dimension, identities)
        self.weights = weights or TermWeights()
        self.scale, self.smoothing, self.margin = scale, smoothing, margin
        self.stripes, self.recompositions, self.donors, self.replicas = stripes, recompositions, donors, replicas
        self.warming_up = True
        self.register_parameter("attribute_weights", None)
        self.register_buffer("attributes", None)
        self.register_buffer("owners", None)

    @property
    def needs_attributes(self) -> bool:
        """Whether any term with a weight uses attributes: without one, mining would be wasted."""
        return self.weights.attribute > 0 or self.weights.recomposition > 0

    @property
    def attributes_of_images(self) -> NDArray[np.int64] | None:
        """(N,) the attributes assigned last, for whoever draws batches; None before any were."""
        return None if self.attributes is None else self.attributes.cpu().numpy()

    def assign(self, attributes: Attributes) -> None:
        """Take the attributes of a new epoch; the attribute head is rebuilt from their centres."""
        device = self.identity_head.weight.device
        self.attribute_weights = nn.Parameter(attributes.centres.to(device, copy=True))
        self.attributes = attributes.of_image.to(device)
        self.owners = attributes.owners.to(device)

    def forward(self, batch: Batch, generator: torch.Generator) -> Terms:
        """The terms of a batch: L_id alone while `warming_up`, all terms of a weight afterwards.

        Mixed precision ends at the feature map: what follows is small, and in float32 (a distance between
        embeddings would drown in the rounding of their squares).

        Parameters
        ----------
        batch:
            Images (B, 3, H, W), identities (B,), indices (B,) into the train set.
        generator:
            On the CPU; draws the donors.
        """
        parts = torch.arange(len(batch.identities), device=batch.identities.device).chunk(self.replicas)
        # Drawn first: on a GPU the draw waits for all that was asked for before it.
        draws = self._draw(batch, generator) if self._recomposes else []
        feature_map = self._per_part(self.network.feature_map, batch.images, parts, self.network.backbone)
        with torch.autocast(feature_map.device.type, enabled=False):
            return self._terms(feature_map, batch, parts, draws)

    @property
    def _recomposes(self) -> bool:
        return not self.warming_up and self.weights.recomposition > 0

    def _terms(self, feature_map: Tensor, batch: Batch, parts: tuple[Tensor, ...], draws: list[_Draw]) -> Terms:
        embeddings = self._per_part(self.network.embed, feature_map, parts, self.network.neck)
        named = {"identity": identity_loss(self.identity_head(embeddings), batch.identities, self.smoothing)}
        if not self.warming_up:
            if self.weights.triplet > 0:
                named["triplet"] = triplet_loss(embeddings, batch.identities, self.margin)
            if self.weights.attribute > 0:
                named["attribute"] = self._attribute_term(embeddings, batch.indices)
            if any(len(draw.present) > 1 for draw in draws):
                named["recomposition"] = self._recomposition_term(feature_map, batch.identities, parts, draws)
        total = torch.stack([getattr(self.weights, name) * term for name, term in named.items()]).sum()
        return Terms(named, total, sum(draw.without_donor for draw in draws))

    def _attribute_term(self, embeddings: Tensor, indices: Tensor) -> Tensor:
        weights, attributes, owners = self._assigned()
        return attribute_aware_loss(embeddings, weights, attributes[indices], owners, self.scale, self.smoothing)

    def _draw(self, batch: Batch, generator: torch.Generator) -> list[_Draw]:
        """The donors of each part's recompositions, as often as there are any."""
        _, attributes, _ = self._assigned()
        columns = torch.stack([attributes[batch.indices], batch.identities])
        draws = []
        for number, (own, identities) in enumerate(columns.cpu().chunk(self.replicas, dim=1)):
            for _ in range(self.recompositions):
                drawn, present = draw_donors(own, self.stripes, generator, identities, self.donors)
                kept = present.nonzero().squeeze(1)
                draws.append(_Draw(number, *(t.to(columns.device) for t in (drawn, kept)), len(own) - len(kept)))
        return draws

    def _recomposition_term(
        self, feature_map: Tensor, identities: Tensor, parts: tuple[Tensor, ...], draws: list[_Draw]
    ) -> Tensor:
        pooled = PooledStripes.of(feature_map, self.stripes)
        logits, of_logits = [], []
        for draw in draws:
            if len(draw.present) < 2:  # one vector has no batch statistics
                continue
            part = parts[draw.part]
            recomposed = pooled[part].recomposed(draw.donors)[draw.present]
            with _replica_statistics(self.branch_neck, draw.part):
                logits.append(self.branch_head(self.branch_neck(recomposed)))
            of_logits.append(identities[part[draw.present]])
        return identity_loss(torch.cat(logits), torch.cat(of_logits), self.smoothing)

    def _assigned(self) -> tuple[Tensor, Tensor, Tensor]:
        if self.attribute_weights is None or self.attributes is None or self.owners is None:
            raise RuntimeError("Objective.assign must be called before the attributes are used.")
        return self.attribute_weights, self.attributes, self.owners

    def _per_part(
        self, function: Callable[[Tensor], Tensor], values: Tensor, parts: tuple[Tensor, ...], normalised: nn.Module
    ) -> Tensor:
        if len(parts) == 1:
            return function(values)
        results = []
        for number, part in enumerate(parts):
            with _replica_statistics(normalised, number):
                results.append(function(values[part]))
        return torch.cat(results)


@contextmanager
def _replica_statistics(module: nn.Module, replica: int) -> Iterator[None]:
    """Keep running statistics as they are for every replica but the first, as data parallelism does."""
    layers = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)] if replica else []
    kept = [(layer, layer.momentum) for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    try:
        yield
    finally:
        for layer, momentum in kept:
            layer.momentum = momentum
