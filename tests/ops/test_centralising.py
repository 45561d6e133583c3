"""Neighbour centralisation against loops written from the definition."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ccreid.errors import DataError, SettingError
from ccreid.ops.centralising import centralised


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(value * value for value in vector))
    return [value / length for value in vector]


def by_definition(vectors: list[list[float]], neighbours: int) -> list[list[float]]:
    units = [unit(vector) for vector in vectors]

    def cosine(i: int, j: int) -> float:
        return math.fsum(a * b for a, b in zip(units[i], units[j], strict=True))

    def nearest(i: int) -> list[int]:
        others = [j for j in range(len(units)) if j != i]
        return sorted(others, key=lambda j: (-cosine(i, j), j))[:neighbours]

    result = []
    for i, own in enumerate(units):
        mutual = [j for j in nearest(i) if i in nearest(j)]
        mean = [math.fsum(units[j][d] for j in mutual) / len(mutual) if mutual else 0.0 for d in range(len(own))]
        result.append(unit([value + more for value, more in zip(own, mean, strict=True)]))
    return result


def drawn(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("neighbours", [1, 2, 5])
@pytest.mark.parametrize("count", [3, 4, 60, 200])
def test_each_is_drawn_to_the_mean_of_its_mutual_neighbours(count: int, neighbours: int) -> None:
    embeddings = drawn(count)
    found = centralised(embeddings, neighbours)
    expected = torch.tensor(by_definition(embeddings.tolist(), neighbours))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_who_is_nobodys_neighbour_stays() -> None:
    """b and c are each other's nearest; a has one of them for its nearest, and is neither's."""
    a, b, c = [1.0, 0.0], [0.0, 1.0], [-0.1, 1.0]
    found = centralised(torch.tensor([a, b, c]), 1)
    middle = unit([x + y for x, y in zip(unit(b), unit(c), strict=True)])
    torch.testing.assert_close(found, torch.tensor([a, middle, middle]))


def test_one_alone_stays() -> None:
    assert centralised(torch.tensor([[3.0, 4.0]])).tolist() == [[pytest.approx(0.6), pytest.approx(0.8)]]


def test_what_is_no_embedding_or_no_count_is_refused() -> None:
    with pytest.raises(DataError, match="not finite"):
        centralised(torch.tensor([[1.0, math.nan], [1.0, 0.0]]))
    with pytest.raises(SettingError, match="neighbours"):
        centralised(drawn(4), 0)
