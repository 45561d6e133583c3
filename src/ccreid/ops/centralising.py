"""Embeddings drawn towards those that they are nearest to on both sides.

Source: the neighbour feature centralisation of Pose2ID (CVPR 2025), which needs neither labels nor training.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.machine.arguments import as_count
from ccreid.ops.reranking import search
from ccreid.ops.similarity import comparable_vectors

NEIGHBOURS = 2


def centralised(embeddings: Tensor, neighbours: int = NEIGHBOURS) -> Tensor:
    """Add to each embedding the mean of its mutual nearest neighbours.

    Two images are mutual neighbours where each is among the k nearest of the other, itself not counted, equal ones by
    index. An image without any stays as it is.

    Parameters
    ----------
    embeddings:
        (N, D); L2-normalised here.
    neighbours:
        k; all others where there are fewer.

    Returns
    -------
    Tensor
        (N, D) float32 on the CPU, L2-normalised.

    Raises
    ------
    SettingError
        k is no count.
    DataError
        There are no embeddings, or one is not finite.
    """
    count = as_count(neighbours, "neighbours")
    pool, _ = comparable_vectors(embeddings, embeddings)
    nearest = search(pool, min(count + 1, len(pool)), 0).places[:, 1:]  # without itself, which is first
    itself = torch.arange(len(pool))[:, None, None]
    mutual = (nearest[nearest] == itself).any(dim=2).to(pool)
    added = torch.zeros_like(pool)
    for place in range(nearest.shape[1]):  # one at a time: all together would be k times the pool
        added += mutual[:, place, None] * pool[nearest[:, place]]
    return normalize(pool + added / mutual.sum(dim=1, keepdim=True).clamp(min=1), dim=1)
