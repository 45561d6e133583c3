"""The benchmarks of re-ranking and of growth: that they measure."""

from __future__ import annotations

import pytest

from ccreid.bench import measure


def test_what_reranking_takes_beyond_the_search_and_its_memory_are_measured() -> None:
    time, memory = measure("reranking", quick=True)
    assert time.value == pytest.approx(time.seconds["re-ranking"] / time.seconds["search"] - 1)
    assert (memory.unit, memory.seconds) == ("GB", {})
    assert 0.05 < memory.value < 8  # of an interpreter with torch, and little data
    assert (time.holds, memory.holds) == (None, None)


def test_growth_is_measured_beside_what_bounds_it() -> None:
    rows = list(measure("growth", quick=True))
    limits = {"scoring": "bare product", "clustering": "product inside identities", "re-ranking": "search"}
    assert [row.what.split()[0] for row in rows] == [work for work in limits for _ in range(2)]
    for row in rows:
        assert row.value == row.seconds["in all"]
        assert set(row.seconds) == {"in all", limits[row.what.split()[0]]}
        assert row.holds is None
