"""The benchmarks of re-ranking and of growth: that they measure."""

from __future__ import annotations

import math

import pytest

from ccreid.bench import measure


@pytest.mark.parametrize("name", ["reranking", "growth"])
def test_it_measures(name: str) -> None:
    rows = list(measure(name, quick=True))
    assert rows
    assert all(row.holds is None and math.isfinite(row.value) for row in rows)
    assert all(seconds > 0 for row in rows for seconds in row.seconds.values())
