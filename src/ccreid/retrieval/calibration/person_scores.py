"""How well crops fit each enrolled person: what a search of people and its calibration are made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ccreid.errors import DataError
from ccreid.records import Record
from ccreid.retrieval.calibration.centring import Centring
from ccreid.vocabulary import UNKNOWN, Ids

Floats = NDArray[np.float32]
Figures = NDArray[np.float64]
Mask = NDArray[np.bool_]

BEST = 3
"""So many crops of a person are averaged. The best alone is often a lucky one of somebody else."""

BLOCK = 1 << 22
"""Similarities held at a time (16 MiB), however many crops are enrolled: queries go through in blocks."""

SMALLEST_DEVIATION = 1e-3
"""Nobody's similarities to other people are taken to vary less than this."""


class Cohort(Record):
    """How similar crops are to people who are somebody else, as far as is known before anybody is enrolled.

    Attributes
    ----------
    mean, deviation:
        Of the similarity as (mean of the best three, best outfit's mean, mean of all crops).
    weight:
        As how many people it counts beside those enrolled.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (0.2, 0.2, 0.2)
    weight: float = Field(default=10.0, gt=0)


@dataclass(frozen=True, eq=False)
class Enrolled:
    """The crops of the people who are known.

    Attributes
    ----------
    vectors:
        (N, D) float32, of unit length.
    person:
        (N,) int64: 0..P-1, each at least once.
    outfit:
        (N,) int64, numbered over all people or over each; crops of a person whose outfit is `UNKNOWN` count as one.
    camera:
        (N,) int64, `UNKNOWN` where it is not known; None where no camera is.
    height_px:
        (N,) of the crops, or None.

    Raises
    ------
    DataError
        A column has another length, or people are numbered otherwise.
    """

    vectors: Floats
    person: Ids
    outfit: Ids
    camera: Ids | None = None
    height_px: NDArray[np.int_] | None = None

    def __post_init__(self) -> None:
        for column in fields(self):
            value = getattr(self, column.name)
            if value is not None and len(value) != len(self.vectors):
                raise DataError(
                    f"{len(value)} values of '{column.name}' were given for {len(self.vectors)} crops.",
                    "Give every crop one.",
                )
        codes = np.unique(self.person)
        if not np.array_equal(codes, np.arange(len(codes))):
            raise DataError("Enrolled people are not numbered 0, 1, 2, ... without a gap.", "Number them anew.")

    def select(self, rows: Ids) -> Enrolled:
        """Some of the crops; their people are numbered anew, in the same order."""
        return Enrolled(
            self.vectors[rows],
            np.unique(self.person[rows], return_inverse=True)[1].astype(np.int64),
            self.outfit[rows],
            None if self.camera is None else self.camera[rows],
            None if self.height_px is None else self.height_px[rows],
        )

    @property
    def people(self) -> int:
        """How many."""
        return int(self.person.max()) + 1 if len(self.person) else 0


@dataclass(frozen=True, eq=False)
class Evidence:
    """How well Q crops fit P people; NaN where a person has no crop to compare with.

    Attributes
    ----------
    best_three, outfit_mean, overall_mean:
        (Q, P) float64: mean similarity to the person's three nearest crops (or fewer), to the crops of the nearest
        outfit, to all crops; each as so many standard deviations above the similarity of other people.
    similarity:
        (Q, P) float64: the mean similarity to the three nearest crops as it is, a cosine.
    crops:
        (Q, P) int64: how many crops of the person were compared.
    height_px:
        (Q,) float64: the height of the crop that is searched for; NaN where it is not known.
    rows:
        (Q, P, 3) int64: the nearest crops, nearest first, as rows of the enrolled; -1 where there are fewer.
    outfit:
        (Q, P) int64: the nearest outfit; `UNKNOWN` where the crops that are nearest belong to none.
    cohort:
        What was taken for known of other people beforehand.
    """

    best_three: Figures
    outfit_mean: Figures
    overall_mean: Figures
    similarity: Figures
    crops: Ids
    height_px: Figures
    rows: Ids
    outfit: Ids
    cohort: Cohort

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def people(self) -> int:
        """P."""
        return int(self.crops.shape[1])


@dataclass(frozen=True, eq=False)
class Prepared:
    """Enrolled crops made ready to be compared with again and again.

    Attributes
    ----------
    vectors:
        (N, D), less the means of their cameras, in the order of the runs.
    centring, runs:
        Those means, and which crops belong to which person and outfit.
    """

    vectors: Floats
    centring: Centring
    runs: _Runs

    @classmethod
    def of(cls, enrolled: Enrolled, *, centred: bool = True) -> Prepared:
        """Prepare crops, centred on their cameras or not. Raises DataError where nobody is enrolled."""
        if not enrolled.people:
            raise DataError("Nobody is enrolled.", "Enrol somebody first.")
        centring = Centring.of(enrolled.vectors, enrolled.person, enrolled.camera) if centred else Centring()
        runs = _Runs.of(enrolled)
        return cls(centring(enrolled.vectors, enrolled.camera)[runs.order], centring, runs)


def person_evidence(
    queries: Floats,
    enrolled: Enrolled | Prepared,
    query_camera: Ids | None = None,
    query_height: NDArray[np.int_] | None = None,
    allowed: Mask | None = None,
    *,
    cohort: Cohort | None = None,
) -> Evidence:
    """Compare crops with people.

    Similarities are cosines after each camera's mean is taken off (see :class:`Centring`). Each of the three scores of
    a person is then told against the other people (t-norm): less their mean, over their standard deviation. With few
    others both are unsure, so the cohort joins them as `weight` more people of its mean and deviation: with one
    person enrolled it alone is compared with, with many it no longer matters.

    Parameters
    ----------
    queries:
        (Q, D) float32, of unit length.
    enrolled:
        Whom to compare with; who searches often prepares them once.
    query_camera, query_height:
        (Q,) int64 each, or None where it is not known. The camera is used for its mean alone: which crops count is for
        `allowed` to say.
    allowed:
        (N,) or (Q, N), in the order of the enrolled: the crops that count; the others are as if not enrolled, but for
        the cameras' means. An evaluation drops the crops of the query's camera here, for everybody and not for the
        right person alone.
    cohort:
        None takes a rough one; a calibration brings its own.

    Raises
    ------
    DataError
        The queries' vectors are of another length than the enrolled, or nobody is enrolled.
    """
    known = enrolled if isinstance(enrolled, Prepared) else Prepared.of(enrolled)
    if queries.ndim != 2 or queries.shape[1] != known.vectors.shape[1]:
        raise DataError(
            f"Vectors of the shape {queries.shape} are compared with enrolled ones of {known.vectors.shape}.",
            "Embed both with one model.",
        )
    cohort = cohort or Cohort()
    probes = known.centring(queries, query_camera)
    parts = [
        _Compared.to(probes[rows] @ known.vectors.T, known.runs, _allowed_in(allowed, rows, known.runs))
        for rows in _blocks(len(queries), len(known.vectors))
    ]
    best, outfit_mean, overall = (np.concatenate([part.scores[score] for part in parts]) for score in range(3))
    return Evidence(
        best_three=_against_others(best, cohort, 0),
        outfit_mean=_against_others(outfit_mean, cohort, 1),
        overall_mean=_against_others(overall, cohort, 2),
        similarity=best,
        crops=np.concatenate([part.crops for part in parts]),
        height_px=np.full(len(queries), np.nan) if query_height is None else query_height.astype(np.float64),
        rows=np.concatenate([part.rows for part in parts]),
        outfit=np.concatenate([part.outfit for part in parts]),
        cohort=cohort,
    )


def _blocks(queries: int, crops: int) -> Iterator[slice]:
    """Slices of the queries; one, empty, where there are none."""
    step = max(1, BLOCK // crops)
    return (slice(first, first + step) for first in range(0, max(1, queries), step))


def _allowed_in(allowed: Mask | None, rows: slice, runs: _Runs) -> Mask | None:
    if allowed is None:
        return None
    return (allowed[rows] if allowed.ndim == 2 else allowed[None])[:, runs.order]


@dataclass(frozen=True, eq=False)
class _Runs:
    """The enrolled crops in the order of people and outfits, where each person and outfit is a run.

    Attributes
    ----------
    order:
        (N,) rows of the enrolled.
    person_starts, outfit_starts:
        (P,) and (O,): where a run begins in that order.
    first_outfits:
        (P,): where a person's run of outfits begins among the O.
    person, outfit:
        (N,) person of each crop and (O,) outfit of each run.
    """

    order: Ids
    person_starts: Ids
    outfit_starts: Ids
    first_outfits: Ids
    person: Ids
    outfit: Ids

    @classmethod
    def of(cls, enrolled: Enrolled) -> _Runs:
        order = np.lexsort((enrolled.outfit, enrolled.person))
        person, outfit = enrolled.person[order], enrolled.outfit[order]
        new_person = np.diff(person, prepend=-1) != 0
        new_outfit = new_person | np.append(True, outfit[1:] != outfit[:-1])
        starts = np.flatnonzero(new_outfit)
        return cls(
            order,
            np.flatnonzero(new_person),
            starts,
            np.flatnonzero(new_person[starts]),
            person,
            outfit[starts],
        )


@dataclass(frozen=True, eq=False)
class _Compared:
    """What a block of queries has to do with each person: the three scores as cosines, and whence."""

    scores: tuple[Figures, Figures, Figures]
    crops: Ids
    rows: Ids
    outfit: Ids

    @classmethod
    def to(cls, similarity: Floats, runs: _Runs, allowed: Mask | None) -> _Compared:
        """From similarities (Q, N) in the order of the runs."""
        counts_of_outfits = _counts(allowed, runs, len(similarity))
        crops = np.add.reduceat(counts_of_outfits, runs.first_outfits, axis=1)
        counted = similarity if allowed is None else np.where(allowed, similarity, 0)
        sums = np.add.reduceat(counted, runs.outfit_starts, axis=1, dtype=np.float64)
        means = np.where(counts_of_outfits > 0, sums / np.maximum(counts_of_outfits, 1), -np.inf)
        outfit_mean = np.maximum.reduceat(means, runs.first_outfits, axis=1)
        overall = np.add.reduceat(sums, runs.first_outfits, axis=1) / np.maximum(crops, 1)
        nearest, rows = _nearest(similarity if allowed is None else np.where(allowed, similarity, -np.inf), runs)
        best = np.where(rows >= 0, nearest, 0).sum(axis=2) / np.maximum((rows >= 0).sum(axis=2), 1)
        some = crops > 0
        return cls(
            (
                np.where(some, best, np.nan),
                np.where(some, outfit_mean, np.nan),
                np.where(some, overall, np.nan),
            ),
            crops,
            rows,
            np.where(some, runs.outfit[_first_place(means, outfit_mean, runs.first_outfits)], UNKNOWN),
        )


def _counts(allowed: Mask | None, runs: _Runs, queries: int) -> Ids:
    """(Q, O): the crops of each outfit that count."""
    lengths = np.diff(np.append(runs.outfit_starts, len(runs.order)))
    if allowed is None:
        return np.broadcast_to(lengths, (queries, len(lengths)))
    counts = np.add.reduceat(allowed, runs.outfit_starts, axis=1, dtype=np.int64)
    return np.broadcast_to(counts, (queries, len(lengths)))


def _nearest(similarity: Floats, runs: _Runs) -> tuple[Figures, Ids]:
    """Each person's nearest crops: their similarities and rows, (Q, P, 3) both; row -1 where there are fewer.

    `similarity` (Q, N) is in the order of the runs, -inf where a crop does not count.
    """
    left = similarity.copy()
    shape = (len(left), len(runs.person_starts), BEST)
    values, rows = np.full(shape, -np.inf), np.full(shape, -1, dtype=np.int64)
    query = np.arange(len(left))[:, None]
    for place in range(BEST):  # thrice the best of what is left is many times faster than sorting every run
        best = np.maximum.reduceat(left, runs.person_starts, axis=1)
        column = _first_place(left, best, runs.person_starts)
        values[:, :, place] = best
        rows[:, :, place] = np.where(np.isfinite(best), runs.order[column], -1)
        left[query, column] = -np.inf
    return values, rows


def _first_place(values: NDArray[np.floating], highest: NDArray[np.floating], starts: Ids) -> Ids:
    """(Q, R): the first column of each run of `values` (Q, N) that has the run's highest (Q, R)."""
    columns = values.shape[1]
    lengths = np.diff(np.append(starts, columns))
    is_highest = values == np.repeat(highest, lengths, axis=1)
    return np.minimum.reduceat(np.where(is_highest, np.arange(columns), columns), starts, axis=1)


def _against_others(scores: Figures, cohort: Cohort, score: int) -> Figures:
    """(Q, P) scores in standard deviations above the mean of the row's other people and the cohort."""
    known = np.nan_to_num(scores)
    count = np.isfinite(scores).sum(axis=1, keepdims=True) - np.isfinite(scores) + cohort.weight
    mean, deviation = cohort.mean[score], cohort.deviation[score]
    away = np.where(np.isfinite(scores), known - mean, 0)  # the moments are taken near the mean, where they are exact
    first = (away.sum(axis=1, keepdims=True) - away) / count
    second = ((away**2).sum(axis=1, keepdims=True) - away**2 + cohort.weight * deviation**2) / count
    spread = np.sqrt(np.maximum(second - first**2, SMALLEST_DEVIATION**2))
    normed: Figures = (scores - mean - first) / spread
    return normed
