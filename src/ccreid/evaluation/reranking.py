"""Re-ranking: distances that also weigh how much the neighbourhoods of query and gallery image overlap.

Source: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.errors import SettingError
from ccreid.evaluation.similarity import checked_vectors
from ccreid.ops.neighbours import (
    averaged_over_nearest,
    expanded_neighbourhoods,
    neighbour_lists,
    reciprocal_counts,
    soft_neighbourhoods,
)


def rerank(
    query_embeddings: Tensor,
    gallery_embeddings: Tensor,
    k1: int = 20,
    k2: int = 6,
    share: float = 0.3,
    dtype: torch.dtype = torch.float16,
) -> Tensor:
    """(1 - share) times the Jaccard distance plus share times the scaled squared Euclidean distance.

    Queries and gallery are pooled, N = Q + G images, and every image's neighbours are sought in the pool; the
    work and the memory grow with N². Unlike the clustering's, a neighbour list holds k1 + 1 images here: an
    image and its k1 nearest.

    Parameters
    ----------
    query_embeddings, gallery_embeddings:
        (Q, D) and (G, D) floating point; L2-normalised here, compared in float32.
    k1:
        Neighbours of an image, itself not included; all of them where the pool has fewer.
    k2:
        Over how many nearest images a neighbourhood is averaged, itself included.
    share:
        λ, what the original distance weighs, in 0..1. It is the squared Euclidean distance over the largest
        one from the same query to the pool.
    dtype:
        What neighbourhoods and Jaccard distances are kept in. float16 gives the reference's numbers, which it
        rounds so; that moves a distance by up to 0.002. float32 is more exact.

    Returns
    -------
    Tensor
        (Q, G) float32, in [0, 1] up to rounding; small is near.

    Raises
    ------
    SettingError
        k1 or k2 is below 1, or share is outside 0..1.
    DataError
        A side is empty, not (N, D), not finite, or the two differ in D.
    """
    if k1 < 1 or k2 < 1:
        raise SettingError(f"k1 = {k1} and k2 = {k2} were given.", "Both count images: give at least 1.")
    if not 0 <= share <= 1:
        raise SettingError(f"share = {share} was given.", "Give a share between 0 and 1.")
    queries, galleries = checked_vectors(query_embeddings, gallery_embeddings)
    pool = normalize(torch.cat([queries, galleries]), dim=1)
    distance = _scaled_squared_distance(pool)
    places = neighbour_lists(distance, min(k1 + 1, len(pool)))
    members = expanded_neighbourhoods(reciprocal_counts(places, k1), reciprocal_counts(places, round(k1 / 2)))
    weights = averaged_over_nearest(soft_neighbourhoods(members, distance).to(dtype), places, k2)
    shared = _shared_weight(weights[: len(queries)], weights[len(queries) :])
    jaccard = 1 - shared / (2 - shared)
    return torch.tensor(1 - share, dtype=dtype) * jaccard + share * distance[: len(queries), len(queries) :]


def _scaled_squared_distance(pool: Tensor) -> Tensor:
    """(N, N): squared Euclidean distance of unit vectors, every row over its largest."""
    squared = (2 - 2 * pool @ pool.T).clamp(min=0)
    return squared / squared.amax(dim=1, keepdim=True).clamp(min=torch.finfo(squared.dtype).tiny)


def _shared_weight(queries: Tensor, galleries: Tensor) -> Tensor:
    """(Q, G): sum over the pool's members of the smaller of two weights, member after member.

    The order matters to float16, which rounds at every member.
    """
    shared = queries.new_zeros(len(queries), len(galleries))
    for mine, theirs in zip(queries.T.contiguous(), galleries.T.contiguous(), strict=True):
        rows, columns = mine.nonzero(), theirs.nonzero().squeeze(1)  # (r, 1) and (c,)
        shared[rows, columns] += torch.minimum(mine[rows], theirs[columns])
    return shared
