"""The benchmark of grouping: that it measures."""

from __future__ import annotations

import pytest

from ccreid.bench import measure


@pytest.mark.slow
def test_groups_are_measured_beside_the_search_they_begin_with() -> None:
    ratio, memory = measure("grouping", quick=True)
    assert ratio.value == pytest.approx(ratio.seconds["groups and pairs"] / ratio.seconds["search"])
    assert (memory.unit, memory.seconds) == ("GB", {})
    assert 0.05 < memory.value < 8
    assert (ratio.holds, memory.holds) == (None, None)
