"""Who is near whom among many images: a sparse graph of k-reciprocal Jaccard distances."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from torch import Tensor

from ccreid.machine.arguments import as_count
from ccreid.ops.reranking import search
from ccreid.ops.similarity import checked_vectors, similarities_of
from ccreid.ops.sparse_neighbours import averaged, expanded, reciprocal, rows_of, softly_weighted

EDGES = 2**16
"""Pairs whose neighbourhoods are compared at once."""


def jaccard_graph(embeddings: Tensor, k1: int = 20, k2: int = 6) -> csr_array:
    """Jaccard distances between the k-reciprocal neighbourhoods of images that are in each other's.

    As :func:`ccreid.ops.jaccard_distance`, for pairs alone of which one is a member of the other's neighbourhood:
    memory grows with N, not with N², and the work with the search of neighbours.

    Parameters
    ----------
    embeddings:
        (N, D) float32, L2-normalised.
    k1:
        Length of an image's neighbour list, itself included; all images where there are fewer.
    k2:
        Over how many nearest images a neighbourhood is averaged.

    Returns
    -------
    csr_array
        (N, N) float32, symmetric, the diagonal left out. What is not stored is farther than what is, or has nothing in
        common; a stored distance is in [0, 1] up to rounding, and one of 0 is stored.

    Raises
    ------
    DataError
        There are no embeddings, or one is not finite.
    SettingError
        k1 or k2 is no count.
    """
    vectors, _ = checked_vectors(embeddings, embeddings)
    k1, k2 = (min(as_count(value, name), len(vectors)) for value, name in ((k1, "k1"), (k2, "k2")))
    places = search(vectors, k1, 0).places
    members = expanded(reciprocal(places, k1), reciprocal(places, round(k1 / 2)))
    rows = rows_of(members)
    cosine = similarities_of(vectors, vectors, rows, members.indices.astype(np.int64))
    weights = averaged(softly_weighted(members, np.maximum(2 - 2 * cosine, 0)), places[:, :k2])
    return _between_members(members, weights)


def _between_members(members: csr_array, weights: csr_array) -> csr_array:
    """The distances of all pairs of which one is a member of the other's neighbourhood."""
    either = (members + members.T).tocoo()
    upper = either.row < either.col
    left, right = either.row[upper], either.col[upper]
    distance = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), EDGES):
        some = slice(start, start + EDGES)
        shared = weights[left[some]].minimum(weights[right[some]]).sum(axis=1)
        distance[some] = np.maximum(1 - shared / (2 - shared), 0)
    ends = np.concatenate([left, right]), np.concatenate([right, left])
    return csr_array((np.concatenate([distance, distance]), ends), shape=members.shape)
