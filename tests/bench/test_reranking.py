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
    assert [row.what.split()[0] for row in rows] == ["scoring"] * 2 + ["clustering"] * 2 + ["re-ranking"] * 2
    for row in rows[:2]:
        assert row.value == pytest.approx(row.seconds["scoring"] / row.seconds["bare product"])
        assert (row.unit, row.holds) == ("x", None)
    limits = {"clustering": "product inside identities", "re-ranking": "search"}
    for row in rows[2:]:
        assert row.value == row.seconds["in all"]
        assert set(row.seconds) == {"in all", limits[row.what.split()[0]]}
        assert row.holds is None
