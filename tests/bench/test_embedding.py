"""The benchmark of embedding runs."""

from __future__ import annotations

from ccreid.bench import embedding


def test_a_quick_run_measures_and_judges_nothing() -> None:
    (row,) = embedding.measure(quick=True)
    assert row.value > 0
    assert row.bound is None
    assert row.holds is None
    assert set(row.seconds) == {"from disk", "network alone"}
