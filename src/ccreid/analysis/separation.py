"""How well two heaps of similarities are told apart, counted without keeping them."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccreid.records import Record

FINE_BINS = 20_000
"""Bins of equal width over the cosine's range; values in the same one count as equal."""
SHOWN_BINS = 40
"""Bins, at most, in which densities are compared and drawn."""


class Separation(Record):
    """Similarities that should be large (positive pairs) against those that should be small (negative pairs).

    Attributes
    ----------
    edges:
        B + 1 ends of the bins, cosine similarity.
    positive, negative:
        Pairs in each of the B bins.
    overlap:
        Overlap coefficient of the two densities over these bins: 0 for heaps that do not touch, 1 for equal ones.
    probability:
        That a positive pair drawn at random is more similar than a negative one, ties half (the area under the
        ROC curve): 1 is perfect, 0.5 is chance, below it the negative pairs look more alike.
    """

    edges: tuple[float, ...]
    positive: tuple[int, ...]
    negative: tuple[int, ...]
    overlap: float
    probability: float


class Tally:
    """Counts similarities of positive and negative pairs in fine bins."""

    def __init__(self) -> None:
        self._positive = np.zeros(FINE_BINS, dtype=np.int64)
        self._negative = np.zeros(FINE_BINS, dtype=np.int64)

    def add(self, positive: NDArray[Any], negative: NDArray[Any]) -> None:
        """Count similarities in [-1, 1] (rounding beyond it is clipped) of some pairs: (M,) and (N,)."""
        self._positive += _counted(positive)
        self._negative += _counted(negative)

    def separation(self) -> Separation | None:
        """What was counted; None without a pair of either kind."""
        if not self._positive.any() or not self._negative.any():
            return None
        filled = np.flatnonzero(self._positive + self._negative)
        first, last = int(filled[0]), int(filled[-1])
        fewer = min(int(self._positive.sum()), int(self._negative.sum()))
        bins = min(SHOWN_BINS, ceil(2 * fewer ** (1 / 3)))  # Rice's rule: sparse heaps get wide bins
        width = -(-(last + 1 - first) // bins)  # fine bins a shown one, rounded up
        starts = np.arange(first, last + 1, width)
        positive = np.add.reduceat(self._positive[: last + 1], starts)
        negative = np.add.reduceat(self._negative[: last + 1], starts)
        return Separation(
            edges=tuple(float(end) * 2 / FINE_BINS - 1 for end in [*starts, starts[-1] + width]),
            positive=tuple(positive.tolist()),
            negative=tuple(negative.tolist()),
            overlap=float(np.minimum(positive / positive.sum(), negative / negative.sum()).sum()),
            probability=self._probability(),
        )

    def _probability(self) -> float:
        """That a positive is larger than a negative, ties half; exact but for values in one fine bin."""
        positive, negative = self._positive / self._positive.sum(), self._negative / self._negative.sum()
        below = np.cumsum(negative) - negative
        return float((positive * (below + negative / 2)).sum())


def _counted(values: NDArray[Any]) -> NDArray[np.int64]:
    bins = ((np.asarray(values, dtype=np.float64) + 1) * (FINE_BINS / 2)).astype(np.int64)
    return np.bincount(bins.clip(0, FINE_BINS - 1), minlength=FINE_BINS).astype(np.int64)
