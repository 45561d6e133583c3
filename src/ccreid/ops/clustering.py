"""Density clusters (DBSCAN) of a distance matrix."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ccreid.errors import SettingError
from ccreid.machine.arguments import as_count, as_number


def density_clusters(distance: Tensor, eps: float = 0.4, min_samples: int = 1) -> Tensor:
    """DBSCAN on a precomputed distance; every outlier becomes a cluster of its own.

    Clusters are the connected components of the core points under ``distance <= eps``; a point within reach
    of a core point joins that core's cluster (the one numbered lowest). With ``min_samples = 1`` every point
    with a distance to itself within eps is a core point.

    Parameters
    ----------
    distance:
        (N, N), symmetric, small is near; or (B, N, N) for B sets that are clustered each alone.
    eps:
        Largest distance between neighbours, in the units of `distance`.
    min_samples:
        How many neighbours, itself included, make a core point.

    Returns
    -------
    Tensor
        (N,) or (B, N) int64 on the CPU, contiguous from 0 in the order of first appearance in each set.

    Raises
    ------
    SettingError
        The matrix is not square, or eps is no number from 0 on, or min_samples is no count.
    """
    distances = torch.as_tensor(distance).detach().cpu().numpy()
    if distances.ndim not in (2, 3) or distances.shape[-1] != distances.shape[-2]:
        raise SettingError(f"A distance of shape {distances.shape} was given.", "Give a square matrix.")
    eps, min_samples = as_number(eps, "eps", 0), as_count(min_samples, "min_samples")
    near = (distances if distances.ndim == 3 else distances[None]) <= eps
    core = near.sum(axis=2) >= min_samples
    component = _components(near & core[:, :, None] & core[:, None, :])
    labels = component.copy()
    for number, point in np.argwhere(~core):
        within_reach = component[number][near[number, point] & core[number]]
        if within_reach.size:
            labels[number, point] = within_reach.min()
    return torch.from_numpy(_by_first_appearance(labels).reshape(distances.shape[:-1]))


def _components(linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(B, N): the connected component of each point of each graph (B, N, N); no two graphs share a number."""
    graphs, points, _ = linked.shape
    one_way = linked & np.tri(points, k=-1, dtype=np.bool_)  # a link says the same from either end
    point, other = np.divmod(np.flatnonzero(one_way), points)
    other += point - point % points  # its graph's first point
    count = graphs * points
    links = coo_array((np.ones(len(point), dtype=np.bool_), (point, other)), shape=(count, count))
    _, component = connected_components(links, directed=False)
    return component.astype(np.int64).reshape(graphs, points)


def _by_first_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """(B, N): labels that no two sets share, numbered from 0 in each set as they appear."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    numbers = np.argsort(np.argsort(first))[inverse].reshape(labels.shape)
    return (numbers - numbers[:, :1]).astype(np.int64)
