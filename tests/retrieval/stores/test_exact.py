"""Exact search in memory against a loop over all pairs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ccreid.retrieval.stores import exact
from ccreid.retrieval.stores.exact import nearest
from retrieval.rows_of_crops import vectors_of


def looked_for(
    queries: NDArray[np.float32], vectors: NDArray[np.float32], count: int, allowed: NDArray[np.bool_] | None
) -> list[list[int]]:
    """By (falling similarity, row), one pair after the other."""
    numbers = [row for row in range(len(vectors)) if allowed is None or allowed[row]]
    return [sorted(numbers, key=lambda row: (-float(np.sum(query * vectors[row])), row))[:count] for query in queries]


def tied(draws: np.random.Generator, count: int) -> NDArray[np.float32]:
    """(count, 4) of few different vectors, whose products are exact in float32, so that many are equally near."""
    return np.asarray(draws.integers(-1, 2, (count, 4)) / 2, np.float32)


@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(0, 60),
    queries=st.integers(0, 7),
    count=st.integers(0, 70),
    share=st.sampled_from([None, 0.0, 0.05, 0.3, 0.9, 1.0]),
    block=st.sampled_from([1, 7, 16, 1000]),
    together=st.sampled_from([1, 3, 256]),
)
def test_it_is_the_loop_over_pairs_ties_by_row(
    seed: int, rows: int, queries: int, count: int, share: float | None, block: int, together: int
) -> None:
    draws = np.random.default_rng(seed)
    vectors, asked = tied(draws, rows), tied(draws, queries)
    allowed = None if share is None else draws.random(rows) < share
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_ROWS", block)
        patch.setattr(exact, "_SCORES", block)
        patch.setattr(exact, "_QUERIES", together)
        found, similarities = nearest(asked, vectors, count, allowed)
    assert found.tolist() == looked_for(asked, vectors, count, allowed)
    np.testing.assert_array_equal(similarities, np.take_along_axis(asked @ vectors.T, found, axis=1))


def test_a_filter_comes_before_the_ranking() -> None:
    vectors = vectors_of(range(1000))
    query = vectors_of([5])
    allowed = np.zeros(1000, bool)
    allowed[[17, 900, 3]] = True
    rows, _ = nearest(query, vectors, 10, allowed)
    assert sorted(rows[0].tolist()) == [3, 17, 900]


def test_memory_does_not_grow_with_queries_times_rows() -> None:
    draws = np.random.default_rng(0)
    vectors, queries = (draws.standard_normal((count, 2)).astype(np.float32) for count in (40_000, 3000))
    tracemalloc.start()
    try:
        nearest(queries, vectors, 5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(vectors) * len(queries) * 4 / 4
