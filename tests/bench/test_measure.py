"""The frame of the benchmarks: rounds, ratios, memory, bounds. Nothing here judges a time."""

from __future__ import annotations

import importlib
import os
import time
from typing import Literal

import pytest
import torch

from ccreid.bench import BENCHMARKS, measure
from ccreid.bench.measure import ROUNDS, Measured, Timings, peak_bytes, rounds
from ccreid.errors import SettingError


def test_variants_take_turns_after_one_untimed_run_each() -> None:
    calls: list[str] = []
    timings = rounds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, quick=False)
    assert calls == ["a", "b"] * (1 + ROUNDS)
    assert {name: len(seconds) for name, seconds in timings.seconds.items()} == {"a": ROUNDS, "b": ROUNDS}


def test_a_quick_benchmark_makes_one_round() -> None:
    timings = rounds({"a": lambda: None}, quick=True)
    assert len(timings.seconds["a"]) == 1


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    timings = Timings({"a": (2.0, 30.0, 8.0), "b": (1.0, 10.0, 2.0)})
    assert timings.ratio("a", over="b") == 3.0
    assert timings.medians == {"a": 8.0, "b": 2.0}


@pytest.mark.parametrize(
    ("value", "bound", "sense", "holds"),
    [
        (1.5, 1.5, "at most", True),
        (1.6, 1.5, "at most", False),
        (4.0, 4.0, "at least", True),
        (3.9, 4.0, "at least", False),
        (3.9, None, "at most", None),
    ],
)
def test_a_bound_holds_or_does_not(
    value: float, bound: float | None, sense: Literal["at most", "at least"], holds: bool | None
) -> None:
    measured = Measured("something", value, bound=bound, sense=sense)
    assert measured.holds is holds
    assert measured.to_json()["holds"] is holds


def hold_megabytes(count: int) -> None:
    torch.ones(count, 2**20, dtype=torch.uint8)


def test_the_peak_counts_what_a_function_holds() -> None:
    little, much = peak_bytes(hold_megabytes, 1), peak_bytes(hold_megabytes, 301)
    assert 200 * 2**20 < much - little < 400 * 2**20


def fail() -> None:
    raise ValueError("on purpose")


def test_a_function_that_fails_in_its_process_is_reported(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="fail failed in its own process"):
        peak_bytes(fail)
    assert "on purpose" in capfd.readouterr().err


def test_an_unknown_benchmark_is_refused() -> None:
    with pytest.raises(SettingError, match="no benchmark 'warp'"):
        measure("warp", quick=True)


def test_scoring_is_measured_over_the_bare_product() -> None:
    *ratios, memory = measure("scoring", quick=True)
    assert len(ratios) == 2
    for row in ratios:
        assert row.value == pytest.approx(row.seconds["scoring"] / row.seconds["bare product"])
    assert memory.unit == "GB"
    assert 0.05 < memory.value < 8  # of an interpreter with torch, and little data
    assert {row.holds for row in (*ratios, memory)} == {None}


def test_the_start_is_measured_in_processor_time() -> None:
    started = time.perf_counter()
    (row,) = measure("startup", quick=True)
    elapsed = time.perf_counter() - started
    assert row.unit == "s"
    assert 0.01 < row.value < (os.cpu_count() or 1) * elapsed
    assert row.holds is None


def test_every_benchmark_has_its_module() -> None:
    for name in BENCHMARKS:
        assert callable(importlib.import_module(f"ccreid.bench.{name}").measure), name
