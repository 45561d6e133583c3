"""Re-ranking: distances that also weigh how much the neighbourhoods of query and gallery image overlap.

Source: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.machine.arguments import as_count, as_number
from ccreid.ops.similarity import checked_vectors, similarities_of, similarity_blocks
from ccreid.ops.sparse_neighbours import (
    averaged,
    expanded,
    nearest,
    reciprocal,
    rows_of,
    shared_weight,
    softly_weighted,
)

K1, K2, SHARE = 20, 6, 0.3
"""Neighbours of an image, images a neighbourhood is averaged over, and what the original distance weighs, as in
the paper."""
BLOCK = 512
"""Rows that are worked on at once."""


def rerank(
    query_embeddings: Tensor,
    gallery_embeddings: Tensor,
    k1: int = K1,
    k2: int = K2,
    share: float = SHARE,
    dtype: torch.dtype = torch.float16,
) -> Tensor:
    """(1 - share) times the Jaccard distance plus share times the scaled squared Euclidean distance.

    Queries and gallery are pooled, N = Q + G images, and every image's neighbours are sought in the pool; the
    work grows with N², the memory with Q x G. Unlike the clustering's, a neighbour list holds k1 + 1 images here: an
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
        k1 or k2 is no count, or share is outside 0..1.
    DataError
        A side is empty, not (N, D), not finite, or the two differ in D.
    """
    k1, k2 = as_count(k1, "k1"), as_count(k2, "k2")
    share = as_number(share, "share", 0, 1)
    queries, galleries = checked_vectors(query_embeddings, gallery_embeddings)
    pool = normalize(torch.cat([queries, galleries]), dim=1)
    found = search(pool, min(k1 + 1, len(pool)), len(queries))
    members = expanded(reciprocal(found.places, k1), reciprocal(found.places, round(k1 / 2)))
    weights = _rounded(softly_weighted(members, _to_members(members, pool, found.largest)), dtype)
    weights = _rounded(averaged(weights, found.places[:, :k2]), dtype)
    shared = shared_weight(weights[: len(queries)], weights[len(queries) :], dtype)
    distance = found.of_queries
    for rows in torch.split(torch.arange(len(queries)), BLOCK):
        jaccard = 1 - shared[rows] / (2 - shared[rows])
        distance[rows] = torch.tensor(1 - share, dtype=dtype) * jaccard + share * distance[rows]
    return distance


class Found(NamedTuple):
    """What a search of the pool for each of its N images gives.

    Attributes
    ----------
    places:
        (N, length) int64, the nearest of each image, itself first, ties by index.
    largest:
        (N,) float32, the largest squared Euclidean distance from each image to the pool, above 0.
    of_queries:
        (Q, G) float32, squared Euclidean distance from the first Q images to the others over the query's largest.
    """

    places: Tensor
    largest: Tensor
    of_queries: Tensor


def search(pool: Tensor, length: int, queries: int) -> Found:
    """Find the nearest of every image of the pool, (N, D) of unit length, a block of rows at a time."""
    places = torch.empty(len(pool), length, dtype=torch.int64)
    largest = torch.empty(len(pool))
    of_queries = torch.empty(queries, len(pool) - queries)
    start = 0
    for block in similarity_blocks(pool, pool):
        rows = slice(start, start + len(block))
        distance = torch.from_numpy(block).mul_(-2).add_(2).clamp_(min=0)
        largest[rows] = distance.amax(dim=1).clamp_(min=torch.finfo(distance.dtype).tiny)
        distance /= largest[rows, None]
        of_queries[rows] = distance[: max(0, queries - start), queries:]
        distance.diagonal(offset=start).fill_(-torch.inf)
        places[rows] = nearest(distance, length)
        start += len(block)
    return Found(places, largest, of_queries)


def _to_members(members: csr_array, pool: Tensor, largest: Tensor) -> NDArray[np.float32]:
    """The scaled squared distance from each image to its members, in their order."""
    rows = rows_of(members)
    cosine = similarities_of(pool, pool, rows, members.indices.astype(np.int64))
    distance: NDArray[np.float32] = np.maximum(2 - 2 * cosine, 0) / largest.numpy()[rows]
    return distance


def _rounded(weights: csr_array, dtype: torch.dtype) -> csr_array:
    weights.data = torch.from_numpy(weights.data).to(dtype).float().numpy()
    return weights
