"""FPIR and FNIR by loops over their definitions, and what their intervals must do."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from ccreid.retrieval.calibration.open_set import Found, bins_over_people, fnir, fnir_curve, fpir, fpir_curve

THRESHOLDS = np.array([-1.0, 0.0, 0.5, 1.0, 9.0])


def some(seed: int = 0, people: int = 30, searches: int = 400) -> Found:
    random = np.random.default_rng(seed)
    person = random.integers(people, size=searches)
    candidate = random.integers(people, size=searches)
    is_mated = random.random(searches) < 0.5
    candidate[is_mated & (random.random(searches) < 0.7)] = person[is_mated & (random.random(searches) < 0.7)][0]
    right = is_mated & (random.random(searches) < 0.7)
    candidate[right] = person[right]
    top = random.normal(size=searches)
    mate = np.where(right, top, top - random.random(searches))
    return Found(person, top, candidate, np.where(is_mated, mate, np.nan))


def test_rates_are_those_of_the_standard() -> None:
    found = some()
    rows = range(len(found.person))
    not_enrolled = [row for row in rows if math.isnan(found.mate[row])]
    enrolled = [row for row in rows if not math.isnan(found.mate[row])]
    for threshold in THRESHOLDS.tolist():
        with_candidate = [row for row in not_enrolled if found.top[row] >= threshold]
        assert fpir(found, threshold) == len(with_candidate) / len(not_enrolled)
        missed = [row for row in enrolled if found.candidate[row] != found.person[row] or found.mate[row] < threshold]
        assert fnir(found, threshold) == len(missed) / len(enrolled)


def test_without_searches_of_a_kind_there_is_no_rate() -> None:
    found = some()
    assert math.isnan(fpir(found.select(found.mated), 0))
    assert math.isnan(fnir(found.select(~found.mated), 0))
    assert fnir_curve(found.select(~found.mated), THRESHOLDS, 30, np.random.default_rng(0)) is None


def test_curves_hold_the_rates_inside_their_intervals() -> None:
    found, random = some(), np.random.default_rng(1)
    positive, negative = fpir_curve(found, THRESHOLDS, 30, random), fnir_curve(found, THRESHOLDS, 30, random)
    assert negative is not None
    for place, threshold in enumerate(THRESHOLDS.tolist()):
        assert positive.value[place] == pytest.approx(fpir(found, threshold))
        assert negative.value[place] == pytest.approx(fnir(found, threshold))
    for curve in (positive, negative):
        assert (curve.low <= curve.value).all()
        assert (curve.value <= curve.high).all()
        assert (curve.high <= 1).all()


def test_no_error_among_n_people_leaves_three_over_n_possible() -> None:
    found = some(people=60)
    curve = fpir_curve(found, np.array([99.0]), 60, np.random.default_rng(0))
    assert curve.value[0] == 0
    assert curve.erring[0] == 0
    assert curve.high[0] == pytest.approx(3 / curve.people)


def test_the_same_searches_ten_times_say_no_more_about_other_people() -> None:
    once = some()
    again = Found.joined([once] * 10)
    one, ten = (fpir_curve(found, THRESHOLDS, 30, np.random.default_rng(2)) for found in (once, again))
    assert ten.high - ten.low == pytest.approx(one.high - one.low, abs=1e-9)
    assert (one.high - one.low)[2] > 0.05


def test_one_candidate_for_all_is_one_person_who_might_not_have_been_there() -> None:
    apart = some()
    together = replace(apart, candidate=np.where(apart.mated, apart.candidate, 7))
    many, one = (fpir_curve(found, THRESHOLDS, 30, np.random.default_rng(3)) for found in (apart, together))
    assert one.value == pytest.approx(many.value)
    assert one.high[2] - one.low[2] > 1.5 * (many.high[2] - many.low[2])


def test_intervals_hold_the_true_rate_about_as_often_as_they_say() -> None:
    """Everybody has an FPIR of their own, drawn around 0.2; galleries are empty of structure."""
    inside = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        own = random.beta(2, 8, size=40)
        person = np.repeat(np.arange(40), 20)
        top = (random.random(len(person)) < own[person]).astype(float)
        found = Found(person, top, random.integers(40, size=len(person)), np.full(len(person), np.nan))
        curve = fpir_curve(found, np.array([0.5]), 40, random)
        inside += bool(curve.low[0] <= 0.2 <= curve.high[0])
    assert inside >= 50


def test_reliability_leaves_out_what_few_people_say() -> None:
    random = np.random.default_rng(0)
    person = np.repeat(np.arange(20), 30)
    said = random.uniform(0, 0.5, size=len(person))
    said[:3] = 0.95  # one person alone
    happened = random.random(len(person)) < said
    bins = bins_over_people(said, happened, person, random, np.linspace(0, 1, 11))
    assert [round(mean, 1) for mean, _ in bins] == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45], abs=0.06)
    for mean, rate in bins:
        assert rate.people == 20
        assert rate.interval[0] - 0.05 <= mean <= rate.interval[1] + 0.05
