"""The benchmark of a gallery in a folder: that it measures."""

from __future__ import annotations

import pytest

from ccreid.bench import gallery, measure


def test_a_quick_run_measures_search_adding_opening_and_growth_as_far_as_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    smallest = gallery.SIZES[0] // gallery.QUICK
    monkeypatch.setattr(gallery, "_free_memory_bytes", lambda: smallest * gallery.BYTES_A_ROW + 1)
    adding, batch, filtered, one, one_filtered, built, recall, by_index, *growth = measure("gallery", quick=True)
    assert (adding.unit, adding.sense) == ("rows/s", "at least")
    assert adding.value > 0
    for row, variant in ((batch, "search"), (filtered, "filtered")):
        assert row.value == pytest.approx(row.seconds[variant] / row.seconds["bare"])
        assert row.unit == "x"
    for row, variant in ((one, "search"), (one_filtered, "filtered")):
        assert row.value == pytest.approx(row.seconds[variant] * 1000)
        assert row.unit == "ms"
    assert (built.unit, by_index.unit) == ("s", "ms")
    assert 0.5 < recall.value <= 1
    assert [row.unit for row in growth] == ["s", "ms", "GB"]
    assert all(f"{smallest:,} rows" in row.what for row in growth)
    assert all(row.holds is None for row in (adding, batch, filtered, one, one_filtered, *growth))
