"""Open-set identification rates, as ISO/IEC 19795-1 defines them, with intervals over people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ccreid.records import Interval, Record
from ccreid.vocabulary import Ids

Figures = NDArray[np.float64]

RESAMPLES = 500
LEVEL = 0.95
RULE_OF_THREE = 3
"""No error among n independent people leaves an error rate of up to 3/n possible, at 95 %."""


class Rate(Record):
    """A share of searches, with its interval over people.

    Attributes
    ----------
    value, interval:
        In 0..1; the interval holds 95 % of what other people would have given.
    people, searches:
        How many were searched for, and how often.
    """

    value: float
    interval: Interval
    people: int
    searches: int


@dataclass(frozen=True, eq=False)
class Found:
    """What some searches found: S of them, over one or several galleries of N enrolled people each.

    Attributes
    ----------
    person:
        (S,) who was searched for.
    top, candidate:
        (S,) the score of the nearest enrolled person, and who that is, numbered as `person`.
    mate:
        (S,) the score of the person who was searched for; NaN where they are not enrolled.
    """

    person: Ids
    top: Figures
    candidate: Ids
    mate: Figures

    @property
    def mated(self) -> NDArray[np.bool_]:
        """(S,): who was searched for is enrolled."""
        return ~np.isnan(self.mate)

    def select(self, rows: NDArray[np.bool_]) -> Self:
        """Some of them."""
        return type(self)(self.person[rows], self.top[rows], self.candidate[rows], self.mate[rows])

    @classmethod
    def joined(cls, parts: Sequence[Found]) -> Found:
        """Those of several galleries."""
        columns = ("person", "top", "candidate", "mate")
        return Found(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def fpir(found: Found, threshold: float) -> float:
    """FPIR(N, T): the share of searches for people who are not enrolled with a candidate at or above the threshold.

    NaN without such searches.
    """
    top = found.top[~found.mated]
    return float((top >= threshold).mean()) if len(top) else float("nan")


def fnir(found: Found, threshold: float) -> float:
    """FNIR(N, 1, T): the share of searches for enrolled people who are not first, or below the threshold.

    1 - FNIR is the detection and identification rate (DIR) at rank 1. NaN without such searches.
    """
    mated = found.select(found.mated)
    return float(_missed(mated, np.array([threshold])).mean()) if len(mated.person) else float("nan")


def _missed(mated: Found, thresholds: Figures) -> NDArray[np.bool_]:
    """(S, T): whether the person is not first, or not at or above each threshold."""
    first = mated.person == mated.candidate
    missed: NDArray[np.bool_] = ~(first[:, None] & (mated.mate[:, None] >= thresholds))
    return missed


@dataclass(frozen=True, eq=False)
class Curve:
    """An error rate at T thresholds.

    Attributes
    ----------
    value, low, high:
        (T,) the rate, and its 95 % interval over people.
    erring:
        (T,) how many different people err.
    people, searches:
        How many were searched for, and how often.
    """

    value: Figures
    low: Figures
    high: Figures
    erring: Ids
    people: int
    searches: int

    def at(self, place: int) -> Rate:
        """The rate at one of the thresholds, by its place."""
        return Rate(
            value=float(self.value[place]),
            interval=(float(self.low[place]), float(self.high[place])),
            people=self.people,
            searches=self.searches,
        )


def fpir_curve(found: Found, thresholds: Figures, people: int, random: np.random.Generator) -> Curve:
    """FPIR at ascending thresholds.

    The interval is a bootstrap over people in both of their roles: people are drawn with replacement, and a search
    counts as often as its person was drawn, an error as often as its person and the candidate were, both multiplied.
    Drawing searches or pairs, which are alike within a person, would give an interval that is too narrow; so would
    drawing only whom is searched for.

    Parameters
    ----------
    found:
        Of galleries of one size.
    people:
        How many there are to be enrolled or searched for.
    """
    others = found.select(~found.mated)
    order = np.argsort(-others.top, kind="stable")
    person, candidate, top = others.person[order], others.candidate[order], others.top[order]
    reached = np.searchsorted(-top, -thresholds, side="right")  # so many searches have a candidate there

    def rates(times: Figures) -> Figures:
        errors = np.append(0, np.cumsum(times[person] * times[candidate]))[reached]
        shares: Figures = errors / times[person].sum()
        return shares

    value = rates(np.ones(people))
    drawn = np.stack([np.minimum(rates(_times(people, random)), 1) for _ in range(RESAMPLES)])
    erring = np.array([len(np.unique(person[:count])) for count in reached], dtype=np.int64)
    return Curve(value, *_ends(drawn, value, len(np.unique(person))), erring, len(np.unique(person)), len(person))


def fnir_curve(found: Found, thresholds: Figures, people: int, random: np.random.Generator) -> Curve | None:
    """FNIR at rank 1 at some thresholds, bootstrapped over who is searched for; None where no one is enrolled."""
    mated = found.select(found.mated)
    if not len(mated.person):
        return None
    missed = _missed(mated, thresholds)
    searches = np.bincount(mated.person, minlength=people).astype(np.float64)
    misses = np.zeros((people, len(thresholds)))
    np.add.at(misses, mated.person, missed)
    value = missed.mean(axis=0)
    times = np.stack([_times(people, random) for _ in range(RESAMPLES)])
    drawn = (times @ misses) / np.maximum(times @ searches, 1)[:, None]
    erring, searched = (misses > 0).sum(axis=0), int((searches > 0).sum())
    return Curve(value, *_ends(drawn, value, searched), erring, searched, len(missed))


def _times(people: int, random: np.random.Generator) -> Figures:
    """How often each person is drawn."""
    return random.multinomial(people, np.full(people, 1 / people)).astype(np.float64)


def _ends(drawn: Figures, value: Figures, people: int) -> tuple[Figures, Figures]:
    """The ends of the intervals; the far one is no nearer than the rule of three puts it where nobody errs, or all do.

    Of a few people who err the bootstrap may draw none, or always the same ones: it would tell more than no error does.
    """
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    far = min(1.0, RULE_OF_THREE / max(people, 1))
    high, low = np.maximum(high, far), np.minimum(low, 1 - far)
    return np.minimum(low, value), np.maximum(high, value)


def bins_over_people(
    said: Figures,
    happened: NDArray[np.bool_],
    person: Ids,
    random: np.random.Generator,
    edges: Figures,
    fewest: int = 5,
) -> list[tuple[float, Rate]]:
    """What happened as often as was said? For each range of probabilities their mean and the share that came true.

    Ranges that hold fewer than `fewest` people are left out.
    """
    found = []
    for low, high in pairwise(edges.tolist()):
        inside = (said >= low) & (said < high if high < edges[-1] else said <= high)
        owners, place = np.unique(person[inside], return_inverse=True)
        if len(owners) < fewest:
            continue
        searches = np.bincount(place).astype(np.float64)
        true = np.bincount(place, weights=happened[inside])
        times = [_times(len(owners), random) for _ in range(RESAMPLES)]
        shares = np.array([one.dot(true) / one.dot(searches) for one in times])
        value = np.array([happened[inside].mean()])
        ends = _ends(shares[:, None], value, len(owners))
        rate = Rate(
            value=float(value[0]),
            interval=(float(ends[0][0]), float(ends[1][0])),
            people=len(owners),
            searches=int(inside.sum()),
        )
        found.append((float(said[inside].mean()), rate))
    return found
