"""Bootstrap intervals over people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.analysis.intervals import FEW_PEOPLE, bootstrap_intervals, ends_of, means_of_resamples
from ccreid.errors import SettingError
from ccreid.evaluation.metrics import Scores
from ccreid.records import ScoreIntervals
from ccreid.vocabulary import Columns


def scores_of(first_rank: NDArray[np.int64], precision: NDArray[np.float64] | None = None) -> Scores:
    """Scores with the given first ranks (0 = skipped); AP is 1 / rank unless given, INP half of it."""
    valid = first_rank > 0
    if precision is None:
        precision = 1 / np.where(valid, first_rank, 1)
    precision = np.where(valid, precision, np.nan)
    return Scores(
        cmc=np.full(3, np.nan),
        mean_ap=float(np.nanmean(precision)) if valid.any() else float("nan"),
        mean_inp=float("nan"),
        valid=int(valid.sum()),
        skipped=int((~valid).sum()),
        average_precision=precision,
        inverse_negative_penalty=precision / 2,
        first_rank=first_rank,
    )


def test_intervals_are_the_quantiles_of_explicitly_resampled_queries() -> None:
    random = np.random.default_rng(5)
    person = np.array([3, 3, 3, 9, 9, 12, 12, 12, 12, 40, 41])
    found = scores_of(np.array([1, 2, 0, 5, 1, 1, 9, 4, 2, 0, 1]), random.random(11))
    intervals = bootstrap_intervals(found, Columns(person), level=0.8, resamples=200, seed=7)
    people = [3, 9, 12, 41]  # 40 has no valid query
    drawn = np.random.default_rng(7).multinomial(4, [0.25] * 4, size=200)
    oracle: dict[str, list[float]] = {"rank1": [], "map": [], "minp": []}
    for times in drawn:
        rows = [
            row
            for human, count in zip(people, times, strict=True)
            for _ in range(count)
            for row in range(11)
            if person[row] == human and found.first_rank[row]
        ]
        oracle["rank1"].append(float(np.mean([found.first_rank[row] == 1 for row in rows])))
        oracle["map"].append(float(np.mean([found.average_precision[row] for row in rows])))
        oracle["minp"].append(float(np.mean([found.inverse_negative_penalty[row] for row in rows])))
    for name, means in oracle.items():
        assert getattr(intervals, name) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))


def test_two_people_give_the_three_means_that_there_are() -> None:
    """Drawn twice from two people, the mean is one's, the other's or both together: 1/4, 1/4, 1/2 of the time."""
    precision = np.array([0.2, 0.2, 0.8, 0.8])
    found = scores_of(np.array([1, 1, 2, 2]), precision)
    query = Columns(np.array([1, 1, 2, 2]))
    assert bootstrap_intervals(found, query, level=0.2).map == pytest.approx((0.5, 0.5))
    assert bootstrap_intervals(found, query, level=0.9).map == pytest.approx((0.2, 0.8))
    assert bootstrap_intervals(found, query, level=0.9).rank1 == (0.0, 1.0)


def test_queries_of_one_person_count_together() -> None:
    """Twenty copies of each query tell nothing new, so the interval must not shrink."""
    precision = np.random.default_rng(0).random(30)
    once = bootstrap_intervals(scores_of(np.full(30, 1), precision), Columns(np.arange(30)))
    copied = scores_of(np.full(600, 1), np.repeat(precision, 20))
    assert bootstrap_intervals(copied, Columns(np.repeat(np.arange(30), 20))).map == pytest.approx(once.map)
    alone = bootstrap_intervals(copied, Columns(np.arange(600))).map
    assert alone is not None
    assert once.map is not None
    assert np.diff(alone) < np.diff(once.map) / 3


def test_width_is_that_of_the_normal_approximation_for_many_people() -> None:
    precision = np.random.default_rng(1).random(400)
    interval = bootstrap_intervals(scores_of(np.full(400, 1), precision), Columns(np.arange(400)), resamples=4000).map
    assert interval is not None
    assert np.diff(interval) == pytest.approx(2 * 1.96 * precision.std() / 20, rel=0.06)
    assert np.mean(interval) == pytest.approx(precision.mean(), abs=0.003)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """200 samples of 60 people from uniform precisions, whose mean is 0.5; the seeds are fixed."""
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        precision = np.repeat(random.random(60), 3)
        interval = bootstrap_intervals(
            scores_of(np.full(180, 1), precision), Columns(np.repeat(np.arange(60), 3)), resamples=200, seed=seed
        ).map
        assert interval is not None
        held += interval[0] <= 0.5 <= interval[1]
    assert 180 <= held <= 198


def test_the_seed_decides() -> None:
    found, query = scores_of(np.arange(1, 21)), Columns(np.arange(20))
    assert bootstrap_intervals(found, query, seed=1) == bootstrap_intervals(found, query, seed=1)
    assert bootstrap_intervals(found, query, seed=1) != bootstrap_intervals(found, query, seed=2)


def test_an_interval_over_few_people_is_too_narrow() -> None:
    """How often it holds the true mean, 0, of a normal distribution; the seed is fixed."""
    held = {}
    for people in (3, 5, FEW_PEOPLE):
        samples = np.random.default_rng(0).normal(size=(300, people))
        ends = [ends_of(means_of_resamples({"": one}, np.arange(people))[""]) for one in samples]
        held[people] = np.mean([low <= 0 <= high for low, high in ends])
    assert held == pytest.approx({3: 0.75, 5: 0.82, FEW_PEOPLE: 0.9}, abs=0.04)


@pytest.mark.parametrize(("ranks", "people"), [([0, 0, 0], 0), ([4, 1, 0], 1)])
def test_without_two_people_there_is_no_interval(ranks: list[int], people: int) -> None:
    intervals = bootstrap_intervals(scores_of(np.array(ranks)), Columns(np.array([1, 1, 2])))
    assert intervals == ScoreIntervals(people=people, rank1=None, map=None, minp=None)


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match="level"):
        bootstrap_intervals(scores_of(np.array([1, 2])), Columns(np.array([1, 2])), **wrong)


def test_columns_of_other_queries_are_refused() -> None:
    with pytest.raises(SettingError, match="3 queries were given for the scores of 2"):
        bootstrap_intervals(scores_of(np.array([1, 2])), Columns(np.array([1, 2, 3])))
