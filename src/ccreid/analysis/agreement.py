"""How far mined attributes agree with what is annotated, identity by identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ccreid.machine.extras import need
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import UNKNOWN, Ids

SHUFFLES = 20
"""How often the attributes are shuffled to know what chance gives."""
DEVIATIONS = 3
"""So many standard deviations of the shuffles above their mean, an agreement is more than chance: of twenty shuffles
and noise, that happens less than once in two hundred times."""
ROUNDING = 1e-9


class Agreement(NamedTuple):
    """How far two partitions of the same images agree, each number from 0 to 1.

    Attributes
    ----------
    nmi:
        Mutual information over the mean of both entropies (the V-measure is the same number).
    homogeneity:
        1 where no attribute mixes true values.
    completeness:
        1 where no true value is split over several attributes.
    purity:
        Share of images that have the most frequent true value of their attribute.
    """

    nmi: float
    homogeneity: float
    completeness: float
    purity: float


@dataclass(frozen=True)
class OfIdentity:
    """What was found for one identity.

    Attributes
    ----------
    images:
        How many of its images were compared.
    found, chance:
        The agreement, and its mean over attributes shuffled among those images.
    """

    images: int
    found: Agreement
    chance: Agreement


@dataclass(frozen=True)
class Comparison:
    """The agreement of all identities with one kind of true value.

    Attributes
    ----------
    identities:
        By identity; those with a single true value, of which no agreement can be told, are missing.
    single:
        How many identities have a single true value.
    without:
        How many identities have no annotated image.
    unknown:
        How many images are not annotated, and so left out.
    found:
        The mean over the identities, weighted by images; None where there is nothing to compare.
    chance:
        The mean of that over shuffles of the attributes inside each identity.
    deviation:
        The standard deviation of that mean over the shuffles.
    """

    identities: dict[int, OfIdentity]
    single: int
    without: int
    unknown: int
    found: Agreement | None
    chance: Agreement | None
    deviation: Agreement | None

    @property
    def images(self) -> int:
        """How many images were compared."""
        return sum(one.images for one in self.identities.values())

    @property
    def beyond_chance(self) -> bool:
        """Whether the mutual information is more than `DEVIATIONS` above that of the shuffles."""
        if self.found is None or self.chance is None or self.deviation is None:
            return False
        return self.found.nmi > self.chance.nmi + DEVIATIONS * self.deviation.nmi + ROUNDING

    @property
    def above_chance(self) -> float:
        """The mutual information on a scale where chance is 0 and full agreement 1; 0 where chance agrees in full."""
        if self.found is None or self.chance is None or self.chance.nmi >= 1:
            return 0.0
        return (self.found.nmi - self.chance.nmi) / (1 - self.chance.nmi)


def require_measures() -> Any:
    """scikit-learn's clustering measures. Raises SettingError where it is not installed."""
    return need("sklearn.metrics.cluster", extra="analysis", to="measure agreement with annotated values")


def agreement(mined: Ids, true: Ids) -> Agreement:
    """How far the attributes (N,) of some images agree with their true values (N,). Raises SettingError."""
    measures = require_measures()
    homogeneity, completeness, nmi = measures.homogeneity_completeness_v_measure(true, mined)
    purity = measures.contingency_matrix(true, mined).max(axis=0).sum() / len(true)
    return Agreement(*(min(1.0, max(0.0, float(value))) for value in (nmi, homogeneity, completeness, purity)))


def compare(
    identities: Ids,
    mined: Ids,
    true: Ids,
    *,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    track: Track[Any] = untracked,
    doing: str = "Comparing",
) -> Comparison:
    """Compare attributes with true values inside each identity.

    Parameters
    ----------
    identities, mined, true:
        (N,) the identity, the attribute and the true value of each image; `UNKNOWN` is left out.
    shuffles:
        How often chance is drawn, at least twice.
    seed:
        Of those draws.
    track, doing:
        Follows the identities, under that name.

    Raises
    ------
    SettingError
        scikit-learn is not installed.
    """
    random = np.random.default_rng(seed)
    rows_of = dict(rows_by_value(identities))
    known = {identity: rows[true[rows] != UNKNOWN] for identity, rows in rows_of.items()}
    several = {identity: rows for identity, rows in known.items() if len(np.unique(true[rows])) > 1}
    scores: dict[int, NDArray[np.float64]] = {}
    for identity, rows in track(several.items(), doing, len(several)):
        draws = [mined[rows], *(random.permutation(mined[rows]) for _ in range(shuffles))]
        scores[identity] = np.array([agreement(draw, true[rows]) for draw in draws])
    without = sum(not len(rows) for rows in known.values())
    mean = None
    if scores:
        mean = np.average(list(scores.values()), axis=0, weights=[len(several[identity]) for identity in scores])
    return Comparison(
        identities={
            identity: OfIdentity(len(several[identity]), _as_agreement(score[0]), _as_agreement(score[1:].mean(axis=0)))
            for identity, score in scores.items()
        },
        single=len(known) - without - len(scores),
        without=without,
        unknown=int((true == UNKNOWN).sum()),
        found=None if mean is None else _as_agreement(mean[0]),
        chance=None if mean is None else _as_agreement(mean[1:].mean(axis=0)),
        deviation=None if mean is None else _as_agreement(mean[1:].std(axis=0, ddof=1)),
    )


def rows_by_value(column: Ids) -> Iterator[tuple[int, Ids]]:
    """Each different value of a column, ascending, with the rows that have it."""
    order = np.argsort(column, kind="stable").astype(np.int64)
    values, first = np.unique(column[order], return_index=True)
    return zip(values.tolist(), np.split(order, first)[1:], strict=True)


def both(first: Ids, second: Ids) -> Ids:
    """(N,) a number for each pair of values of two columns (N,); `UNKNOWN` where either is."""
    pairs = np.unique(np.stack([first, second]), axis=1, return_inverse=True)[1].astype(np.int64).reshape(-1)
    pairs[(first == UNKNOWN) | (second == UNKNOWN)] = UNKNOWN
    return pairs


def most_frequent(values: Ids) -> tuple[int, float] | None:
    """The most frequent known value (of equals the smallest) and its share of the known; None where none is known."""
    found, counts = np.unique(values[values != UNKNOWN], return_counts=True)
    return (int(found[counts.argmax()]), float(counts.max() / counts.sum())) if len(found) else None


def _as_agreement(values: NDArray[np.float64]) -> Agreement:
    return Agreement(*values.tolist())
