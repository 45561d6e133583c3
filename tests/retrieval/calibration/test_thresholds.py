"""Thresholds where the law is known: FPIR = N / 10^T, so that T = log10(N / FPIR)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ccreid.errors import SettingError
from ccreid.retrieval.calibration.thresholds import OperatingPoints, RateCurve, SizeRates

PEOPLE = 100
THRESHOLDS = np.linspace(0, 6, 61)


def curve(value: np.ndarray[tuple[int], np.dtype[np.float64]], erring: int = 50) -> RateCurve:
    return RateCurve(
        value=tuple(value.tolist()),
        low=tuple((value / 2).tolist()),
        high=tuple(np.minimum(2 * value, 1).tolist()),
        erring=(erring,) * len(value),
        people=PEOPLE,
        searches=10**9,
    )


def points(*, changed: float | None = 0.99, erring: int = 50, outfits_known: bool = True) -> OperatingPoints:
    def size(enrolled: int) -> SizeRates:
        return SizeRates(
            enrolled=enrolled,
            fpir=curve(np.minimum(enrolled / 10**THRESHOLDS, 1), erring),
            fnir_same=curve(THRESHOLDS / 10),
            fnir_changed=None if changed is None else curve(np.full(len(THRESHOLDS), changed)),
        )

    sizes = tuple(size(enrolled) for enrolled in (5, 20, 80))
    return OperatingPoints(
        people=PEOPLE, outfits_known=outfits_known, thresholds=tuple(THRESHOLDS.tolist()), sizes=sizes
    )


@pytest.mark.parametrize("enrolled", [5, 13, 20, 80, 100, 1000])
@pytest.mark.parametrize("fpir", [0.1, 0.05, 0.03])
def test_the_threshold_follows_the_rate_and_the_gallery(fpir: float, enrolled: int) -> None:
    found = points().threshold(fpir, enrolled, "simulated people")
    assert found.value == pytest.approx(math.log10(enrolled / fpir), abs=0.02)
    assert found.simulated == (5 <= enrolled <= 80)
    assert (found.fpir, found.enrolled, found.people) == (fpir, enrolled, PEOPLE)
    assert found.source == "simulated people"
    assert found.interval[0] < found.value < found.interval[1]
    assert found.fpir_interval == pytest.approx((fpir / 2, 2 * fpir), rel=0.05)
    assert found.fnir_same is not None
    assert found.fnir_same.value == pytest.approx(found.value / 10)


def test_a_growing_gallery_is_told_what_its_threshold_becomes() -> None:
    growth = points().threshold(0.05, 60, "simulated people").growth
    assert [step.enrolled for step in growth] == [60, 120, 300, 600]
    assert [step.fpir for step in growth] == pytest.approx([0.05, 0.1, 0.25, 0.5], rel=0.03)
    assert [step.enrolled for step in points().threshold(0.05, 300, "simulated people").growth] == [
        300,
        600,
    ]  # 1,500 are beyond ten times


def test_a_set_threshold_in_a_gallery_that_has_grown() -> None:
    at_five = points().threshold(0.03, 5, "simulated people").value
    assert points().fpir_at(at_five, 35).fpir == pytest.approx(0.21, rel=0.03)


def test_no_promise_beyond_ten_times_the_people() -> None:
    with pytest.raises(SettingError, match="1001 people are enrolled") as refused:
        points().threshold(0.1, 1001, "simulated people")
    assert "101 people or more" in refused.value.mend
    with pytest.raises(SettingError, match="nothing of more than 1000"):
        points().fpir_at(2.0, 1001)


def test_three_over_the_rate_is_how_many_people_are_needed() -> None:
    assert points().threshold(0.03, 20, "simulated people").value > 0
    with pytest.raises(SettingError, match=r"100 people cannot support an FPIR of 1.00%") as refused:
        points().threshold(0.01, 20, "simulated people")
    assert "300 people" in refused.value.mend
    assert "3.0%" in refused.value.mend


def test_three_people_must_have_been_mistaken() -> None:
    with pytest.raises(SettingError, match="2 of the 100 people"):
        points(erring=2).threshold(0.1, 20, "simulated people")


@pytest.mark.parametrize("fpir", [0.0, 1.0, -0.1, 10.0, float("nan")])
def test_what_is_no_rate_is_refused(fpir: float) -> None:
    with pytest.raises(SettingError, match="between 0 and 1"):
        points().threshold(fpir, 20, "simulated people")


def test_an_empty_gallery_has_no_threshold() -> None:
    with pytest.raises(SettingError, match="Enrol somebody"):
        points().threshold(0.1, 0, "simulated people")


@pytest.mark.parametrize(
    ("changed", "outfits_known", "sees"),
    [(0.99, True, False), (0.91, True, False), (0.3, True, True), (None, True, False), (None, False, None)],
)
def test_who_sees_past_clothes(changed: float | None, outfits_known: bool, sees: bool | None) -> None:
    found = points(changed=changed, outfits_known=outfits_known).threshold(0.1, 20, "simulated people")
    assert found.sees_past_clothes is sees


def test_an_interval_that_reaches_chance_is_not_seeing() -> None:
    assert (
        points(changed=0.6).threshold(0.1, 20, "simulated people").sees_past_clothes is False
    )  # up to 1: doubled, and cut there
