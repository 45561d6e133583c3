"""How probable it is that two groups of crops are one person."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.machine.extras import need
from ccreid.records import Record
from ccreid.retrieval.grouping.grouping import SURE, Groups, Joining, Known, Pairs, group_crops, pairs_to_merge
from ccreid.vocabulary import UNKNOWN, Ids

FEWEST_PEOPLE = 20
"""Confirmed people from whom the probabilities are learnt, at least."""
PURE = 0.9
"""Share of a group's crops that one person must have, so that the group says whether a pair is right."""


class MergeOdds(Record):
    """A logistic regression on what a pair of groups looks like.

    Attributes
    ----------
    made_with:
        What the embeddings depend on; it holds for no others.
    people, pairs:
        From how many confirmed people and how many pairs of groups it was learnt.
    coefficients, intercept:
        Of the features of :func:`_features`, in their order.
    """

    mend: ClassVar[str] = "Learn it anew: ccreid group ... --learn crops-with-people.parquet"

    format: Literal["ccreid-merge-odds-1"] = "ccreid-merge-odds-1"
    made_with: dict[str, str]
    people: int
    pairs: int
    coefficients: list[float]
    intercept: float

    def probability(self, groups: Groups, pairs: Pairs) -> NDArray[np.float64]:
        """(P,) that the two groups are one person, if people come together as often as where it was learnt."""
        odds = _features(groups, pairs) @ np.array(self.coefficients) + self.intercept
        probability: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return probability


def learn_odds(
    vectors: NDArray[np.float32], person: Ids, known: Known, made_with: dict[str, str], joining: Joining = SURE
) -> MergeOdds:
    """Group crops whose people are known as if they were not, and see which pairs of groups are one person.

    Parameters
    ----------
    vectors:
        (N, D) of unit length.
    person:
        (N,) int64, who is seen; `UNKNOWN` where nobody has said.
    known:
        What else is known of the crops; who they are is not used.
    made_with:
        What the embeddings depend on.
    joining:
        How near crops must be to be joined.

    Raises
    ------
    DataError
        There are too few people, or no pair that is one person, or none that is not.
    SettingError
        scikit-learn is not installed.
    """
    people = len(np.unique(person[person != UNKNOWN]))
    if people < FEWEST_PEOPLE:
        raise DataError(
            f"{people} people are confirmed, and probabilities are learnt from {FEWEST_PEOPLE} or more.",
            f"Confirm {FEWEST_PEOPLE - people} more, or do without: pairs are then ranked by their similarity.",
        )
    linear = need("sklearn.linear_model", extra="gallery", to="learn probabilities")
    nameless = replace(known, person=np.full(len(person), UNKNOWN))
    groups = group_crops(vectors, nameless, joining)
    pairs = pairs_to_merge(groups, nameless)
    owner = _owners(groups, person)
    told = (owner[pairs.first] != UNKNOWN) & (owner[pairs.second] != UNKNOWN)
    pairs = Pairs(*(column[told] for column in pairs))
    right = owner[pairs.first] == owner[pairs.second]
    if right.all() or not right.any():
        raise DataError(
            f"Of {len(right)} pairs of groups {int(right.sum())} are one person: nothing can be learnt from that.",
            "Give crops of more people, and several of each.",
        )
    fitted = linear.LogisticRegression(C=np.inf, max_iter=1000).fit(_features(groups, pairs), right)
    return MergeOdds(
        made_with=made_with,
        people=people,
        pairs=len(right),
        coefficients=[float(value) for value in fitted.coef_[0]],
        intercept=float(fitted.intercept_[0]),
    )


def _features(groups: Groups, pairs: Pairs) -> NDArray[np.float64]:
    """(P, 3): mean similarity of the crops, cosine of the means, log of the smaller group's crops."""
    lengths = np.linalg.norm(groups.means, axis=1)
    cosine = pairs.similarity / (lengths[pairs.first] * lengths[pairs.second])
    fewer = np.minimum(groups.sizes[pairs.first], groups.sizes[pairs.second])
    return np.stack([pairs.similarity, cosine, np.log(fewer)], axis=1).astype(np.float64)


def _owners(groups: Groups, person: Ids) -> Ids:
    """(G,) the person of nearly all crops of a group, `UNKNOWN` without one."""
    owner = np.full(len(groups.means), UNKNOWN)
    pairs, counts = np.unique(np.stack([groups.group, person]), axis=1, return_counts=True)
    pure = (pairs[1] != UNKNOWN) & (counts >= PURE * groups.sizes[pairs[0]])
    owner[pairs[0][pure]] = pairs[1][pure]
    return owner
