"""Group means, and vectors without them, against loops written from the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ccreid.ops.centring import centred, group_means


def drawn(count: int = 40, groups: int = 6) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(count, 5)).astype(np.float32), random.integers(0, groups, count) * 3 - 4


def mean_by_definition(vectors: np.ndarray, groups: np.ndarray, group: int) -> list[float]:
    members = [vector for vector, of in zip(vectors.tolist(), groups.tolist(), strict=True) if of == group]
    return [math.fsum(column) / len(members) for column in zip(*members, strict=True)]


def test_means_are_those_of_the_groups_in_ascending_order() -> None:
    vectors, groups = drawn()
    found, means = group_means(vectors, groups)
    assert found.tolist() == sorted(set(groups.tolist()))
    assert means.dtype == np.float32
    assert group_means(vectors.astype(np.float64), groups)[1].dtype == np.float64
    for group, mean in zip(found.tolist(), means.tolist(), strict=True):
        assert mean == pytest.approx(mean_by_definition(vectors, groups, group), abs=1e-6)


def test_each_vector_loses_the_mean_of_its_group_or_the_other_one() -> None:
    vectors, groups = drawn()
    known = np.array(sorted(set(groups.tolist())))[[0, 2, 3]]  # of the others no mean is known
    means = np.array([mean_by_definition(vectors, groups, group) for group in known], dtype=np.float32)
    otherwise = np.array([0.5, -1.0, 0.0, 2.0, 0.25], dtype=np.float32)
    found = centred(vectors, groups, known, means, otherwise)
    for vector, group, ours in zip(vectors.tolist(), groups.tolist(), found.tolist(), strict=True):
        offset = mean_by_definition(vectors, groups, group) if group in known else otherwise.tolist()
        left = [value - less for value, less in zip(vector, offset, strict=True)]
        length = math.sqrt(math.fsum(value * value for value in left))
        assert ours == pytest.approx([value / length for value in left], abs=1e-6)
    without = centred(vectors, None, known, means, otherwise)
    assert np.array_equal(without, centred(vectors, np.full(len(vectors), 999), known, means, otherwise))


def test_a_vector_that_is_the_mean_is_nothing() -> None:
    vectors = np.eye(2, dtype=np.float32)
    found = centred(vectors, np.array([1, 2]), np.array([1]), vectors[:1], np.zeros(2, dtype=np.float32))
    assert found.tolist() == [[0, 0], [0, 1]]
