"""The learning rate of each epoch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from ccreid.training.schedule import Cosine, Schedule, Steps
from papers import SCHEDULE

GOLDEN = Path(__file__).parent.parent / "golden" / "lr_schedule.json"


def test_the_defaults_give_the_authors_rates() -> None:
    expected = json.loads(GOLDEN.read_text())
    assert [SCHEDULE.rate(epoch) for epoch in range(len(expected))] == pytest.approx(expected, rel=1e-12)


def test_without_warmup_the_first_epoch_has_the_whole_rate() -> None:
    assert Schedule(0.1, warmup_epochs=0, fall=Steps((), 1.0)).rate(0) == 0.1


def test_each_milestone_multiplies_anew() -> None:
    schedule = Schedule(1.0, warmup_epochs=0, fall=Steps((2, 4), 0.5))
    assert [schedule.rate(epoch) for epoch in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_a_cosine_falls_from_the_whole_rate_to_almost_nothing() -> None:
    epochs, warmup = 10, 2
    rates = [Schedule(2.0, warmup, Cosine(warmup, epochs)).rate(epoch) for epoch in range(epochs)]
    assert rates[0] == pytest.approx(0.02)  # the warm-up is as it was
    expected = [math.cos(math.pi / 2 * (epoch - warmup) / (epochs - warmup)) ** 2 for epoch in range(warmup, epochs)]
    assert rates[warmup:] == pytest.approx([2 * share for share in expected])  # cos²(x/2) = (1 + cos x) / 2
    assert rates[warmup] == 2.0
    assert 0 < rates[-1] < 0.1


def test_a_cosine_that_has_no_room_to_fall_leaves_the_warm_up_alone() -> None:
    steps, cosine = (Schedule(1.0, 5, fall) for fall in (Steps((), 1.0), Cosine(5, 3)))
    assert [cosine.rate(epoch) for epoch in range(3)] == [steps.rate(epoch) for epoch in range(3)]
