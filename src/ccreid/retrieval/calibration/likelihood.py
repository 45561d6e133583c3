"""Evidence becomes likelihood ratios: a logistic regression on it, and a monotone correction with many people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from ccreid.errors import SettingError
from ccreid.machine.extras import need
from ccreid.records import Record
from ccreid.retrieval.calibration.person_scores import Evidence
from ccreid.retrieval.calibration.simulation import Searches
from ccreid.vocabulary import Ids

Figures = NDArray[np.float64]

FEATURES = ("best three", "outfit mean", "overall mean", "similarity", "log crops", "log height")
ISOTONIC_PEOPLE = 200
"""From so many people on the monotone correction is fitted: with fewer it follows chance."""

PENALTY = 100.0
"""scikit-learn's C. Weights add up to twice the people, so the penalty is felt only where people are few or told apart
without a mistake."""

MOST_PAIRS = 200_000
"""Pairs of two people that are fitted on, at most; drawn by lot."""

KNOTS = 64

PULL = 1e-3
"""Draws the last slope to 1 and the shift to 0: where people are told apart without a mistake nothing else would hold
them, and ratios would say more than any number of people can."""

MOST_DIGITS = 300
"""Of a ratio, before or behind the point: it stays a number."""

SMALLEST_SLOPE = 1e-3
"""However little the evidence is worth, it never counts against whom it fits best."""


class Range(Record):
    """From the smallest to the largest value that was seen."""

    low: float
    high: float


class LikelihoodRatio(Record):
    """Gives the ratio of two probabilities: of evidence if this is the person, and if it is somebody else.

    Attributes
    ----------
    centre, scale, weights, intercept:
        Of the logistic regression on the `FEATURES`; its odds are the ratio, as both kinds of pairs weighed the same.
    crops, height_px:
        Seen in calibration. What lies outside counts as the nearest end; height None where it was not known.
    knots:
        (score, ln ratio) of the monotone correction; none where people were few.
    slope, shift:
        What ln ratios are multiplied by and moved by in the end. Fitted to pairs they say too much of the best of many
        people; with these, :func:`posteriors` over all people come true as often as they say.
    """

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    crops: Range
    height_px: Range | None
    knots: tuple[tuple[float, float], ...] = ()
    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(cls, drawn: Sequence[Searches], people: int, random: np.random.Generator) -> Self:
        """Fit on simulated searches.

        Pairs of one person are those whose person is enrolled in the clothes that are searched for. Everybody who is
        searched for weighs the same, however many crops they have; so do pairs of one person and of two.
        """
        linear = need("sklearn.linear_model", extra="gallery", to="calibrate")
        crops, height = _ranges(drawn)
        raw = [_features(searches.evidence, crops, height) for searches in drawn]
        some = [np.isfinite(searches.evidence.similarity) for searches in drawn]
        is_own = [np.arange(len(searches.members)) == searches.own[:, None] for searches in drawn]
        mated = [
            own & known & searches.same_clothes[:, None]
            for own, known, searches in zip(is_own, some, drawn, strict=True)
        ]
        others = [~own & known for own, known in zip(is_own, some, strict=True)]
        searched = [
            np.broadcast_to(searches.person[:, None], own.shape) for own, searches in zip(is_own, drawn, strict=True)
        ]

        def of(masks: Sequence[NDArray[np.bool_]]) -> tuple[Figures, Ids]:
            values = np.concatenate([value[mask] for value, mask in zip(raw, masks, strict=True)])
            owners = np.concatenate([value[mask] for value, mask in zip(searched, masks, strict=True)])
            kept = random.permutation(len(values))[:MOST_PAIRS]
            return values[kept], owners[kept]

        (positive, their_people), (negative, other_people) = of(mated), of(others)
        values = np.concatenate([positive, negative])
        labels = np.repeat([1, 0], [len(positive), len(negative)])
        weights = people * np.concatenate([weights_of_people(their_people), weights_of_people(other_people)])
        centre, scale = values.mean(axis=0), values.std(axis=0)
        scale[scale < 1e-9] = 1.0  # a feature that never varies says nothing
        model = linear.LogisticRegression(C=PENALTY, max_iter=1000)
        model.fit((values - centre) / scale, labels, sample_weight=weights)
        fitted = cls(
            centre=tuple(centre.tolist()),
            scale=tuple(scale.tolist()),
            weights=tuple(model.coef_[0].tolist()),
            intercept=float(model.intercept_[0]),
            crops=crops,
            height_px=height,
        )
        if people >= ISOTONIC_PEOPLE:
            knots = _corrected(fitted._score(values), labels, weights / people)
            fitted = fitted.model_copy(update={"knots": knots})
        slope, shift = _over_people([(fitted.log10(searches.evidence), searches) for searches in drawn])
        return fitted.model_copy(update={"slope": slope, "shift": shift})

    def log10(self, evidence: Evidence) -> Figures:
        """(Q, P): the likelihood ratios' logarithms; NaN where there was no crop to compare with."""
        score = self._score(_features(evidence, self.crops, self.height_px))
        if self.knots:
            at, ratio = np.array(self.knots).T
            score = np.interp(score, at, ratio) + 1e-6 * score  # what becomes equal stays in its order
        ratios: Figures = (self.slope * score + self.shift) / np.log(10)
        return np.clip(ratios, -MOST_DIGITS, MOST_DIGITS)

    def _score(self, features: Figures) -> Figures:
        scaled: Figures = (features - np.array(self.centre)) / np.array(self.scale)
        score: Figures = scaled @ np.array(self.weights) + self.intercept
        return score


def posteriors(log10_lr: Figures, prior_known: float) -> tuple[Figures, Figures]:
    """The probability of each person, (Q, P), and of nobody, (Q,), which add up to 1.

    P(i) = π_i LR_i / (π_0 + Σ_j π_j LR_j), where π_i = prior_known / P for everybody and π_0 = 1 - prior_known. A
    person with no crop to compare with (NaN) is as if not enrolled: none of the P, and of probability 0.

    Parameters
    ----------
    log10_lr:
        (Q, P).
    prior_known:
        How probable it is beforehand that the person is enrolled, in (0, 1).

    Raises
    ------
    SettingError
        The prior is none.
    """
    if not 0 < prior_known < 1:
        raise SettingError(
            f"A prior of {prior_known:g} was given.", "Give a probability between 0 and 1, for example 0.5."
        )
    compared = np.isfinite(log10_lr)
    people = np.maximum(compared.sum(axis=1, keepdims=True), 1)
    weights = np.where(compared, np.nan_to_num(log10_lr) * np.log(10) + np.log(prior_known / people), -np.inf)
    nobody = np.full((len(weights), 1), np.log1p(-prior_known))
    total = logsumexp(np.concatenate([weights, nobody], axis=1), axis=1, keepdims=True)
    return np.exp(weights - total), np.exp(nobody - total)[:, 0]


def _over_people(told: Sequence[tuple[Figures, Searches]]) -> tuple[float, float]:
    """Slope and shift under which what was so is most probable; the prior is one half, every gallery weighs the same.

    Searches for people enrolled in other clothes alone are left out, as in the fit.
    """
    cases = []
    for ratios, searches in told:
        rows = np.flatnonzero((searches.own < 0) | searches.same_clothes)
        own = searches.own[rows]
        if (own >= 0).any() and (own < 0).any():
            weights = np.where(own >= 0, 0.5 / (own >= 0).mean(), 0.5 / (own < 0).mean()) / len(rows)
            cases.append((np.log(10) * ratios[rows], own, weights))

    def cost(slope_and_shift: Figures) -> float:
        slope, shift = slope_and_shift
        total = PULL * float((slope - 1) ** 2 + shift**2)
        for ratios, own, weights in cases:
            of_people, of_nobody = posteriors((slope * ratios + shift) / np.log(10), 0.5)
            so = np.where(own >= 0, of_people[np.arange(len(own)), own], of_nobody)
            total -= float(weights @ np.log(np.maximum(so, np.finfo(np.float64).tiny)))
        return total

    found = minimize(cost, (1.0, 0.0), method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-4})
    return max(float(found.x[0]), SMALLEST_SLOPE), float(found.x[1])


def _ranges(drawn: Sequence[Searches]) -> tuple[Range, Range | None]:
    counts = [searches.evidence.crops[np.isfinite(searches.evidence.similarity)] for searches in drawn]
    heights = np.concatenate([searches.evidence.height_px for searches in drawn])
    known = heights[np.isfinite(heights)]
    return (
        Range(low=float(min(map(np.min, counts))), high=float(max(map(np.max, counts)))),
        Range(low=float(known.min()), high=float(known.max())) if len(known) else None,
    )


def _features(evidence: Evidence, crops: Range, height: Range | None) -> Figures:
    """(Q, P, 6); a height that is not known, or of which nothing was learned, is the middle of those that were seen."""
    count = np.log(np.clip(evidence.crops, crops.low, crops.high))
    tall = np.zeros(len(evidence))
    if height is not None:
        middle = np.sqrt(height.low * height.high)
        tall = np.log(np.clip(np.nan_to_num(evidence.height_px, nan=middle), height.low, height.high))
    scores = (evidence.best_three, evidence.outfit_mean, evidence.overall_mean, evidence.similarity)
    return np.stack([*scores, count, np.broadcast_to(tall[:, None], count.shape)], axis=2)


def weights_of_people(owner: Ids) -> Figures:
    """Weights that add up to 1, in which every owner has the same share."""
    people, place = np.unique(owner, return_inverse=True)
    weights: Figures = 1 / (np.bincount(place)[place] * len(people))
    return weights


def _corrected(score: Figures, labels: NDArray[np.int_], weights: Figures) -> tuple[tuple[float, float], ...]:
    """Knots from scores to ln ratios, by isotonic regression.

    A pair of one person below all others and a pair of two above all are imagined, of the weight of an average pair:
    no finite number of pairs supports a ratio without end.
    """
    isotonic = need("sklearn.isotonic", extra="gallery", to="calibrate").IsotonicRegression
    imagined = [weights[labels == kind].mean() for kind in (1, 0)]
    at = np.concatenate([score, [score.min() - 1e-6, score.max() + 1e-6]])
    model = isotonic().fit(at, np.append(labels, [1, 0]), sample_weight=np.append(weights, imagined))
    places = np.unique(np.quantile(at, np.linspace(0, 1, KNOTS)))
    share = model.predict(places)
    return tuple(zip(places.tolist(), (np.log(share) - np.log1p(-share)).tolist(), strict=True))
