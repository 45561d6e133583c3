"""Cllr by its known values, by a loop over its definition, and by the package lir where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.retrieval.calibration.cllr import cllr, cllr_min

Figures = NDArray[np.float64]


def told() -> tuple[Figures, Figures]:
    random = np.random.default_rng(0)
    return random.normal(1.0, 1.2, 40), random.normal(-1.5, 1.2, 90)


def by_definition(mated: Figures, others: Figures) -> float:
    of_mated = [math.log2(1 + 1 / 10**ratio) for ratio in mated]
    of_others = [math.log2(1 + 10**ratio) for ratio in others]
    return (sum(of_mated) / len(of_mated) + sum(of_others) / len(of_others)) / 2


def best_monotone(mated: Figures, others: Figures) -> tuple[Figures, Figures]:
    """Pool adjacent violators, as it is taught: runs of equal ratios, merged while one is below the one before it."""
    runs = [
        [float((mated == ratio).sum()) / len(mated), float((others == ratio).sum()) / len(others), [ratio]]
        for ratio in sorted({*mated.tolist(), *others.tolist()})
    ]

    def share(run: list[object]) -> float:
        return run[0] / (run[0] + run[1])  # type: ignore[operator, no-any-return]

    place = 0
    while place < len(runs) - 1:
        if share(runs[place]) >= share(runs[place + 1]):
            second = runs.pop(place + 1)
            runs[place] = [one + two for one, two in zip(runs[place], second, strict=True)]  # type: ignore[operator]
            place = max(place - 1, 0)
        else:
            place += 1
    ratios = {
        member: math.inf if run[1] == 0 else -math.inf if run[0] == 0 else math.log10(run[0] / run[1])  # type: ignore[operator]
        for run in runs
        for member in run[2]  # type: ignore[attr-defined]
    }
    return np.array([ratios[one] for one in mated.tolist()]), np.array([ratios[one] for one in others.tolist()])


def test_saying_nothing_costs_one_and_knowing_all_costs_nothing() -> None:
    assert cllr(np.zeros(3), np.zeros(8)) == pytest.approx(1)
    assert cllr(np.full(3, np.inf), np.full(8, -np.inf)) == 0
    assert cllr(np.full(3, -2.0), np.full(8, 2.0)) > 1


def test_it_is_the_definition() -> None:
    assert cllr(*told()) == pytest.approx(by_definition(*told()))


def test_the_least_is_that_of_the_best_monotone_recalibration() -> None:
    mated, others = told()
    others[:5] = mated[:5]  # ties
    assert cllr_min(mated, others) == pytest.approx(by_definition(*best_monotone(mated, others)))


def test_the_least_does_not_change_with_the_calibration() -> None:
    mated, others = told()
    assert cllr_min(3 * mated + 1, 3 * others + 1) == pytest.approx(cllr_min(mated, others))
    assert cllr_min(mated, others) < cllr(mated, others)


def test_lir_finds_the_same() -> None:
    lir = pytest.importorskip("lir.metrics", reason="the package lir is not installed")
    mated, others = told()
    llrs, labels = np.concatenate([mated, others]), np.repeat([1, 0], [len(mated), len(others)])
    data = pytest.importorskip("lir.data.models").LLRData(features=llrs, labels=labels)
    assert cllr(mated, others) == pytest.approx(lir.cllr(data))
    assert cllr_min(mated, others) == pytest.approx(lir.cllr_min(data))


@pytest.mark.parametrize("score", [cllr, cllr_min])
def test_one_kind_of_pairs_is_not_enough(score: object) -> None:
    with pytest.raises(DataError, match="pairs of two"):
        score(np.zeros(2), np.empty(0))  # type: ignore[operator]
