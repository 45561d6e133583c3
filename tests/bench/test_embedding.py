"""The benchmark of embedding runs."""

from __future__ import annotations

import pytest

from ccreid.bench import embedding


def test_a_quick_run_measures_a_ratio_and_judges_nothing() -> None:
    (row,) = embedding.measure(quick=True)
    assert row.value == pytest.approx(row.seconds["network alone"] / row.seconds["from disk"])
    assert row.bound is None
    assert row.holds is None
    assert row.sense == "at least"
