"""Fine-grained feature mining (FFM): the clusters inside each identity.

Source: FIRe² (TIFS 2024), section III-B.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ccreid.errors import DataError
from ccreid.machine.processes import ALONE, Processes
from ccreid.methods.fire2.attributes import Attributes, check_units
from ccreid.ops.clustering import density_clusters
from ccreid.ops.neighbours import SmallIdentities, jaccard_of_neighbourhoods

BATCH_FLOATS = 2**18
"""About how many distances are clustered at once: so that what is made of them fits into a processor's cache."""
PRODUCT_FLOATS = 2**20
"""About how many numbers of embeddings are multiplied at once, for the same reason."""


@dataclass(frozen=True)
class Mining:
    """How attributes are mined.

    Attributes
    ----------
    k1, k2:
        Length of the neighbour list; images that a neighbourhood is averaged over. With k1 "auto", both grow with the
        images of an identity: a quarter of them (at least 4), and 0.3 of that, as the paper's 6 is of its 20.
    eps:
        Largest Jaccard distance between neighbours of a cluster.
    small_identities:
        What happens to identities of fewer than k1 images: see :func:`ccreid.ops.jaccard_distance`.
    """

    k1: int | Literal["auto"]
    k2: int
    eps: float
    small_identities: SmallIdentities

    def neighbours(self, images: int) -> tuple[int, int]:
        """k1 and k2 for an identity of so many images."""
        if self.k1 != "auto":
            return self.k1, self.k2
        k1 = max(4, round(images / 4))
        return k1, round(0.3 * k1)


def discover_attributes(
    embeddings: Tensor, identities: Tensor, mining: Mining, processes: Processes = ALONE
) -> Attributes:
    """Cluster the images of each identity alone.

    Parameters
    ----------
    embeddings:
        (N, D) L2-normalised, of every training image.
    identities:
        (N,) int64, contiguous from 0.
    mining:
        How.
    processes:
        Those that share the identities; each is given the attributes of all.

    Returns
    -------
    :class:`Attributes`
        On the CPU; every attribute has one owner.

    Raises
    ------
    DataError
        An embedding is not finite or not of length 1, or an identity between 0 and the largest has no image.
    """
    embeddings, identities = embeddings.cpu(), identities.cpu()
    check_units(embeddings)
    _check_identities(identities)
    of_image, attributes = _shared_out(embeddings, identities, mining, processes)
    owners = torch.arange(len(attributes)).repeat_interleave(attributes)
    of_image += (attributes.cumsum(0) - attributes)[identities]
    return Attributes.of(embeddings, of_image, owners)


def _check_identities(identities: Tensor) -> None:
    missing = (identities.bincount() == 0).nonzero().flatten().tolist()
    if missing:
        raise DataError(f"Identity {missing[0]} has no image.", "Number identities from 0 without a gap.")


def _shared_out(embeddings: Tensor, identities: Tensor, mining: Mining, processes: Processes) -> tuple[Tensor, Tensor]:
    """As :func:`clusters_inside`, each process for its part of the identities."""
    if processes.count == 1:
        return clusters_inside(embeddings, identities, mining)
    own = processes.share(int(identities.max()) + 1)
    mine = (identities >= own.start) & (identities < own.stop)
    of_image = torch.zeros_like(identities)
    of_image[mine], attributes = clusters_inside(embeddings[mine], identities[mine] - own.start, mining)
    return processes.sum(of_image), processes.join(attributes)


def clusters_inside(embeddings: Tensor, identities: Tensor, mining: Mining) -> tuple[Tensor, Tensor]:
    """(N,) the cluster of each image, numbered from 0 inside its identity, and (P,) clusters of each identity.

    Identities with equally many images are clustered together, as many at once as `BATCH_FLOATS` allows.
    """
    images = identities.bincount()
    by_identity = identities.argsort(stable=True)
    first = images.cumsum(0) - images
    of_image, clusters = torch.empty_like(identities), torch.empty_like(images)
    for count in sorted(set(images.tolist())):
        alike = (images == count).nonzero().squeeze(1)
        k1, k2 = mining.neighbours(count)
        for some in alike.split(max(1, BATCH_FLOATS // count**2)):
            rows = by_identity[first[some, None] + torch.arange(count)]
            distance = jaccard_of_neighbourhoods(_squared_distance(embeddings, rows), k1, k2, mining.small_identities)
            of_image[rows] = labels = density_clusters(distance, mining.eps)
            clusters[some] = labels.amax(dim=1) + 1
    return of_image, clusters


def _squared_distance(embeddings: Tensor, rows: Tensor) -> Tensor:
    """(B, n, n) between the images of each of B identities, which stand in rows (B, n)."""
    count, dimension = rows.shape[1], embeddings.shape[1]
    cosine = embeddings.new_empty(len(rows), count, count)
    at_once = max(1, PRODUCT_FLOATS // (count * dimension))
    held = embeddings.new_empty(min(at_once, len(rows)) * count, dimension)  # new pages each time cost a product
    for some, product in zip(torch.split(rows, at_once), torch.split(cosine, at_once), strict=True):
        units = torch.index_select(embeddings, 0, some.flatten(), out=held[: some.numel()]).view(*some.shape, -1)
        torch.bmm(units, units.mT, out=product)
    return cosine.mul_(-2).add_(2)
