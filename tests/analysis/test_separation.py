"""Two heaps of similarities, counted and compared."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ccreid.analysis.separation import SHOWN_BINS, Separation, Tally
from ccreid.report.curves import as_png, draw_separation


def separated(positive: list[float], negative: list[float]) -> Separation:
    tally = Tally()
    tally.add(np.array(positive), np.array(negative))
    found = tally.separation()
    assert found is not None
    return found


def test_probability_is_the_area_under_the_roc_curve() -> None:
    random = np.random.default_rng(0)
    positive, negative = random.normal(0.4, 0.1, 700).clip(-1, 1), random.normal(0.3, 0.15, 300).clip(-1, 1)
    found = separated(positive.tolist(), negative.tolist())
    truth = [1] * 700 + [0] * 300
    assert found.probability == pytest.approx(roc_auc_score(truth, [*positive, *negative]), abs=1e-3)


def test_overlap_is_that_of_the_two_densities() -> None:
    """Two normal densities one and a half deviations apart overlap by 2 Φ(-0.75) = 0.4533."""
    random = np.random.default_rng(1)
    found = separated((random.normal(0.15, 0.1, 40_000)).tolist(), random.normal(0, 0.1, 40_000).tolist())
    assert found.overlap == pytest.approx(0.4533, abs=0.01)
    assert len(found.positive) <= SHOWN_BINS


def test_bins_hold_every_pair_once() -> None:
    random = np.random.default_rng(2)
    positive, negative = random.uniform(0.2, 1, 50), random.uniform(-1, -0.2, 90)
    found = separated(positive.tolist(), negative.tolist())
    assert (sum(found.positive), sum(found.negative)) == (50, 90)
    assert len(found.edges) == len(found.positive) + 1 == len(found.negative) + 1
    edges = np.array(found.edges)
    assert np.allclose(np.histogram(positive, edges)[0], found.positive)
    assert np.allclose(np.histogram(negative, edges)[0], found.negative)
    assert found.overlap == 0
    assert found.probability == pytest.approx(1)


def test_heaps_are_the_same_however_they_are_added() -> None:
    values = np.random.default_rng(3).uniform(-1, 1, 60)
    tally = Tally()
    for row in values.reshape(6, 10):
        tally.add(row[:4], row[4:])
    table = values.reshape(6, 10)
    assert tally.separation() == separated(table[:, :4].ravel().tolist(), table[:, 4:].ravel().tolist())


def test_equal_heaps_overlap_wholly_and_win_by_chance() -> None:
    found = separated([0.1, 0.5, 1.0000001], [0.1, 0.5, 1.0])
    assert (found.overlap, found.probability) == (1, 0.5)


def test_a_missing_heap_cannot_be_compared() -> None:
    tally = Tally()
    assert tally.separation() is None
    tally.add(np.array([0.2]), np.array([]))
    assert tally.separation() is None


def test_the_plot_draws_both_heaps_and_names_them() -> None:
    figure = draw_separation(separated([0.7, 0.8], [0.1, 0.2, 0.8]), "the same person", "others")
    assert as_png(figure).startswith(b"\x89PNG")
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["the same person", "others"]
