"""A threshold set in galleries of other people."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.errors import DataError
from ccreid.retrieval.calibration import calibrating, measuring
from ccreid.retrieval.calibration.calibrating import calibrate
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.measuring import Measured, measure
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.vocabulary import UNKNOWN
from simulated_people import SCOPE, simulated


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calibrating, "DRAWS", 8)
        patch.setattr(calibrating, "SIZES", 3)
        crops = simulated(np.random.default_rng(0), 60, body=0.2)
        return calibrate(crops, {"weights": "abc"}, SCOPE, random=np.random.default_rng(0))


def test_on_people_of_the_same_kind_the_rate_asked_for_is_measured(
    calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "DRAWS", 6)
    inside = []
    for seed in range(12):
        random = np.random.default_rng(100 + seed)
        others = simulated(random, 60, body=0.2)
        found = measure(calibration, others, 0.15, 40, random)
        inside.append(found.holds)
        assert found.fnir_same is not None
        assert found.fnir_changed is not None
        assert found.fnir_same.value < found.fnir_changed.value
    assert sum(inside) >= 9  # both sets of people are drawn, so somewhat fewer than 95 %


def test_a_threshold_that_was_meant_for_a_smaller_gallery_does_not_hold(calibration: Calibration) -> None:
    random = np.random.default_rng(5)
    others = simulated(random, 60, body=0.2)
    small, large = calibration.threshold(0.1, 5), calibration.threshold(0.1, 40)
    expected = calibration.points.fpir_at(small.value, 40).fpir
    assert expected > 0.25
    wrong = calibration.model_copy(update={"points": _always(calibration, small.value - large.value)})
    found = measure(wrong, others, 0.1, 40, random)
    assert found.fpir.value == pytest.approx(expected, abs=0.15)
    assert not found.holds


def _always(calibration: Calibration, moved: float) -> object:
    points = calibration.points
    return points.model_copy(update={"thresholds": tuple(one + moved for one in points.thresholds)})


def test_whether_it_holds_is_whether_the_interval_holds_it(calibration: Calibration) -> None:
    threshold = calibration.threshold(0.1, 10)
    for interval, holds in (((0.05, 0.2), True), ((0.01, 0.09), False), ((0.11, 0.3), False)):
        rate = Rate(value=sum(interval) / 2, interval=interval, people=50, searches=500)
        assert Measured(threshold, rate, None, None).holds is holds


def test_enough_people_must_be_left_to_be_searched_for(calibration: Calibration) -> None:
    others = simulated(np.random.default_rng(0), 40)
    with pytest.raises(DataError, match="40 of 40 people cannot be enrolled") as refused:
        measure(calibration, others, 0.1, 40, np.random.default_rng(0))
    assert "50 people" in refused.value.mend


def test_without_outfits_there_is_no_rate_for_changed_clothes(
    calibration: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "DRAWS", 2)
    others = simulated(np.random.default_rng(0), 30, body=0.2)
    object.__setattr__(others, "outfit", np.full(len(others.person), UNKNOWN))
    found = measure(calibration, others, 0.1, 20, np.random.default_rng(0))
    assert found.fnir_changed is None
    assert found.fnir_same is not None
