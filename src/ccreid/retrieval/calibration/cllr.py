"""How good likelihood ratios are: Cllr, and what of it no recalibration could mend."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.machine.extras import need

Figures = NDArray[np.float64]


def cllr(mated: Figures, others: Figures) -> float:
    """The cost of log-likelihood ratios (Brümmer and du Preez, 2006).

    0 is perfect; 1 is what "no support either way" everywhere costs; misleading ratios cost more.

    Parameters
    ----------
    mated, others:
        log10 likelihood ratios of pairs that show one person, and of pairs that do not.

    Raises
    ------
    DataError
        There are none of one kind.
    """
    if not len(mated) or not len(others):
        raise DataError("Cllr needs pairs of one person and pairs of two.", "Give both.")
    nats = np.log(10)
    of_mated = np.logaddexp(0, -nats * np.asarray(mated)).mean()
    of_others = np.logaddexp(0, nats * np.asarray(others)).mean()
    return float((of_mated + of_others) / (2 * np.log(2)))


def cllr_min(mated: Figures, others: Figures) -> float:
    """Cllr after the best monotone recalibration of these very ratios (pool adjacent violators)."""
    if not len(mated) or not len(others):
        raise DataError("Cllr needs pairs of one person and pairs of two.", "Give both.")
    isotonic = need("sklearn.isotonic", extra="gallery", to="calibrate").IsotonicRegression
    scores = np.concatenate([mated, others])
    labels = np.repeat([1.0, 0.0], [len(mated), len(others)])
    weights = np.repeat([0.5 / len(mated), 0.5 / len(others)], [len(mated), len(others)])
    share = isotonic().fit(scores, labels, sample_weight=weights).predict(scores)
    with np.errstate(divide="ignore"):
        ratios = np.log10(share) - np.log10(1 - share)  # infinite where a run holds one kind: such pairs cost nothing
    return cllr(ratios[: len(mated)], ratios[len(mated) :])
