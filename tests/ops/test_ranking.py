"""Ranks without a sort: against sorting the gallery and walking down the list."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import oracles
from ccreid.ops.ranking import kept_ranks, places_of

Gallery = list[tuple[int, str]]
OWN, IGNORED, STRANGER = "own", "ignored", "stranger"
galleries = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([OWN, IGNORED, STRANGER])), min_size=1, max_size=25)


def ranks(similarity: np.ndarray, kinds: list[str]) -> list[int]:
    own = np.flatnonzero([kind != STRANGER for kind in kinds])
    places = places_of(own, similarity)
    by_place = np.argsort(places)
    ignored = np.array([kinds[g] == IGNORED for g in own[by_place]], dtype=np.bool_)
    _, found = kept_ranks(np.zeros_like(own), places[by_place], ignored)
    return [int(rank) for rank in found]


@given(galleries)
def test_ranks_are_those_of_the_sorted_list(gallery: Gallery) -> None:
    similarity = np.array([value / 3 for value, _ in gallery], dtype=np.float32)
    kinds = [kind for _, kind in gallery]
    expected = oracles.relevant_ranks(
        similarity.tolist(), [kind == OWN for kind in kinds], [kind == IGNORED for kind in kinds]
    )
    assert ranks(similarity, kinds) == expected


@given(galleries)
def test_a_place_is_the_number_of_images_before(gallery: Gallery) -> None:
    similarity = np.array([value / 3 for value, _ in gallery], dtype=np.float32)
    order = sorted(range(len(gallery)), key=lambda g: (-similarity[g], g))
    own = np.flatnonzero([kind != STRANGER for _, kind in gallery])
    assert places_of(own, similarity).tolist() == [order.index(g) for g in own.tolist()]


@given(st.lists(galleries, max_size=4))
def test_many_queries_at_once_are_ranked_as_each_alone(lists: list[Gallery]) -> None:
    queries, places, ignored, expected = [], [], [], []
    for query, gallery in enumerate(lists):
        similarity = np.array([value / 3 for value, _ in gallery], dtype=np.float32)
        kinds = [kind for _, kind in gallery]
        expected += [(query, rank) for rank in ranks(similarity, kinds)]
        own = np.flatnonzero([kind != STRANGER for kind in kinds])
        for place, g in sorted(zip(places_of(own, similarity).tolist(), own, strict=True)):
            queries.append(query)
            places.append(place)
            ignored.append(kinds[g] == IGNORED)
    found = kept_ranks(np.array(queries, dtype=int), np.array(places, dtype=int), np.array(ignored, dtype=bool))
    assert list(zip(*(part.tolist() for part in found), strict=True)) == expected


def test_equal_similarities_are_ordered_by_gallery_index() -> None:
    similarity = np.full(4, 0.5, dtype=np.float32)
    assert ranks(similarity, [STRANGER, OWN, STRANGER, OWN]) == [2, 4]


def test_an_ignored_image_takes_no_place() -> None:
    similarity = np.array([0.9, 0.8, 0.7], dtype=np.float32)
    assert ranks(similarity, [IGNORED, STRANGER, OWN]) == [2]


def test_without_a_relevant_image_there_is_no_rank() -> None:
    similarity = np.array([0.9, 0.8], dtype=np.float32)
    assert ranks(similarity, [STRANGER, STRANGER]) == []
    assert ranks(similarity, [IGNORED, STRANGER]) == []


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=40), st.data())
def test_places_hold_for_any_similarities(values: list[float], data: st.DataObject) -> None:
    own = data.draw(st.lists(st.integers(0, len(values) - 1), unique=True).map(sorted))
    order = sorted(range(len(values)), key=lambda g: (-values[g], g))
    places = places_of(np.array(own, dtype=np.int64), np.array(values, dtype=np.float32))
    assert places.tolist() == [order.index(g) for g in own]


@pytest.mark.parametrize("values", [[np.inf], [np.inf, np.inf, 0.0], [-np.inf, 0.0, np.inf], [-np.inf, -np.inf]])
def test_places_among_infinite_similarities(values: list[float]) -> None:
    similarity = np.array(values, dtype=np.float32)
    order = sorted(range(len(values)), key=lambda g: (-values[g], g))
    assert places_of(np.arange(len(values)), similarity).tolist() == [order.index(g) for g in range(len(values))]


def test_places_in_a_large_gallery() -> None:
    draws = np.random.default_rng(0)
    similarity = draws.normal(size=5000).astype(np.float32).round(2)  # with many ties
    own = np.sort(draws.choice(5000, size=40, replace=False))
    order = np.lexsort((np.arange(5000), -similarity)).tolist()
    assert places_of(own, similarity).tolist() == [order.index(g) for g in own]
