"""One crop against one crop: a calibration of its own, for pairs say much less than a person's crops together."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.machine.extras import need
from ccreid.records import Record
from ccreid.retrieval.calibration.likelihood import PENALTY, weights_of_people
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.vocabulary import UNKNOWN, Ids

Figures = NDArray[np.float64]

CROPS = 20
"""Of each person, at most."""

MOST_OTHERS = 200_000


class PairRatio(Record):
    """The likelihood ratio of two crops that show one person, in the same clothes where outfits are known.

    Attributes
    ----------
    slope, intercept:
        Of the logistic regression on the cosine similarity; its odds are the ratio.
    people, pairs:
        How many people there were, and how many pairs of crops of one person.
    similarity_same, similarity_changed, similarity_others:
        Medians: of one person in the same clothes, in other clothes (None where none is known), and of two people.
    """

    slope: float
    intercept: float
    people: int
    pairs: int
    similarity_same: float
    similarity_changed: float | None
    similarity_others: float

    @classmethod
    def fit(cls, crops: Enrolled, random: np.random.Generator) -> Self:
        """Fit on pairs of crops from different cameras; every person weighs the same.

        Raises DataError where no person has two such crops.
        """
        rows = _some(crops.person, random)
        first, second = np.triu_indices(len(rows), 1)
        person, outfit = crops.person[rows], crops.outfit[rows]
        apart = _different(crops.camera, rows, first, second)
        one = person[first] == person[second]
        known = (outfit[first] != UNKNOWN) & (outfit[second] != UNKNOWN)
        unlike = known & (outfit[first] != outfit[second])
        labelled = bool((outfit != UNKNOWN).any())
        same = np.flatnonzero(apart & one & (known & ~unlike if labelled else True))
        changed = np.flatnonzero(apart & one & unlike)
        others = random.permutation(np.flatnonzero(apart & ~one))[:MOST_OTHERS]
        if not len(same) or not len(others):
            raise DataError(
                "No person has two crops in the same clothes from two cameras.",
                "Give each person crops from two cameras, or leave the column 'camera' out.",
            )
        similarity = crops.vectors[rows] @ crops.vectors[rows].T

        def cosines(pairs: Ids) -> Figures:
            found: Figures = similarity[first[pairs], second[pairs]].astype(np.float64)
            return found

        positive, negative = cosines(same), cosines(others)
        values = np.concatenate([positive, negative])
        people = len(np.unique(person))
        weights = people * np.concatenate(
            [weights_of_people(person[first[same]]), weights_of_people(person[first[others]])]
        )
        model = need("sklearn.linear_model", extra="gallery", to="calibrate").LogisticRegression(C=PENALTY)
        scale = float(values.std()) or 1.0
        model.fit(values[:, None] / scale, np.repeat([1, 0], [len(same), len(others)]), sample_weight=weights)
        return cls(
            slope=float(model.coef_[0, 0]) / scale,
            intercept=float(model.intercept_[0]),
            people=people,
            pairs=len(same),
            similarity_same=float(np.median(positive)),
            similarity_changed=float(np.median(cosines(changed))) if len(changed) else None,
            similarity_others=float(np.median(negative)),
        )

    def log10(self, similarity: float) -> float:
        """The logarithm of the ratio for a cosine similarity."""
        return (self.slope * similarity + self.intercept) / float(np.log(10))


def _some(person: Ids, random: np.random.Generator) -> Ids:
    """Rows of some crops of each person, and of 200 people at most: all pairs of them are held."""
    people = random.permutation(np.unique(person))[:200]
    return np.concatenate([random.permutation(np.flatnonzero(person == one))[:CROPS] for one in people])


def _different(camera: Ids | None, rows: Ids, first: Ids, second: Ids) -> NDArray[np.bool_]:
    """Whether pairs are of different cameras; where a camera is not known they are."""
    if camera is None:
        return np.ones(len(first), dtype=np.bool_)
    here = camera[rows]
    apart: NDArray[np.bool_] = (here[first] != here[second]) | (here[first] == UNKNOWN)
    return apart
