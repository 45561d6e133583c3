"""The objective of FIRe²: from a batch to named loss terms.

 epochs 1..e0:  L = L_id
 epochs > e0:   L = L_id + L_tri + L_attr + 0.3 L_recomp

It owns everything that exists in training only: the heads, the attributes and the recomposition branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ccreid.data.batch import Batch
from ccreid.errors import SettingError
from ccreid.machine.processes import ALONE, Processes
from ccreid.methods.fire2.mining import Attributes
from ccreid.methods.fire2.recomposition import Donors, PooledStripes, draw_donors
from ccreid.methods.losses import attribute_aware_loss, identity_loss, triplet_loss
from ccreid.model.network import Network, linear_head, neck
from ccreid.model.synchronised import synchronise

Sharing = Literal["batch-norm", "donors", "triplet"]
"""What may look at the images of all processes."""
SHARINGS: tuple[Sharing, ...] = get_args(Sharing)


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
    """One recomposition of one part of this process's batch.

    Attributes
    ----------
    part:
        Its number.
    donors:
        (stripes, images) int64, numbers in the batch that donors come from.
    present:
        Which of the part's images have donors.
    """

    part: int
    donors: Tensor
    present: Tensor


class _Drawing(NamedTuple):
    """All recompositions of a step; the counts are those of all processes."""

    draws: tuple[_Draw, ...] = ()
    recomposed: int = 0
    without_donor: int = 0


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
    processes:
        Those that share each batch, every one with as many images.
    whole_batch:
        What looks at the images of all processes; the rest looks at this one's alone.

    Raises
    ------
    SettingError
        Replicas are asked for while processes share the batch.
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
        processes: Processes = ALONE,
        whole_batch: Iterable[Sharing] = SHARINGS,
    ) -> None:
        super().__init__()
        if replicas > 1 and processes.count > 1:
            raise SettingError(
                f"objective.replicas is {replicas} in {processes.count} processes, and it imitates several on one.",
                "Set objective.replicas to 1; training.whole_batch=[triplet] treats each process as a replica.",
            )
        self.network = network
        self.identity_head = linear_head(network.dimension, identities)
        self.branch_neck = neck(network.dimension)
        self.branch_head = linear_head(network.dimension, identities)
        self.weights = weights or TermWeights()
        self.scale, self.smoothing, self.margin = scale, smoothing, margin
        self.stripes, self.recompositions, self.donors, self.replicas = stripes, recompositions, donors, replicas
        self.processes, self.whole_batch = processes, frozenset(whole_batch)
        self._fewest = 2  # images that have batch statistics
        if "batch-norm" in self.whole_batch and processes.count > 1:
            synchronise(self, processes)
            self._fewest = 0  # each must come by every layer as often as the others
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
        drawing = self._draw(batch, generator) if self._recomposes else _Drawing()
        feature_map = self._per_part(self.network.feature_map, batch.images, parts, self.network.backbone)
        with torch.autocast(feature_map.device.type, enabled=False):
            return self._terms(feature_map, batch, parts, drawing)

    @property
    def _recomposes(self) -> bool:
        return not self.warming_up and self.weights.recomposition > 0

    def _terms(self, feature_map: Tensor, batch: Batch, parts: tuple[Tensor, ...], drawing: _Drawing) -> Terms:
        embeddings = self._per_part(self.network.embed, feature_map, parts, self.network.neck)
        named = {"identity": identity_loss(self.identity_head(embeddings), batch.identities, self.smoothing)}
        if not self.warming_up:
            if self.weights.triplet > 0:
                named["triplet"] = self._triplet_term(embeddings, batch.identities)
            if self.weights.attribute > 0:
                named["attribute"] = self._attribute_term(embeddings, batch.indices)
            if drawing.recomposed:
                named["recomposition"] = self._recomposition_term(feature_map, batch.identities, parts, drawing)
        total = torch.stack([getattr(self.weights, name) * term for name, term in named.items()]).sum()
        return Terms(named, total, drawing.without_donor)

    def _triplet_term(self, embeddings: Tensor, identities: Tensor) -> Tensor:
        if "triplet" in self.whole_batch:
            embeddings, identities = self.processes.gather(embeddings), self.processes.gather(identities)
        return triplet_loss(embeddings, identities, self.margin)

    def _attribute_term(self, embeddings: Tensor, indices: Tensor) -> Tensor:
        weights, attributes, owners = self._assigned()
        return attribute_aware_loss(embeddings, weights, attributes[indices], owners, self.scale, self.smoothing)

    def _draw(self, batch: Batch, generator: torch.Generator) -> _Drawing:
        """The donors of each part's recompositions, as often as there are any.

        Every process draws for the images of all, from equal generators, and keeps its own: so each knows how many are
        recomposed, and the donors are those that one process would draw.
        """
        _, attributes, _ = self._assigned()
        columns = self.processes.gather(torch.stack([attributes[batch.indices], batch.identities], dim=1)).cpu()
        parts = self.replicas if "donors" in self.whole_batch else max(self.replicas, self.processes.count)
        draws: list[_Draw] = []
        recomposed, without_donor = 0, 0
        for number, part in enumerate(columns.chunk(parts)):
            for _ in range(self.recompositions):
                donors, present = draw_donors(part[:, 0], self.stripes, generator, part[:, 1], self.donors)
                kept = int(present.sum())
                recomposed += kept if kept > 1 else 0  # one vector has no batch statistics
                without_donor += len(part) - kept
                draws += self._own(number, parts, donors, present)
        return _Drawing(tuple(draws), recomposed, without_donor)

    def _own(self, number: int, parts: int, donors: Tensor, present: Tensor) -> Iterator[_Draw]:
        """What was drawn for this process's images: a part, several, or its share of the only one."""
        processes, device = self.processes, self.identity_head.weight.device
        own = processes.share(len(present)) if parts == 1 else slice(None)
        if parts == 1 or processes.count == 1 or number == processes.rank:
            kept = present[own].nonzero().squeeze(1)
            local = number if processes.count == 1 else 0
            yield _Draw(local, donors[:, own].to(device), kept.to(device))

    def _recomposition_term(
        self, feature_map: Tensor, identities: Tensor, parts: tuple[Tensor, ...], drawing: _Drawing
    ) -> Tensor:
        pooled = PooledStripes.of(feature_map, self.stripes)
        if "donors" in self.whole_batch and self.processes.count > 1:
            pooled = pooled.with_donors_of(self.processes)
        logits, of_logits = [], []
        for draw in drawing.draws:
            if len(draw.present) < self._fewest:
                continue
            part = parts[draw.part]
            recomposed = pooled[part].recomposed(draw.donors)[draw.present]
            with _replica_statistics(self.branch_neck, draw.part):
                logits.append(self.branch_head(self.branch_neck(recomposed)))
            of_logits.append(identities[part[draw.present]])
        if not any(map(len, of_logits)):
            return 0 * (torch.cat(logits) if logits else pooled.mean).sum()
        loss = identity_loss(torch.cat(logits), torch.cat(of_logits), self.smoothing)
        # The processes' terms are averaged, though not all have as many images with donors.
        return loss * (sum(map(len, of_logits)) * self.processes.count / drawing.recomposed)

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
