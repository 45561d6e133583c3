"""Confidence intervals of the scores: other people might have been filmed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.evaluation.metrics import Scores
from ccreid.records import Interval, ScoreIntervals
from ccreid.vocabulary import Columns

FEW_PEOPLE = 10
"""An interval over fewer people is too narrow to be believed: that of 95 % holds the true mean of a normal distribution
about 9 times of 10 with so many, 8 times of 10 with five and 3 times of 4 with three."""


def bootstrap_intervals(
    scores: Scores, query: Columns, *, level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> ScoreIntervals:
    """How far the scores move when other query people are drawn: percentile bootstrap over people.

    As many people as have a valid query are drawn with replacement; a person who is drawn brings all of their
    valid queries, as often as they are drawn. Queries of one person are alike, so drawing queries one by one
    would give intervals that are too narrow.

    Parameters
    ----------
    scores:
        Of one protocol.
    query:
        The columns of its Q queries.
    level:
        Share of the resampled scores inside the interval, in (0, 1).
    resamples:
        How many times people are drawn.
    seed:
        Of the draw; equal seeds give equal intervals.

    Returns
    -------
    ScoreIntervals
        Lower and upper end of each score as shares in 0..1, or None where fewer than two people have a valid query.

    Raises
    ------
    SettingError
        The level is outside (0, 1), nothing is drawn, or the columns are not those of the scored queries.
    """
    if not 0 < level < 1 or resamples < 1:
        raise SettingError(
            f"level = {level} and resamples = {resamples} were given.",
            "Give a level between 0 and 1 and at least one resample.",
        )
    if len(query) != len(scores.first_rank):
        raise SettingError(
            f"{len(query)} queries were given for the scores of {len(scores.first_rank)}.",
            "Give the columns of the queries that were scored.",
        )
    valid = scores.first_rank > 0
    values = {
        "rank1": scores.rank1[valid],
        "map": scores.average_precision[valid],
        "minp": scores.inverse_negative_penalty[valid],
    }
    means = means_of_resamples(values, query.person[valid], resamples, seed)
    ends = {name: ends_of(of_score, level) for name, of_score in means.items()}
    return ScoreIntervals(people=len(np.unique(query.person[valid])), **ends)


def ends_of(means: NDArray[np.float64], level: float = 0.95) -> Interval:
    """Lower and upper end of the middle share of some resampled means."""
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def means_of_resamples(
    values: Mapping[str, NDArray[Any]], person: NDArray[np.int64], resamples: int = 1000, seed: int = 0
) -> dict[str, NDArray[np.float64]]:
    """Means of some values (N,) by name, each time people are drawn anew: (resamples,); nothing for fewer than two."""
    people, owner = np.unique(person, return_inverse=True)
    if len(people) < 2:
        return {}
    times = _times_drawn(len(people), resamples, np.random.default_rng(seed))
    drawn = times @ np.bincount(owner)
    return {name: times @ np.bincount(owner, weights=value) / drawn for name, value in values.items()}


def _times_drawn(people: int, resamples: int, random: np.random.Generator) -> NDArray[np.int64]:
    """(resamples, people): how often each person is drawn."""
    return random.multinomial(people, np.full(people, 1 / people), size=resamples)
