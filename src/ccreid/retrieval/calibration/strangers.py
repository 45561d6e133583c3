"""What a threshold gives in the very gallery that is asked: everybody enrolled is searched for as if they were not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.open_set import Found, Rate, fpir_curve
from ccreid.retrieval.calibration.person_scores import Enrolled, Mask, Prepared
from ccreid.vocabulary import Ids

QUERIES = 10
"""Crops of a person that are searched for, at most."""

SEARCHES = (60, 1000)
"""Searches at least and at most, if there are so many crops: fewer in a large gallery, where each takes longer."""

COMPARED = 1 << 24
"""Crops that all searches together are compared with, about: two seconds on two cores."""

BLOCK = 1 << 22
"""Comparisons at a time."""

FEWEST_PEOPLE = 2
"""Whoever is searched for needs somebody to be taken for."""

_SEED = 0


def as_strangers(
    calibration: Calibration, enrolled: Enrolled, prepared: Prepared, allowed: Mask | None
) -> Found | None:
    """Search for enrolled people as if they were not enrolled, among all others.

    Crops are drawn by lot, the same ones every time.

    Parameters
    ----------
    enrolled, prepared:
        The crops of all who are enrolled, as they are and as searches take them.
    allowed:
        (N,) the crops that count, as in a search; None takes all.

    Returns
    -------
    None where fewer than `FEWEST_PEOPLE` are enrolled.
    """
    counted = np.arange(len(enrolled.person)) if allowed is None else np.flatnonzero(allowed)
    if len(np.unique(enrolled.person[counted])) < FEWEST_PEOPLE:
        return None
    rows = _by_lot(enrolled.person, counted)
    tops, candidates = [], []
    step = max(1, BLOCK // len(enrolled.person))
    for start in range(0, len(rows), step):
        queries = rows[start : start + step]
        others = enrolled.person[queries][:, None] != enrolled.person
        evidence = calibration.evidence(
            enrolled.vectors[queries],
            prepared,
            None if enrolled.camera is None else enrolled.camera[queries],
            None if enrolled.height_px is None else enrolled.height_px[queries],
            others if allowed is None else others & allowed,
        )
        ratios = np.nan_to_num(calibration.log10_lr(evidence), nan=-np.inf)
        candidates.append(ratios.argmax(axis=1))
        tops.append(ratios.max(axis=1))
    top = np.concatenate(tops)
    return Found(enrolled.person[rows], top, np.concatenate(candidates), np.full(len(top), np.nan))


def rate_here(found: Found, threshold: float) -> Rate:
    """The FPIR of those searches at a threshold, with its interval over people in both of their roles."""
    people = np.unique(np.concatenate([found.person, found.candidate]))
    place: NDArray[np.int64] = np.searchsorted(people, found.person)
    numbered = Found(place, found.top, np.searchsorted(people, found.candidate), found.mate)
    return fpir_curve(numbered, np.array([threshold]), len(people), np.random.default_rng(_SEED)).at(0)


def _by_lot(person: Ids, counted: Ids) -> Ids:
    """Rows of some crops of everybody, ascending."""
    random = np.random.default_rng(_SEED)
    least, most = SEARCHES
    mixed = random.permutation(counted)
    order = mixed[np.argsort(person[mixed], kind="stable")]
    _, first, sizes = np.unique(person[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(first, sizes)
    some = random.permutation(order[rank < QUERIES])
    return np.sort(some[: int(np.clip(COMPARED // len(person), least, most))])
