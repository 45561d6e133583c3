"""How labelled crops become a calibration: galleries are simulated, ratios fitted, rates counted over people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.machine.progress import Track, untracked
from ccreid.retrieval.calibration.calibration import Bin, Calibration, Quality, Scope
from ccreid.retrieval.calibration.cllr import cllr, cllr_min
from ccreid.retrieval.calibration.likelihood import LikelihoodRatio, posteriors
from ccreid.retrieval.calibration.open_set import Found, bins_over_people, fnir_curve, fpir_curve
from ccreid.retrieval.calibration.pairs import PairRatio
from ccreid.retrieval.calibration.person_scores import Cohort, Enrolled
from ccreid.retrieval.calibration.simulation import Searches, cohort_of, simulate
from ccreid.retrieval.calibration.thresholds import GRID, OperatingPoints, RateCurve, SizeRates
from ccreid.vocabulary import UNKNOWN, Ids

Figures = NDArray[np.float64]

FEWEST_PEOPLE = 30
"""With fewer not even an FPIR of 10 % can be told: no error among n people still allows 3/n."""

SIZES, LARGEST_SHARE, SMALLEST = 6, 0.8, 2
"""Sizes of simulated galleries: how many, the largest as a share of all people, the smallest in people."""

DRAWS, FITTED_DRAWS = 20, 4
"""Galleries of each size for the rates, and for the fit."""


def calibrate(
    crops: Enrolled,
    made_with: Mapping[str, str],
    scope: Scope,
    *,
    random: np.random.Generator,
    track: Track[int] = untracked,
) -> Calibration:
    """Calibrate a model on the crops of people whom it has not seen.

    Parameters
    ----------
    crops:
        All crops of the people, as if they were enrolled.
    made_with:
        What their embeddings depend on.
    scope:
        Where they come from.
    track:
        Follows the sizes of galleries.

    Raises
    ------
    DataError
        There are fewer than `FEWEST_PEOPLE`, or hardly anybody has crops from two cameras; what is needed is told.
    """
    check_enough(crops)
    everybody = np.arange(crops.people)
    cohort, ratio = _fitted(crops, everybody, random)
    points = _operating_points(crops, cohort, ratio, random, track)
    return Calibration(
        made_with=dict(made_with),
        scope=scope,
        cohort=cohort,
        likelihood=ratio,
        points=points,
        quality=_quality(crops, random),
        pairs=PairRatio.fit(crops, random),
    )


def check_enough(crops: Enrolled) -> None:
    """Raise DataError where people are too few, or too few of them can be searched for."""
    if crops.people < FEWEST_PEOPLE:
        raise DataError(
            f"{crops.people} people are too few to calibrate with: not even an FPIR of 10 % could be told.",
            f"Give {FEWEST_PEOPLE} people for an FPIR of 10 %, 60 for 5 %, 300 for 1 %: three over the rate.",
        )
    able = sum(_can_be_found(crops, person) for person in range(crops.people))
    if able < FEWEST_PEOPLE:
        raise DataError(
            f"Only {able} of {crops.people} people have crops from two cameras, and a crop is not searched for among "
            "those of its own camera.",
            f"Give {FEWEST_PEOPLE} people crops from two cameras each (or two crops each, where no camera is known).",
        )


def _can_be_found(crops: Enrolled, person: int) -> bool:
    rows = np.flatnonzero(crops.person == person)
    cameras = np.full(len(rows), UNKNOWN) if crops.camera is None else crops.camera[rows]
    return len(np.unique(cameras[cameras != UNKNOWN])) > 1 or int((cameras == UNKNOWN).sum()) > 1


def sizes_of(people: int) -> list[int]:
    """How many people are enrolled in the galleries that are simulated, ascending."""
    largest = max(SMALLEST + 1, int(LARGEST_SHARE * people))
    return sorted({round(size) for size in np.geomspace(SMALLEST, largest, SIZES).tolist()})


def _fitted(crops: Enrolled, people: Ids, random: np.random.Generator) -> tuple[Cohort, LikelihoodRatio]:
    half = len(people) // 2
    cohort = cohort_of([simulate(crops, half, random, people=people) for _ in range(FITTED_DRAWS)])
    drawn = [
        simulate(crops, size, random, cohort=cohort, people=people)
        for size in sizes_of(len(people))
        for _ in range(FITTED_DRAWS)
    ]
    return cohort, LikelihoodRatio.fit(drawn, len(people), random)


def _operating_points(
    crops: Enrolled, cohort: Cohort, ratio: LikelihoodRatio, random: np.random.Generator, track: Track[int]
) -> OperatingPoints:
    sizes = sizes_of(crops.people)
    steps: Iterable[int] = track(sizes, "Simulating galleries", len(sizes))
    found = {
        size: [of_draw(simulate(crops, size, random, cohort=cohort), ratio) for _ in range(DRAWS)] for size in steps
    }
    same = {size: Found.joined([one for one, _ in draws]) for size, draws in found.items()}
    changed = {
        size: Found.joined([one for _, one in draws if one is not None]) if any(one for _, one in draws) else None
        for size, draws in found.items()
    }
    thresholds = _grid(list(same.values()))
    return OperatingPoints(
        people=crops.people,
        outfits_known=bool((crops.outfit != UNKNOWN).any()),
        thresholds=tuple(thresholds.tolist()),
        sizes=tuple(
            SizeRates(
                enrolled=size,
                fpir=RateCurve.of(fpir_curve(same[size], thresholds, crops.people, random)),
                fnir_same=_fnir(same[size], thresholds, crops.people, random),
                fnir_changed=_fnir(changed[size], thresholds, crops.people, random),
            )
            for size in sizes
        ),
    )


def _fnir(found: Found | None, thresholds: Figures, people: int, random: np.random.Generator) -> RateCurve | None:
    curve = None if found is None else fnir_curve(found, thresholds, people, random)
    return None if curve is None else RateCurve.of(curve)


def of_draw(searches: Searches, ratio: LikelihoodRatio) -> tuple[Found, Found | None]:
    """What searches found: for people in the clothes they are enrolled in or not enrolled; for people in other ones."""
    found = _found(ratio.log10(searches.evidence), searches.members, searches.person, searches.own)
    same = found.select((searches.own < 0) | searches.same_clothes)
    if searches.changed is None:
        return same, None
    rows = searches.changed_rows
    return same, _found(ratio.log10(searches.changed), searches.members, searches.person[rows], searches.own[rows])


def _found(ratios: Figures, members: Ids, person: Ids, own: Ids) -> Found:
    ranked = np.nan_to_num(ratios, nan=-np.inf)
    nearest = ranked.argmax(axis=1)
    row = np.arange(len(ranked))
    return Found(person, ranked[row, nearest], members[nearest], np.where(own >= 0, ratios[row, own], np.nan))


def _grid(found: Sequence[Found]) -> Figures:
    """Thresholds at which galleries of some size have the FPIRs of `GRID`."""
    tops = [one.top[~one.mated] for one in found]
    values = np.concatenate([np.quantile(top, 1 - np.array(GRID)) for top in tops])
    return np.unique(np.round(values[np.isfinite(values)], 4))


def _quality(crops: Enrolled, random: np.random.Generator) -> Quality:
    """Fit on one half of the people and look at the other, and the other way round."""
    people = random.permutation(crops.people)
    halves = people[: len(people) // 2], people[len(people) // 2 :]
    mated, others, told = [], [], []
    for fitted_on, looked_at in (halves, halves[::-1]):
        cohort, ratio = _fitted(crops, fitted_on, random)
        size = len(looked_at) // 2
        for _ in range(FITTED_DRAWS):
            searches = simulate(crops, size, random, cohort=cohort, people=looked_at)
            ratios = ratio.log10(searches.evidence)
            rows = np.flatnonzero(searches.same_clothes & (searches.own >= 0))
            mated.append(ratios[rows, searches.own[rows]])
            is_other = (np.arange(ratios.shape[1]) != searches.own[:, None]) & np.isfinite(ratios)
            others.append(ratios[is_other])
            told.append((searches, ratios))
    known = float(np.mean(np.concatenate([searches.own >= 0 for searches, _ in told])))
    nobody, nearest = _reliability(told, known, random)
    same, different = np.concatenate(mated), np.concatenate(others)
    return Quality(
        cllr=cllr(same, different),
        cllr_min=cllr_min(same, different),
        enrolled=size,
        known=known,
        nobody=nobody,
        nearest=nearest,
    )


def _reliability(
    told: Sequence[tuple[Searches, Figures]], known: float, random: np.random.Generator
) -> tuple[tuple[Bin, ...], tuple[Bin, ...]]:
    """Of the probability of nobody, and of that of the nearest person."""
    nobody, nearest, is_nobody, is_right, person = [], [], [], [], []
    for searches, ratios in told:
        rows = np.flatnonzero((searches.own < 0) | searches.same_clothes)
        of_people, of_nobody = posteriors(ratios[rows], known)
        best = of_people.argmax(axis=1)
        nobody.append(of_nobody)
        nearest.append(of_people[np.arange(len(rows)), best])
        is_nobody.append(searches.own[rows] < 0)
        is_right.append(searches.own[rows] == best)
        person.append(searches.person[rows])
    owners = np.concatenate(person)
    edges = np.linspace(0, 1, 11)

    def bins(said: list[Figures], happened: list[NDArray[np.bool_]]) -> tuple[Bin, ...]:
        found = bins_over_people(np.concatenate(said), np.concatenate(happened), owners, random, edges)
        return tuple(Bin(said=mean, happened=rate) for mean, rate in found)

    return bins(nobody, is_nobody), bins(nearest, is_right)
