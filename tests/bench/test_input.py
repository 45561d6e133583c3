"""The benchmark of the input runs, and leaves the process as it was."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ccreid.bench import input as benchmark
from ccreid.bench.input import synthetic_pictures
from ccreid.data.decode import read_image


def test_a_quick_run_measures_both_transforms_here_and_in_a_worker_and_judges_nothing() -> None:
    threads = torch.get_num_threads()
    rows = list(benchmark.measure(quick=True))
    expected = [(transform, place) for place in ("one core", "one worker") for transform in ("test", "train")]
    for row, words in zip(rows, expected, strict=True):
        assert all(word in row.what for word in words)
    for row in rows:
        assert row.value == pytest.approx(row.seconds["decoding"] / row.seconds["cached"])
        assert row.bound is None
        assert row.holds is None
        assert row.sense == "at least"
    assert torch.get_num_threads() == threads


def test_the_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    one, other = synthetic_pictures(tmp_path / "one", 9), synthetic_pictures(tmp_path / "other", 9)
    for row in range(9):
        assert one.path(row).read_bytes() == other.path(row).read_bytes()
    assert len({one.path(row).read_bytes() for row in range(9)}) == 9
    assert read_image(one.path(0)).size == (128, 256)
    assert one.person.tolist() == [0] * 8 + [1]
