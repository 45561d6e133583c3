"""Simulated galleries: some people are enrolled, everybody is searched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ccreid.retrieval.calibration.person_scores import Cohort, Enrolled, Evidence, Mask, Prepared, person_evidence
from ccreid.vocabulary import UNKNOWN, Ids

QUERIES, CROPS = 10, 60
"""Crops of a person that are searched for and enrolled, at most."""

SEARCHES = 1000
"""Crops that are searched for in one gallery, at most."""

FEWEST_CROPS = 3
"""Where people are enrolled with fewer crops than there are, they keep so many at least."""

RAW = Cohort(mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0), weight=1e12)
"""Beside so many other people nobody counts: scores stay cosines."""


@dataclass(frozen=True, eq=False)
class Searches:
    """A simulated gallery of n people, with Q searches in it.

    Attributes
    ----------
    evidence:
        (Q, n).
    person:
        (Q,) who is searched for, as numbered in the crops that were drawn from.
    members:
        (n,) who is enrolled.
    own:
        (Q,) the column of the person who is searched for; -1 where they are not enrolled.
    same_clothes:
        (Q,) bool: whether the person is enrolled in the clothes that are searched for; everywhere where they are
        enrolled if outfits are not known.
    changed:
        The searches of enrolled people once more, (Q', n), as if nobody were enrolled in the clothes that are searched
        for; None where outfits are not known.
    changed_rows:
        (Q',) which of the Q they are.
    """

    evidence: Evidence
    person: Ids
    members: Ids
    own: Ids
    same_clothes: Mask
    changed: Evidence | None
    changed_rows: Ids


def simulate(
    crops: Enrolled,
    size: int,
    random: np.random.Generator,
    *,
    cohort: Cohort = RAW,
    people: Ids | None = None,
    varied: bool = True,
) -> Searches:
    """Enrol some people at random, and search for everybody.

    What is compared follows one rule for all, the right person and others: crops of the query's camera are left out.
    A crop without a known camera is either enrolled or searched for, by lot. Where clothes are changed, the query's
    outfit is left out of its person, and an outfit drawn by lot out of everybody else who has several.

    Parameters
    ----------
    crops:
        All crops of the people, as if they were enrolled.
    size:
        How many to enrol.
    cohort:
        For the evidence.
    people:
        Whom to draw from and search for; None takes all.
    varied:
        Enrol every other person with a number of crops drawn from `FEWEST_CROPS` to all that they have, so that few
        crops are seen, too.
    """
    people = np.arange(crops.people) if people is None else people
    members = np.sort(random.choice(people, size, replace=False))
    known_camera = np.zeros(len(crops.person), dtype=np.bool_) if crops.camera is None else crops.camera != UNKNOWN
    searched_by_lot = random.random(len(crops.person)) < 0.5
    to_enrol = _some_of_each(
        crops.person, members, _allotted(members, crops, random, varied), known_camera | ~searched_by_lot, random
    )
    queries = _some_of_each(crops.person, people, np.full(len(people), QUERIES), known_camera | searched_by_lot, random)
    queries = np.sort(random.permutation(queries)[:SEARCHES])
    enrolled = crops.select(to_enrol)
    members = np.unique(crops.person[to_enrol])
    place = np.full(crops.people, -1, dtype=np.int64)
    place[members] = np.arange(len(members))
    own = place[crops.person[queries]]
    allowed = np.ones((len(queries), len(to_enrol)), dtype=np.bool_)
    if crops.camera is not None:
        of_queries = crops.camera[queries][:, None]
        allowed = (of_queries != crops.camera[to_enrol]) | (of_queries == UNKNOWN)
    gallery = Prepared.of(enrolled)

    def compared(rows: Ids, counted: Mask) -> Evidence:
        camera = None if crops.camera is None else crops.camera[queries[rows]]
        height = None if crops.height_px is None else crops.height_px[queries[rows]]
        return person_evidence(crops.vectors[queries[rows]], gallery, camera, height, counted, cohort=cohort)

    evidence = compared(np.arange(len(queries)), allowed)
    mated = own >= 0
    has_mate = np.zeros(len(queries), dtype=np.bool_)
    has_mate[mated] = evidence.crops[mated, own[mated]] > 0
    of_mate = own[:, None] == enrolled.person
    outfits_known = bool((crops.outfit != UNKNOWN).any())
    wanted = crops.outfit[queries]
    worn = (wanted[:, None] == enrolled.outfit) & (wanted != UNKNOWN)[:, None]
    same = (allowed & of_mate & worn).any(axis=1) if outfits_known else has_mate
    keep = np.flatnonzero(~mated | has_mate)
    changed, rows = None, np.empty(0, dtype=np.int64)
    if outfits_known:
        dropped = np.where(of_mate, worn, _an_outfit_of_each(enrolled, random))
        left = allowed & ~dropped & ~(of_mate & (enrolled.outfit == UNKNOWN))
        rows = np.flatnonzero(has_mate & (wanted != UNKNOWN) & (left & of_mate).any(axis=1))
        changed = compared(rows, left[rows]) if len(rows) else None
    return Searches(
        _rows_of(evidence, keep),
        crops.person[queries][keep],
        members,
        own[keep],
        same[keep],
        changed,
        np.searchsorted(keep, rows),
    )


def _allotted(members: Ids, crops: Enrolled, random: np.random.Generator, varied: bool) -> Ids:
    """(n,): how many crops of each are enrolled."""
    counts = np.minimum(np.bincount(crops.person, minlength=crops.people)[members], CROPS)
    if not varied:
        return counts
    fewest = np.minimum(FEWEST_CROPS, counts)
    fewer = np.exp(random.uniform(np.log(fewest), np.log(counts + 1))).astype(np.int64)
    return np.where(random.random(len(members)) < 0.5, counts, np.clip(fewer, fewest, counts))


def _some_of_each(person: Ids, people: Ids, most: Ids, may: Mask, random: np.random.Generator) -> Ids:
    """Rows of some crops of each of the people, drawn by lot: in ascending order."""
    limit = np.zeros(int(person.max()) + 1, dtype=np.int64)
    limit[people] = most
    shuffled = random.permutation(np.flatnonzero(may))
    order = shuffled[np.argsort(person[shuffled], kind="stable")]
    starts = np.flatnonzero(np.diff(person[order], prepend=-1))
    lengths = np.diff(np.append(starts, len(order)))
    standing = np.arange(len(order)) - np.repeat(starts, lengths)
    return np.sort(order[standing < limit[person[order]]])


def _an_outfit_of_each(enrolled: Enrolled, random: np.random.Generator) -> Mask:
    """(N,): the crops of an outfit of each person who has several, drawn by lot."""
    drawn = np.zeros(len(enrolled.person), dtype=np.bool_)
    for person in range(enrolled.people):
        rows = np.flatnonzero(enrolled.person == person)
        outfits = np.unique(enrolled.outfit[rows])
        if len(outfits) > 1:
            drawn[rows] = enrolled.outfit[rows] == random.choice(outfits)
    return drawn


def _rows_of(evidence: Evidence, rows: Ids) -> Evidence:
    """The evidence of some queries."""
    columns = ("best_three", "outfit_mean", "overall_mean", "similarity", "crops", "height_px", "rows", "outfit")
    return Evidence(**{name: getattr(evidence, name)[rows] for name in columns}, cohort=evidence.cohort)


def cohort_of(drawn: Sequence[Searches], weight: float = 10.0) -> Cohort:
    """How similar people who are somebody else are, in searches whose scores are cosines (`RAW`)."""
    others = [np.arange(len(searches.members)) != searches.own[:, None] for searches in drawn]
    best, outfit, overall = (
        np.concatenate([getattr(one.evidence, name)[mask] for one, mask in zip(drawn, others, strict=True)])
        for name in ("best_three", "outfit_mean", "overall_mean")
    )
    return Cohort(
        mean=(float(np.nanmean(best)), float(np.nanmean(outfit)), float(np.nanmean(overall))),
        deviation=(float(np.nanstd(best)), float(np.nanstd(outfit)), float(np.nanstd(overall))),
        weight=weight,
    )
