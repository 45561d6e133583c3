"""Ranks without a sort: against sorting the gallery and walking down the list."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

import oracles
from ccreid.ops.ranking import nearer_others, ranks_of_relevant

OWN, IGNORED, STRANGER = "own", "ignored", "stranger"
galleries = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([OWN, IGNORED, STRANGER])), min_size=1, max_size=25)


def ranks(similarity: np.ndarray, kinds: list[str]) -> list[int]:
    own = np.flatnonzero([kind != STRANGER for kind in kinds])
    ignored = np.array([kinds[g] == IGNORED for g in own], dtype=np.bool_)
    return ranks_of_relevant(similarity, own, nearer_others(similarity, own), ignored).tolist()


@given(galleries)
def test_ranks_are_those_of_the_sorted_list(gallery):
    similarity = np.array([value / 3 for value, _ in gallery], dtype=np.float32)
    kinds = [kind for _, kind in gallery]
    expected = oracles.relevant_ranks(
        similarity.tolist(), [kind == OWN for kind in kinds], [kind == IGNORED for kind in kinds]
    )
    assert ranks(similarity, kinds) == expected


@given(galleries)
def test_nearer_others_counts_the_strangers_before_each_own_image(gallery):
    similarity = np.array([value / 3 for value, _ in gallery], dtype=np.float32)
    order = sorted(range(len(gallery)), key=lambda g: (-similarity[g], g))
    strangers_before = {g: sum(gallery[h][1] == STRANGER for h in order[: order.index(g)]) for g in order}
    own = np.flatnonzero([kind != STRANGER for _, kind in gallery])
    assert nearer_others(similarity, own).tolist() == [strangers_before[g] for g in own]


def test_equal_similarities_are_ordered_by_gallery_index():
    similarity = np.full(4, 0.5, dtype=np.float32)
    assert ranks(similarity, [STRANGER, OWN, STRANGER, OWN]) == [2, 4]


def test_an_ignored_image_takes_no_place():
    similarity = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    assert ranks(similarity, [IGNORED, STRANGER, OWN]) == [2]


def test_without_a_relevant_image_there_is_no_rank():
    similarity = np.array([0.9, 0.8], dtype=np.float32)
    assert ranks(similarity, [STRANGER, STRANGER]) == []
    assert ranks(similarity, [IGNORED, STRANGER]) == []
