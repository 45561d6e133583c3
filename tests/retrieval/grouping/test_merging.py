"""The probability that two groups are one person."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ccreid.errors import DataError
from ccreid.retrieval.grouping.grouping import Joining, Known, group_crops, pairs_to_merge
from ccreid.retrieval.grouping.merging import FEWEST_PEOPLE, MergeOdds, learn_odds
from ccreid.vocabulary import UNKNOWN, Ids

JOINING = Joining(eps=0.5, dense=2)


def dressed(people: int, seed: int) -> tuple[NDArray[np.float32], Ids]:
    """Six crops in each of three outfits of each person, whose outfits lie near each other."""
    random = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), 18)
    outfit = np.repeat(np.arange(3 * people), 6)
    body, clothes = random.normal(size=(people, 24)), random.normal(size=(3 * people, 24))
    vectors = body[person] + 0.6 * clothes[outfit] + 0.05 * random.normal(size=(len(person), 24))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def test_probabilities_hold_of_people_who_were_not_learnt_from() -> None:
    vectors, person = dressed(60, seed=0)
    odds = learn_odds(vectors, person, Known.nothing(len(person)), {"weights": "w"}, JOINING)
    assert odds.people == 60
    others, of_others = dressed(60, seed=1)
    groups = group_crops(others, Known.nothing(len(others)), JOINING)
    pairs = pairs_to_merge(groups, Known.nothing(len(others)))
    owner = np.array([of_others[groups.group == one][0] for one in range(len(groups.means))])
    right = owner[pairs.first] == owner[pairs.second]
    probability = odds.probability(groups, pairs)
    assert 0.05 < right.mean() < 0.95
    assert probability.mean() == pytest.approx(right.mean(), abs=0.05)
    for low, high in ((0, 0.2), (0.8, 1)):
        inside = (probability >= low) & (probability <= high)
        assert inside.sum() > 20
        assert low - 0.05 <= right[inside].mean() <= high + 0.05


def test_who_the_people_are_does_not_help_to_group_them() -> None:
    vectors, person = dressed(30, seed=0)
    named = Known(person, *(np.full(len(person), UNKNOWN) for _ in range(2)))
    odds = [learn_odds(vectors, person, known, {}, JOINING) for known in (named, Known.nothing(len(person)))]
    assert odds[0] == odds[1]


def test_odds_are_read_as_they_were_written(tmp_path: Path) -> None:
    odds = MergeOdds(made_with={"weights": "w"}, people=30, pairs=9, coefficients=[1.0, 2.0, 3.0], intercept=-4.0)
    odds.write(tmp_path / "odds.json")
    assert MergeOdds.read(tmp_path / "odds.json") == odds


def test_too_few_people_are_told_with_how_many_are_needed() -> None:
    vectors, person = dressed(FEWEST_PEOPLE - 3, seed=0)
    with pytest.raises(DataError, match="17 people are confirmed") as caught:
        learn_odds(vectors, person, Known.nothing(len(person)), {}, JOINING)
    assert "Confirm 3 more" in caught.value.mend


def test_groups_that_are_all_of_different_people_teach_nothing() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(25, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with pytest.raises(DataError, match="0 are one person"):
        learn_odds(vectors, np.arange(25), Known.nothing(25), {}, JOINING)
