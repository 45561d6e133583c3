"""The definitions of neighbourhoods and clusters as loops: what the benchmark divides by and the tests compare with.

Written from the formulas, in plain Python on lists, without any of the package.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Matrix = Sequence[Sequence[float]] | NDArray[np.floating]


def neighbour_list(distance: Matrix, i: int) -> list[int]:
    """All images by (distance, index), i itself first."""
    return sorted(range(len(distance)), key=lambda j: (j != i, distance[i][j], j))


def reciprocal(places: Sequence[Sequence[int]], i: int, k: int) -> list[int]:
    """R(i, k). A phantom place holds -1, which as an index means the last image, as Python has it.

    Members stand in the list once a place that matches: twice or more for phantoms only.
    """
    return [j for j in places[i][: k + 1] for back in places[j][: k + 1] if back == i]


def neighbourhood(places: Sequence[Sequence[int]], i: int, wide: int, narrow: int) -> set[int]:
    """R(i, wide) with every R(c, narrow) that lies in it by more than two thirds."""
    members = reciprocal(places, i, wide)
    expanded = set(members)
    for candidate in members:
        theirs = reciprocal(places, candidate, narrow)
        if 3 * len(set(theirs) & set(members)) > 2 * len(theirs):
            expanded |= set(theirs)
    return expanded


def neighbourhood_weights(
    distance: Matrix, places: Sequence[Sequence[int]], wide: int, narrow: int, k2: int
) -> list[list[float]]:
    """V after the local query expansion."""
    count = len(distance)
    rows = []
    for i in range(count):
        members = sorted(neighbourhood(places, i, wide, narrow))  # -1 first, so that N - 1 overwrites it
        total = sum(math.exp(-distance[i][m]) for m in members)
        row = [0.0] * count
        for m in members:
            row[m] = math.exp(-distance[i][m]) / total
        rows.append(row)
    averaged = []
    for i in range(count):
        first = places[i][:k2]
        averaged.append([sum(rows[j][m] for j in first) / len(first) for m in range(count)])
    return averaged


def jaccard_of(weights: Matrix, i: int, j: int) -> float:
    """1 - s / (2 - s), s the sum of the smaller weights."""
    shared = float(sum(min(a, b) for a, b in zip(weights[i], weights[j], strict=True)))
    return max(0.0, 1 - shared / (2 - shared))


def jaccard_distance(distance: Matrix, k1: int, k2: int, small_identities: str) -> NDArray[np.float64]:
    """The clustering's distance, from the squared Euclidean one."""
    count = len(distance)
    if small_identities == "clip":
        k1, k2 = min(k1, count), min(k2, count)
    places = [(neighbour_list(distance, i) + [-1] * k1)[:k1] for i in range(count)]
    weights = neighbourhood_weights(distance, places, k1, round(k1 / 2), k2)
    return np.array([[jaccard_of(weights, i, j) for j in range(count)] for i in range(count)])


def dbscan(distance: Matrix, eps: float, min_samples: int) -> list[int]:
    """Ester et al., 1996. Clusters are grown in the order of their first core point; outliers stay alone."""
    count = len(distance)
    neighbours = [[j for j in range(count) if distance[i][j] <= eps] for i in range(count)]
    core = [len(near) >= min_samples for near in neighbours]
    label: list[int | None] = [None] * count
    clusters = 0
    for start in range(count):
        if not core[start] or label[start] is not None:
            continue
        waiting = [start]
        while waiting:
            point = waiting.pop()
            if label[point] is None:
                label[point] = clusters
                if core[point]:
                    waiting += neighbours[point]
        clusters += 1
    for point in range(count):
        if label[point] is None:
            label[point] = clusters
            clusters += 1
    return renumbered(label)


def renumbered(labels: Sequence[int | None]) -> list[int]:
    """The same partition, numbered from 0 by first appearance; each -1 is a cluster of its own."""
    numbers: dict[tuple[int, int], int] = {}
    result = []
    for place, label in enumerate(labels):
        key = (-1 if label is None else int(label), place if label == -1 else 0)
        result.append(numbers.setdefault(key, len(numbers)))
    return result
