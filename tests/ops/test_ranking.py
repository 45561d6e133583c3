"""Ranks without a sort: against sorting the gallery and walking down the list."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import oracles
from ccreid.ops import ranking
from ccreid.ops.ranking import NOBODY, Ids, Standings, kept_ranks, standings, standings_over

Gallery = list[tuple[int, str]]
OWN, IGNORED, STRANGER = "own", "ignored", "stranger"
galleries = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([OWN, IGNORED, STRANGER])), min_size=1, max_size=25)


def of_one(own: Ids, similarity: np.ndarray) -> Standings:
    """One query with the images that are chosen."""
    return standings(similarity[None], np.zeros(len(own), dtype=np.int64), np.asarray(own, dtype=np.int64))


def places_of(own: Ids, similarity: np.ndarray) -> Ids:
    """In the order of `own`."""
    found = of_one(own, similarity)
    return found.place[np.argsort(found.image)]


def assert_standings(found: Standings, similarity: np.ndarray, query: Ids, image: Ids) -> None:
    expected = oracles.standings(similarity.tolist(), query.tolist(), image.tolist())
    assert tuple(column.tolist() for column in found) == expected


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


numbers = {np.float32: st.floats(width=32, allow_nan=False), np.float64: st.floats(allow_nan=False)}
few = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 1.0, np.inf])


@st.composite
def blocks(draw: st.DrawFn) -> tuple[np.ndarray, Ids, Ids]:
    """Similarities of some queries, with ties or without, and which images are chosen: none, some or all."""
    count, gallery = draw(st.integers(1, 7)), draw(st.integers(1, 12))
    dtype = draw(st.sampled_from(list(numbers)))
    values = st.lists(draw(st.sampled_from([few, numbers[dtype]])), min_size=gallery, max_size=gallery)
    similarity = np.array([draw(values) for _ in range(count)], dtype=dtype)
    columns = st.lists(st.integers(0, gallery - 1), unique=True) | st.just(list(range(gallery)))
    chosen = [sorted(draw(columns)) for _ in range(count)]
    query = np.repeat(np.arange(count), [len(own) for own in chosen])
    return similarity, query, np.array([g for own in chosen for g in own], dtype=np.int64)


@given(blocks(), st.sampled_from([1, 3, 16, ranking.PIECE]), st.sampled_from([1, 2, 5]))
def test_standings_are_those_of_the_sorted_lists(block: tuple[np.ndarray, Ids, Ids], piece: int, threads: int) -> None:
    similarity, query, image = block
    parts = [similarity[:, left : left + 5].copy() for left in range(0, similarity.shape[1], 5)]
    with pytest.MonkeyPatch.context() as patch:  # any cut of the queries and of the gallery
        patch.setattr(ranking, "PIECE", piece)
        patch.setattr("torch.get_num_threads", lambda: threads)
        at_once = standings(similarity, query, image)
        over_parts = standings_over(parts, similarity[query, image], query, image, len(similarity), 5)
    for found in (at_once, over_parts):
        assert_standings(found, similarity, query, image)


def test_similarities_are_only_read() -> None:
    similarity = np.array([[0.3, 0.1, 0.2], [0.1, 0.2, 0.3]], dtype=np.float32)
    similarity.flags.writeable = False
    assert standings(similarity, np.array([0, 1]), np.array([2, 1])).place.tolist() == [1, 1]


@pytest.mark.parametrize("values", [[np.inf], [np.inf, np.inf, 0.0], [-np.inf, 0.0, np.inf], [-np.inf, -np.inf]])
def test_places_among_infinite_similarities(values: list[float]) -> None:
    similarity = np.array(values, dtype=np.float32)
    order = sorted(range(len(values)), key=lambda g: (-similarity[g], g))
    assert places_of(np.arange(len(values)), similarity).tolist() == [order.index(g) for g in range(len(values))]


def test_the_nearest_other_may_be_infinitely_far_and_is_nobody_where_all_are_chosen() -> None:
    similarity = np.array([0.5, -np.inf, -np.inf], dtype=np.float32)
    assert of_one(np.array([0, 1]), similarity).nearest_other.tolist() == [2]
    assert of_one(np.array([0, 1, 2]), similarity).nearest_other.tolist() == [NOBODY]
    assert of_one(np.array([], dtype=np.int64), similarity).nearest_other.tolist() == [0]


@pytest.mark.parametrize("decimals", [2, 7])  # with many ties, with few
@pytest.mark.parametrize("piece", [2000, ranking.PIECE])
def test_places_in_a_large_gallery(monkeypatch: pytest.MonkeyPatch, piece: int, decimals: int) -> None:
    monkeypatch.setattr(ranking, "PIECE", piece)
    gallery = 5000
    draws = np.random.default_rng(0)
    similarity = draws.normal(size=(3, gallery)).astype(np.float32).round(decimals)
    query = np.repeat(np.arange(3), 40)
    image = np.concatenate([np.sort(draws.choice(gallery, size=40, replace=False)) for _ in range(3)])
    assert_standings(standings(similarity, query, image), similarity, query, image)
