"""Fine-grained feature mining (FFM): the clusters inside each identity.

Source: FIRe² (TIFS 2024), section III-B.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ccreid.errors import DataError
from ccreid.ops.clustering import density_clusters
from ccreid.ops.neighbours import SmallIdentities, jaccard_distance


@dataclass(frozen=True)
class Mining:
    """How attributes are mined; the paper's values are the defaults.

    Attributes
    ----------
    k1, k2:
        Length of the neighbour list; images that a neighbourhood is averaged over.
    eps:
        Largest Jaccard distance between neighbours of a cluster.
    small_identities:
        What happens to identities of fewer than k1 images: see :func:`ccreid.ops.jaccard_distance`.
    """

    k1: int = 20
    k2: int = 6
    eps: float = 0.4
    small_identities: SmallIdentities = "clip"


@dataclass(frozen=True, eq=False)
class Attributes:
    """The attributes of a train set.

    Attributes
    ----------
    of_image:
        (N,) int64, the attribute of each training image.
    owners:
        (A,) int64, the identity that each attribute belongs to; identity after identity.
    centres:
        (A, D) float32, the mean of the L2-normalised embeddings of each attribute.
    """

    of_image: Tensor
    owners: Tensor
    centres: Tensor

    def __len__(self) -> int:
        return len(self.owners)


def discover_attributes(embeddings: Tensor, identities: Tensor, mining: Mining) -> Attributes:
    """Cluster the images of each identity alone.

    Parameters
    ----------
    embeddings:
        (N, D) L2-normalised, of every training image.
    identities:
        (N,) int64, contiguous from 0.
    mining:
        How.

    Returns
    -------
    :class:`Attributes`
        On the CPU; every attribute has one owner.

    Raises
    ------
    DataError
        An identity between 0 and the largest has no image.
    """
    embeddings, identities = embeddings.cpu(), identities.cpu()
    of_image = torch.empty(len(identities), dtype=torch.int64)
    owners: list[int] = []
    for identity in range(int(identities.max()) + 1):
        images = (identities == identity).nonzero().squeeze(1)
        if not len(images):
            raise DataError(f"Identity {identity} has no image.", "Number identities from 0 without a gap.")
        distance = jaccard_distance(embeddings[images], mining.k1, mining.k2, mining.small_identities)
        clusters = density_clusters(distance, mining.eps)
        of_image[images] = clusters + len(owners)
        owners += [identity] * (int(clusters.max()) + 1)
    return Attributes(of_image, torch.tensor(owners), _centres(embeddings, of_image, len(owners)))


def _centres(embeddings: Tensor, of_image: Tensor, attributes: int) -> Tensor:
    sums = embeddings.new_zeros(attributes, embeddings.shape[1]).index_add_(0, of_image, embeddings)
    return sums / of_image.bincount(minlength=attributes)[:, None]
