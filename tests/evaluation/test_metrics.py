"""CMC, mAP and mINP under ignore rules: against the reference's numbers and a walk down the sorted list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.typing import NDArray

import oracles
from ccreid.bench.people import drawn_people
from ccreid.errors import DataError, SettingError
from ccreid.evaluation.metrics import Scores, score, score_rules, score_similarities
from ccreid.ops.similarity import TILE_ROWS
from ccreid.vocabulary import Columns, Ignore
from conftest import Golden

Vectors = NDArray[np.floating]
EVERY_RULE = [Ignore(value) for value in range(16)]

GOLDEN_RULES = {
    "standard": Ignore.SAME_CAMERA,
    "ltcc_general": Ignore.SAME_CAMERA,
    "ltcc_cc": Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES,
    "prcc_multishot": Ignore.NOTHING,
}

# Unit vectors that float32 holds exactly, with dot products in quarters: similarities tie, and on purpose.
EXACT_UNITS = np.array(
    [
        [1, 0, 0, 0],
        [0, -1, 0, 0],
        [0.5, 0.5, 0.5, 0.5],
        [0.5, -0.5, 0.5, -0.5],
        [-0.5, 0.5, 0.5, 0.5],
        [0.5, 0.5, -0.5, 0.5],
    ],
    dtype=np.float32,
)


def golden_columns(arrays: dict[str, torch.Tensor], i: int, side: str) -> Columns:
    return Columns(*(arrays[f"ev{i}_{side}_{name}"].numpy() for name in ("pid", "cam", "clothes")))


class Problem(NamedTuple):
    queries: Vectors
    galleries: Vectors
    query: oracles.Table
    gallery: oracles.Table


@st.composite
def tables(draw: st.DrawFn, count: int) -> oracles.Table:
    """People, and columns that may be missing as a whole or for some of the images."""
    table: dict[str, oracles.Known | None] = {
        "person": draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    }
    for name in ("camera", "clothes", "tracklet"):
        values = st.lists(st.none() | st.integers(0, 2), min_size=count, max_size=count)
        table[name] = draw(st.none() | values)
    return table


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    queries, galleries = draw(st.integers(1, 4)), draw(st.integers(1, 10))
    rows = st.integers(0, len(EXACT_UNITS) - 1)
    return Problem(
        EXACT_UNITS[draw(st.lists(rows, min_size=queries, max_size=queries))],
        EXACT_UNITS[draw(st.lists(rows, min_size=galleries, max_size=galleries))],
        draw(tables(queries)),
        draw(tables(galleries)),
    )


def assert_scores(scores: Scores, all_ranks: list[list[int]], gallery: int) -> None:
    valid = [ranks for ranks in all_ranks if ranks]
    assert (scores.valid, scores.skipped) == (len(valid), len(all_ranks) - len(valid))
    assert scores.first_rank.tolist() == [min(ranks) if ranks else 0 for ranks in all_ranks]
    precision = [oracles.average_precision(ranks) if ranks else math.nan for ranks in all_ranks]
    penalty = [oracles.inverse_negative_penalty(ranks) if ranks else math.nan for ranks in all_ranks]
    assert scores.average_precision.tolist() == pytest.approx(precision, nan_ok=True)
    assert scores.inverse_negative_penalty.tolist() == pytest.approx(penalty, nan_ok=True)
    assert len(scores.cmc) == gallery
    if valid:
        assert scores.mean_ap == pytest.approx(sum(p for p in precision if p == p) / len(valid))
        assert scores.mean_inp == pytest.approx(sum(p for p in penalty if p == p) / len(valid))
        assert scores.cmc.tolist() == pytest.approx([oracles.cmc_at(all_ranks, k + 1) for k in range(gallery)])


def assert_same(one: Scores, other: Scores) -> None:
    np.testing.assert_array_equal(one.cmc, other.cmc)
    np.testing.assert_array_equal(one.average_precision, other.average_precision)
    np.testing.assert_array_equal(one.inverse_negative_penalty, other.inverse_negative_penalty)
    np.testing.assert_array_equal(one.first_rank, other.first_rank)
    assert (one.valid, one.skipped) == (other.valid, other.skipped)


def assert_same_images(one: Scores, other: Scores) -> None:
    """And the same images of the gallery stand nearest."""
    assert_same(one, other)
    np.testing.assert_array_equal(np.array(one.nearest), np.array(other.nearest))


# ------------------------------------------------------------------------------------------- what is right


@pytest.mark.parametrize("i", range(3))
@pytest.mark.parametrize("protocol", GOLDEN_RULES)
def test_scores_are_the_references(golden: Golden, i: int, protocol: str) -> None:
    arrays = golden("evaluation")
    query, gallery = golden_columns(arrays, i, "q"), golden_columns(arrays, i, "g")
    scores = score(arrays[f"ev{i}_qf"], arrays[f"ev{i}_gf"], query, gallery, GOLDEN_RULES[protocol])
    assert scores.mean_ap == pytest.approx(arrays[f"ev{i}_{protocol}_map"].item(), abs=1e-6)
    np.testing.assert_allclose(scores.cmc[:50], arrays[f"ev{i}_{protocol}_cmc"].numpy(), rtol=0, atol=1e-6)


@given(problems())
def test_scores_are_those_of_the_walk_down_the_sorted_list(problem: Problem) -> None:
    queries, galleries, query, gallery = problem
    similarity = [[float(np.dot(q, g)) for g in galleries] for q in queries]
    for rule, scores in zip(EVERY_RULE, score_rules(queries, galleries, query, gallery, EVERY_RULE), strict=True):
        assert_scores(scores, oracles.ranks_of_all(similarity, query, gallery, rule), len(galleries))


@given(problems())
def test_a_similarity_matrix_scores_as_the_embeddings_it_comes_from(problem: Problem) -> None:
    queries, galleries, query, gallery = problem
    for one, other in zip(
        score_similarities(queries @ galleries.T, query, gallery, EVERY_RULE),
        score_rules(queries, galleries, query, gallery, EVERY_RULE),
        strict=True,
    ):
        assert_same_images(one, other)


@given(problems(), st.sampled_from(EVERY_RULE), st.integers(0, 2**31))
def test_ignored_images_never_change_a_score(problem: Problem, rule: Ignore, seed: int) -> None:
    queries, galleries, query, gallery = problem
    similarity = queries @ galleries.T
    changed = similarity.copy()
    for q in range(len(queries)):
        for g in range(len(galleries)):
            if oracles.is_ignored(rule, query, q, gallery, g):
                changed[q, g] = np.random.default_rng([seed, q, g]).uniform(-2, 2)
    (before,) = score_similarities(similarity, query, gallery, [rule])
    (after,) = score_similarities(changed, query, gallery, [rule])
    assert_same(before, after)


@given(problems(), st.sampled_from(EVERY_RULE), st.randoms(use_true_random=False))
def test_the_order_of_the_gallery_never_changes_a_score_without_ties(
    problem: Problem, rule: Ignore, random: Random
) -> None:
    queries, galleries, query, gallery = problem
    similarity = np.array([random.sample(range(100), len(galleries)) for _ in queries], dtype=np.float32)
    order = random.sample(range(len(galleries)), len(galleries))
    shuffled = {name: column and [column[g] for g in order] for name, column in gallery.items()}
    (before,) = score_similarities(similarity, query, gallery, [rule])
    (after,) = score_similarities(similarity[:, order], query, shuffled, [rule])
    assert_same(before, after)


def test_embeddings_are_normalised() -> None:
    query, gallery = {"person": [0]}, {"person": [1, 0]}
    scores = score(torch.tensor([[1.0, 0.0]]), torch.tensor([[90.0, 90.0], [0.2, 0.1]]), query, gallery)
    assert scores.first_rank.tolist() == [1]


# --------------------------------------------------------------------------------------------- conventions


def one_query(similarity: list[float], people: list[int], **columns: list[int | None]) -> Scores:
    """A query of person 0 in camera 0."""
    gallery = {"person": people, **columns}
    rule = Ignore.SAME_CAMERA if "camera" in columns else Ignore.NOTHING
    return score_similarities([similarity], {"person": [0], "camera": [0]}, gallery, [rule])[0]


def test_ties_are_ordered_by_gallery_index() -> None:
    assert one_query([0.5, 0.5, 0.5], [1, 0, 1]).first_rank.tolist() == [2]
    assert one_query([0.5, 0.5, 0.5], [0, 1, 1]).first_rank.tolist() == [1]


def test_numbers_of_a_hand_made_list() -> None:
    scores = one_query([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 1, 0])
    assert scores.mean_ap == pytest.approx((1 / 2 + 2 / 5) / 2)
    assert scores.mean_inp == pytest.approx(2 / 5)
    assert scores.cmc.tolist() == [0, 1, 1, 1, 1]


def test_a_rank_beyond_the_gallery_gives_the_last_value() -> None:
    scores = one_query([0.9, 0.8], [1, 0])
    assert (scores.at(1), scores.at(2), scores.at(20)) == (0, 1, 1)


def test_a_gallery_of_one() -> None:
    assert one_query([0.1], [0]).cmc.tolist() == [1]


def test_queries_without_a_relevant_image_are_skipped_and_counted() -> None:
    scores = score_similarities(
        [[0.9, 0.8], [0.9, 0.8], [0.9, 0.8]], {"person": [0, 5, 1]}, {"person": [0, 1]}, [Ignore.NOTHING]
    )[0]
    assert (scores.valid, scores.skipped) == (2, 1)
    assert scores.first_rank.tolist() == [1, 0, 2]
    assert scores.mean_ap == pytest.approx(0.75)
    assert np.isnan(scores.average_precision[1])


def test_with_every_query_skipped_nothing_is_a_number() -> None:
    scores = one_query([0.9, 0.8], [0, 1], camera=[0, 0])
    assert (scores.valid, scores.skipped) == (0, 1)
    assert all(math.isnan(value) for value in (scores.mean_ap, scores.mean_inp, scores.at(1)))


def test_what_is_not_annotated_is_never_ignored() -> None:
    assert one_query([0.9, 0.8], [0, 1], camera=[None, 0]).first_rank.tolist() == [1]
    everything = EVERY_RULE[-1]
    scores = score_similarities([[0.9, 0.8]], {"person": [0]}, {"person": [0, 1], "camera": [0, 0]}, [everything])
    assert scores[0].first_rank.tolist() == [1]


def test_distractors_count_as_wrong_even_from_the_same_camera() -> None:
    assert one_query([0.9, 0.8], [7, 0], camera=[0, 1]).first_rank.tolist() == [2]


def test_similarities_may_come_row_by_row() -> None:
    query, gallery = {"person": [0, 1]}, {"person": [0, 1]}
    matrix = torch.tensor([[0.9, 0.1], [0.8, 0.2]])
    (at_once,) = score_similarities(matrix, query, gallery, [Ignore.NOTHING])
    (in_rows,) = score_similarities((row for row in matrix.numpy()), query, gallery, [Ignore.NOTHING])
    assert at_once.first_rank.tolist() == [1, 2]
    assert_same(at_once, in_rows)


def test_more_queries_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    (queries, query), (galleries, gallery) = drawn_people(150, 9, 16, seed=0), drawn_people(200, 10, 16, seed=1)
    at_once = score_rules(queries, galleries, query, gallery, EVERY_RULE)
    monkeypatch.setattr("ccreid.ops.similarity.BLOCK_BYTES", 1)
    monkeypatch.setattr("ccreid.ops.similarity.LEAST_ROWS", TILE_ROWS)
    for whole, in_blocks in zip(at_once, score_rules(queries, galleries, query, gallery, EVERY_RULE), strict=True):
        assert_same_images(whole, in_blocks)


@pytest.mark.parametrize("limit", ["QUERIES_AT_ONCE", "SIMILARITIES_AT_ONCE"])
def test_more_known_similarities_than_are_scored_at_once(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    (queries, query), (galleries, gallery) = drawn_people(30, 9, 16, seed=0), drawn_people(50, 10, 16, seed=1)
    similarity = queries @ galleries.T
    at_once = score_similarities(similarity, query, gallery, EVERY_RULE)
    monkeypatch.setattr(f"ccreid.evaluation.metrics.{limit}", 7 if limit == "QUERIES_AT_ONCE" else 7 * 50)
    for whole, in_lots in zip(at_once, score_similarities(similarity, query, gallery, EVERY_RULE), strict=True):
        assert_same_images(whole, in_lots)


def test_the_rows_of_similarities_may_lie_where_the_last_one_lay() -> None:
    (queries, query), (galleries, gallery) = drawn_people(30, 9, 16, seed=0), drawn_people(50, 10, 16, seed=1)
    similarity = (queries @ galleries.T).numpy()
    held = np.empty(50, dtype=np.float32)

    def rows() -> Iterator[NDArray[np.float32]]:
        for row in similarity:
            held[:] = row
            yield held

    for one, other in zip(
        score_similarities(similarity, query, gallery, EVERY_RULE),
        score_similarities(rows(), query, gallery, EVERY_RULE),
        strict=True,
    ):
        assert_same_images(one, other)


def test_whole_numbers_are_similarities_too() -> None:
    assert one_query([1, 3, 2], [1, 0, 1]).first_rank.tolist() == [1]
    assert one_query([3, 1, 2], [1, 0, 1]).first_rank.tolist() == [3]


# -------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("queries", "galleries", "query", "gallery", "named"),
    [
        (
            np.eye(2),
            np.eye(2),
            [0],
            [0, 1],
            r"query embeddings have the shape \(2, 2\) and its columns 1 rows",
        ),
        (
            np.eye(2),
            np.eye(2),
            [0, 1],
            [0],
            r"gallery embeddings have the shape \(2, 2\) and its columns 1 rows",
        ),
        (np.ones(2), np.eye(2), [0, 1], [0, 1], r"query embeddings have the shape \(2,\)"),
        (np.ones((0, 2)), np.eye(2), [], [0, 1], "query set is empty"),
        (np.eye(2), np.ones((0, 2)), [0, 1], [], "gallery set is empty"),
        (np.eye(2), np.eye(3), [0, 1], [0, 1, 2], "2 dimensions and gallery embeddings 3"),
        (np.array([[1, 0], [np.nan, 1]]), np.eye(2), [0, 1], [0, 1], "1 query embeddings .* first in row 1"),
        (
            np.eye(2),
            np.array([[np.inf, 0], [0, 1]]),
            [0, 1],
            [0, 1],
            "1 gallery embeddings .* first in row 0",
        ),
    ],
)
def test_wrong_embeddings_are_named(
    queries: Vectors, galleries: Vectors, query: list[int], gallery: list[int], named: str
) -> None:
    with pytest.raises(DataError, match=named):
        score(queries, galleries, {"person": query}, {"person": gallery})


@pytest.mark.parametrize(
    ("similarities", "query", "gallery", "named"),
    [
        ([[0.1, 0.2]], [0, 1], [0, 1], "1 rows of similarities were given for 2 queries"),
        ([], [0], [0, 1], "0 rows of similarities were given for 1 queries"),
        ([[0.1, 0.2], [0.1, 0.2]], [0], [0, 1], "Row 1 of the similarities .* 1 rows of 2 are expected"),
        ([[0.1, 0.2, 0.3]], [0], [0, 1], r"Row 0 of the similarities has the shape \(3,\)"),
        ([[0.1, math.nan]], [0], [0, 1], "Row 0 of the similarities holds NaN"),
        ([], [], [0, 1], "query set is empty"),
        ([[]], [0], [], "gallery set is empty"),
    ],
)
def test_wrong_similarities_are_named(
    similarities: list[list[float]], query: list[int], gallery: list[int], named: str
) -> None:
    with pytest.raises(DataError, match=named):
        score_similarities(similarities, {"person": query}, {"person": gallery}, [Ignore.NOTHING])


def test_a_rank_below_1_is_named() -> None:
    with pytest.raises(SettingError, match="rank = 0"):
        one_query([0.9], [0]).at(0)
