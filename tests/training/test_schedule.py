"""The learning rate of each epoch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccreid.training.schedule import Schedule
from papers import SCHEDULE

GOLDEN = Path(__file__).parent.parent / "golden" / "lr_schedule.json"


def test_the_defaults_give_the_authors_rates() -> None:
    expected = json.loads(GOLDEN.read_text())
    assert [SCHEDULE.rate(epoch) for epoch in range(len(expected))] == pytest.approx(expected, rel=1e-12)


def test_without_warmup_the_first_epoch_has_the_whole_rate() -> None:
    assert Schedule(0.1, warmup_epochs=0, milestones=(), gamma=1.0).rate(0) == 0.1


def test_each_milestone_multiplies_anew() -> None:
    schedule = Schedule(1.0, warmup_epochs=0, milestones=(2, 4), gamma=0.5)
    assert [schedule.rate(epoch) for epoch in range(6)] == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
