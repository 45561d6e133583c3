"""Groups of crops: what is joined, and what is never."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ccreid.errors import DataError, SettingError
from ccreid.retrieval.grouping.grouping import Groups, Joining, Known, group_crops, pairs_to_merge
from ccreid.vocabulary import UNKNOWN, Ids


def crops_of(people: int, each: int, spread: float = 0.3, seed: int = 0) -> tuple[NDArray[np.float32], Ids]:
    """Unit vectors around one direction a person, and who is who."""
    random = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    vectors = random.normal(size=(people, 32))[person] / np.sqrt(32) + spread * random.normal(size=(len(person), 32))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def known_of(count: int, **columns: object) -> Known:
    nothing = Known.nothing(count)
    given_ = {name: np.asarray(value, dtype=np.int64) for name, value in columns.items()}
    return Known(**{name: given_.get(name, getattr(nothing, name)) for name in ("person", "frame", "group", "apart")})


def partition(groups: Groups) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups.group == one).tolist()) for one in np.unique(groups.group)}


def test_far_people_are_told_apart_and_found_whole() -> None:
    vectors, person = crops_of(12, 8, spread=0.02)
    groups = group_crops(vectors, Known.nothing(len(vectors)), Joining(eps=0.5))
    assert np.array_equal(groups.group, person)
    assert not groups.loose.any()
    assert groups.sizes.tolist() == 12 * [8]


def test_groups_do_not_depend_on_the_order_of_the_crops() -> None:
    vectors, _ = crops_of(10, 9, spread=0.1, seed=3)
    order = np.random.default_rng(0).permutation(len(vectors))
    plain = partition(group_crops(vectors, Known.nothing(len(vectors))))
    mixed = partition(group_crops(vectors[order], Known.nothing(len(vectors))))
    assert plain == {frozenset(int(order[row]) for row in rows) for rows in mixed}


def test_a_mean_times_a_mean_is_the_mean_similarity() -> None:
    vectors, _ = crops_of(6, 7, spread=0.05)
    groups = group_crops(vectors, Known.nothing(len(vectors)), Joining(eps=0.5))
    pairs = pairs_to_merge(groups, Known.nothing(len(vectors)))
    for first, second, similarity in list(zip(*pairs, strict=True))[:5]:
        between = vectors[groups.group == first] @ vectors[groups.group == second].T
        assert similarity == pytest.approx(between.mean(), abs=1e-6)
    assert (np.diff(pairs.similarity) <= 0).all()
    assert len(pairs.first) == len(set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)))


def test_straying_crops_make_a_group_loose() -> None:
    vectors, person = crops_of(3, 10, spread=0.02)
    worn = person.copy()
    worn[:4] = 1  # four of person 0 are in the group of person 1, where somebody put them
    groups = group_crops(
        vectors, known_of(len(vectors), group=worn), Joining(dense=100)
    )  # nobody has so many near: none joins
    mixed = int(groups.group[0])
    assert groups.loose[mixed]
    assert groups.straying[mixed] == pytest.approx(4 / 14)


columns = st.integers(2, 24).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(st.sampled_from([UNKNOWN, UNKNOWN, 0, 1, 2]), min_size=count, max_size=count),
        st.lists(st.sampled_from([UNKNOWN, UNKNOWN, 0, 1, 2, 3]), min_size=count, max_size=count),
        st.lists(st.sampled_from([UNKNOWN, UNKNOWN, 0, 1]), min_size=count, max_size=count),
        st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=4),
    )
)


@settings(deadline=None)
@given(columns, st.integers(0, 3))
def test_what_is_known_to_be_apart_stays_apart(
    drawn: tuple[int, list[int], list[int], list[int], list[tuple[int, int]]], seed: int
) -> None:
    count, person, frame, group, apart = drawn
    said = [
        pair
        for pair in apart
        if pair[0] != pair[1] and (person[pair[0]] == UNKNOWN or person[pair[0]] != person[pair[1]])
    ]
    vectors, _ = crops_of(1, count, spread=0.05, seed=seed)  # all alike: whatever is not forbidden is joined
    known = known_of(count, person=person, frame=frame, group=group, apart=np.array(said).reshape(-1, 2))
    groups = group_crops(vectors, known, Joining(eps=1, dense=1))
    for one, other in combinations(range(count), 2):
        together = groups.group[one] == groups.group[other]
        confirmed = person[one] != UNKNOWN and person[one] == person[other]
        if confirmed:
            assert together
        elif person[one] != UNKNOWN and person[other] != UNKNOWN:
            assert not together
        if (one, other) in said or (other, one) in said:
            assert not together
        if frame[one] != UNKNOWN and frame[one] == frame[other] and UNKNOWN in (person[one], person[other]):
            assert not together
    pairs = pairs_to_merge(groups, known)
    for first, second in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True):
        sides = (np.flatnonzero(groups.group == side).tolist() for side in (first, second))
        for one, other in product(*sides):
            assert UNKNOWN in (person[one], person[other])
            assert frame[one] == UNKNOWN or frame[one] != frame[other]
            assert (one, other) not in said
            assert (other, one) not in said


def test_nothing_known_joins_all_that_are_alike() -> None:
    vectors, _ = crops_of(1, 20, spread=0.05)
    assert set(group_crops(vectors, Known.nothing(20), Joining(eps=1, dense=1)).group) == {0}


def test_a_group_that_was_there_stays_together_and_grows() -> None:
    vectors, person = crops_of(4, 10, spread=0.02)
    before = np.where(np.arange(len(person)) % 10 < 5, person, UNKNOWN)  # half of each were grouped
    before[5:10] = 7  # the other half of person 0 was a group of its own
    groups = group_crops(vectors, known_of(len(person), group=before), Joining(eps=0.5))
    for old in (1, 2, 3):
        assert len(set(groups.group[before == old])) == 1
    assert np.array_equal(np.unique(groups.group[10:20]), np.unique(groups.group[person == 1]))
    apart = group_crops(vectors, known_of(len(person), group=before), Joining(eps=1e-6))
    assert len(set(apart.group[before == 7])) == 1


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_crops(count: int) -> None:
    vectors, _ = crops_of(1, count)
    groups = group_crops(vectors, Known.nothing(count))
    assert len(groups.group) == count
    assert len(pairs_to_merge(groups, Known.nothing(count)).first) <= count


def test_bad_input_is_told() -> None:
    vectors, _ = crops_of(2, 3)
    with pytest.raises(DataError, match="empty"):
        group_crops(vectors[:0], Known.nothing(0))
    with pytest.raises(SettingError, match="eps"):
        group_crops(vectors, Known.nothing(6), Joining(eps=-1))
