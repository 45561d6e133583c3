"""Re-ranking: distances that also weigh how much the neighbourhoods of query and gallery image overlap.

Source: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.errors import SettingError
from ccreid.evaluation.similarity import TILE_ROWS, checked_vectors, similarity_blocks

BLOCK = 512
"""Rows that are worked on at once."""


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
    found = search(pool, min(k1 + 1, len(pool)), len(queries))
    members = _expanded(_reciprocal(found.places, k1), _reciprocal(found.places, round(k1 / 2)))
    weights = _averaged(_soft(members, pool, found.largest), found.places[:, :k2], dtype)
    shared = _shared_weight(weights[: len(queries)], weights[len(queries) :], dtype)
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


def nearest(distance: Tensor, length: int) -> Tensor:
    """(B, length) columns of (B, N), the smallest first, equal ones by index."""
    values, places = distance.topk(min(length + 1, distance.shape[1]), dim=1, largest=False)
    places = places[:, :length]
    torn = values[:, length - 1] == values[:, -1] if values.shape[1] > length else torch.zeros(len(values)).bool()
    places[torn] = distance[torn].argsort(dim=1, stable=True)[:, :length]  # any of the equal ones were taken
    places = places.sort(dim=1).values
    return places.gather(1, distance.gather(1, places).argsort(dim=1, stable=True))


# Neighbourhoods are sparse matrices here, N x N with a row an image: scarcely a hundred of N are members.


def _reciprocal(places: Tensor, k: int) -> csr_array:
    """R(i, k) as ones: those of the first k + 1 places of an image that have it among theirs."""
    first = places[:, : k + 1]
    mutual = (first[first] == torch.arange(len(first))[:, None, None]).any(dim=2)
    rows, columns = mutual.nonzero(as_tuple=True)
    return _ones(rows, first[rows, columns], len(first))


def _ones(rows: Tensor, columns: Tensor, count: int) -> csr_array:
    ends = rows.numpy(), columns.numpy()
    return csr_array((np.ones(len(rows), dtype=np.float32), ends), shape=(count, count))


def _expanded(wide: csr_array, narrow: csr_array) -> csr_array:
    """R(i, k1) grown by each R(c, k1/2) of a member c that overlaps it by more than 2/3; members in order."""
    overlap = (wide @ narrow.T).multiply(wide).tocsr()
    sizes = narrow.sum(axis=1)
    overlap.data = (3 * overlap.data > 2 * sizes[overlap.indices]).astype(np.float32)
    members: csr_array = (wide + overlap @ narrow).tocsr()
    members.sort_indices()
    return members


def _soft(members: csr_array, pool: Tensor, largest: Tensor) -> csr_array:
    """Softmax of the negative scaled distance over the members of each image."""
    rows = np.repeat(np.arange(len(pool)), np.diff(members.indptr))
    cosine = np.empty(len(rows), dtype=np.float32)
    for start in range(0, len(pool), TILE_ROWS):
        # Products of whole tiles round as those of the search do; pair by pair they would not.
        some = slice(members.indptr[start], members.indptr[min(start + TILE_ROWS, len(pool))])
        columns, place = np.unique(members.indices[some], return_inverse=True)
        (block,) = similarity_blocks(pool[start : start + TILE_ROWS], pool[columns])
        cosine[some] = block[rows[some] - start, place]
    weights = np.exp(-np.maximum(2 - 2 * cosine, 0) / largest.numpy()[rows])
    totals = np.add.reduceat(weights, members.indptr[:-1])
    shares = weights / totals[rows], members.indices, members.indptr
    return csr_array(shares, shape=members.shape)


def _averaged(weights: csr_array, places: Tensor, dtype: torch.dtype) -> csr_array:
    """Each row replaced by the mean over the rows of its first places (local query expansion), rounded to a dtype."""
    weights.data = _rounded(weights.data, dtype)
    rows = torch.arange(len(places)).repeat_interleave(places.shape[1])
    averaged: csr_array = (_ones(rows, places.flatten(), len(places)) @ weights).tocsr()
    averaged.data = _rounded(averaged.data / np.float32(places.shape[1]), dtype)
    return averaged


def _rounded(values: NDArray[np.floating], dtype: torch.dtype) -> NDArray[np.float32]:
    return torch.from_numpy(values).to(dtype).float().numpy()


def _shared_weight(queries: csr_array, galleries: csr_array, dtype: torch.dtype) -> Tensor:
    """(Q, G): sum over the pool's members of the smaller of two weights, member after member.

    The order matters to float16, which rounds at every member.
    """
    shared = torch.zeros(queries.shape[0], galleries.shape[0], dtype=dtype)
    of_queries, of_galleries = queries.tocsc(), galleries.tocsc()
    for member in range(queries.shape[1]):
        rows, mine = _column(of_queries, member, dtype)
        columns, theirs = _column(of_galleries, member, dtype)
        if len(rows) and len(columns):
            shared[rows[:, None], columns] += torch.minimum(mine[:, None], theirs)
    return shared


def _column(matrix: csc_array, column: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rows and values of a column's stored entries."""
    entries = slice(*matrix.indptr[column : column + 2])
    return torch.from_numpy(matrix.indices[entries]).long(), torch.from_numpy(matrix.data[entries]).to(dtype)
