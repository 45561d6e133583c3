"""The sparse graph of Jaccard distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from ccreid.errors import DataError
from ccreid.ops import jaccard_distance
from ccreid.ops.neighbour_graph import jaccard_graph


@pytest.mark.parametrize(
    ("count", "k1", "k2"), [(120, 20, 6), (500, 20, 6), (90, 8, 3), (12, 20, 6), (2, 20, 6), (1, 20, 6)]
)
def test_stored_distances_are_those_of_the_whole_matrix(count: int, k1: int, k2: int) -> None:
    random = torch.Generator().manual_seed(0)
    people = torch.randn(max(1, count // 10), 16, generator=random)
    around = torch.randn(count, 16, generator=random)
    vectors = normalize(people[torch.arange(count) % len(people)] + 0.7 * around, dim=1)
    graph = jaccard_graph(vectors, k1, k2)
    whole = jaccard_distance(vectors, k1, k2).numpy()
    pairs = graph.tocoo()
    assert np.allclose(pairs.data, whole[pairs.row, pairs.col], atol=1e-5)
    assert (pairs.row != pairs.col).all()
    assert abs(graph - graph.T).max() == 0
    nearest = np.where(np.eye(count, dtype=bool), 2, whole).min(axis=1, initial=2)
    stored = np.full(count, 2.0)
    np.minimum.at(stored, pairs.row, pairs.data)
    assert (
        count < 3 or np.mean(stored <= nearest + 1e-5) > 0.9
    )  # the nearest are members of each other's neighbourhoods


def test_the_same_picture_twice_is_at_no_distance() -> None:
    vectors = normalize(torch.randn(30, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    graph = jaccard_graph(torch.cat([vectors, vectors]), 10, 1)
    found = {(int(row), int(column)): value for row, column, value in zip(*_coo(graph), strict=True)}
    assert all(found[row, row + 30] == pytest.approx(0, abs=1e-5) for row in range(30))


def _coo(graph: object) -> tuple[list[int], list[int], list[float]]:
    pairs = graph.tocoo()  # type: ignore[attr-defined]
    return pairs.row.tolist(), pairs.col.tolist(), pairs.data.tolist()


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(DataError, match="not finite"):
        jaccard_graph(torch.full((3, 4), torch.nan))
