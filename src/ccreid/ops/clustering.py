"""Density clusters (DBSCAN) of a distance matrix."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ccreid.errors import SettingError


def density_clusters(distance: Tensor, eps: float = 0.4, min_samples: int = 1) -> Tensor:
    """DBSCAN on a precomputed distance; every outlier becomes a cluster of its own.

    Clusters are the connected components of the core points under ``distance <= eps``; a point within reach
    of a core point joins that core's cluster (the one numbered lowest). With ``min_samples = 1`` every point
    with a distance to itself within eps is a core point.

    Parameters
    ----------
    distance:
        (N, N), symmetric, small is near.
    eps:
        Largest distance between neighbours, in the units of `distance`.
    min_samples:
        How many neighbours, itself included, make a core point.

    Returns
    -------
    Tensor
        (N,) int64 on the CPU, contiguous from 0 in the order of first appearance.

    Raises
    ------
    SettingError
        The matrix is not square, or eps is negative, or min_samples is below 1.
    """
    distances = torch.as_tensor(distance).detach().cpu().numpy()
    if distances.ndim != 2 or distances.shape[0] != distances.shape[1]:
        raise SettingError(f"A distance of shape {distances.shape} was given.", "Give a square matrix.")
    if eps < 0 or min_samples < 1:
        raise SettingError(f"eps = {eps} and min_samples = {min_samples} were given.", "Give eps >= 0, count >= 1.")
    near = distances <= eps
    core = near.sum(axis=1) >= min_samples
    _, component = connected_components(near & core[:, None] & core[None, :], directed=False)
    labels = component.astype(np.int64)
    for point in np.flatnonzero(~core):
        within_reach = component[near[point] & core]
        if within_reach.size:
            labels[point] = within_reach.min()
    return torch.from_numpy(_by_first_appearance(labels))


def _by_first_appearance(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
