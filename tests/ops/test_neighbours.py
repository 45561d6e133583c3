"""Jaccard distance between neighbourhoods: against the reference's outputs and against loops over sets."""

from __future__ import annotations

from itertools import product
from typing import Any

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.nn.functional import normalize

import oracles
from ccreid.errors import DataError, SettingError
from ccreid.ops.neighbours import (
    SmallIdentities,
    averaged_over_nearest,
    jaccard_distance,
    neighbour_lists,
    reciprocal_counts,
)
from conftest import Golden

# Vectors off a small grid: many are parallel, so that distances tie.
grid_vectors = st.integers(1, 45).flatmap(
    lambda count: st.lists(st.tuples(*[st.integers(-2, 2)] * 3), min_size=count, max_size=count).map(
        lambda rows: torch.tensor(rows, dtype=torch.float64)
    )
)
free_vectors = st.builds(
    lambda count, seed: torch.randn(count, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)),
    st.integers(1, 45),
    st.integers(0, 2**31),
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("i", range(9))
def test_reference_mode_gives_the_references_distance(golden: Golden, i: int) -> None:
    arrays = golden("clustering")
    distance = jaccard_distance(arrays[f"cl{i}_feat"], 20, 6, "reference")
    torch.testing.assert_close(distance, arrays[f"cl{i}_jaccard"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("i", [5, 6, 7, 8])
def test_the_default_gives_the_references_distance_for_identities_of_k1_images(golden: Golden, i: int) -> None:
    arrays = golden("clustering")
    distance = jaccard_distance(arrays[f"cl{i}_feat"])
    torch.testing.assert_close(distance, arrays[f"cl{i}_jaccard"], rtol=0, atol=1e-6)


@given(
    embeddings=grid_vectors | free_vectors,
    k1=st.integers(1, 24),
    k2=st.integers(1, 9),
    mode=st.sampled_from(["clip", "reference"]),
)
def test_distance_is_that_of_loops_over_sets(embeddings: Tensor, k1: int, k2: int, mode: SmallIdentities) -> None:
    units = normalize(embeddings, dim=1)
    squared = 2 - 2 * units @ units.T
    expected = oracles.jaccard_distance(squared.tolist(), k1, k2, mode)
    distance = jaccard_distance(embeddings, k1, k2, mode)
    torch.testing.assert_close(distance, torch.from_numpy(expected), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["clip", "reference"])
@pytest.mark.parametrize(("count", "k1", "k2"), [(1, 20, 6), (2, 20, 6), (14, 20, 6), (14, 7, 9), (20, 20, 6)])
def test_float32_agrees_with_the_loops_around_k1(count: int, k1: int, k2: int, mode: SmallIdentities) -> None:
    units = normalize(drawn(count, 8), dim=1)
    squared = 2 - 2 * units @ units.T
    expected = torch.from_numpy(oracles.jaccard_distance(squared.tolist(), k1, k2, mode)).float()
    torch.testing.assert_close(jaccard_distance(units, k1, k2, mode), expected, rtol=0, atol=1e-6)


@given(embeddings=free_vectors, k1=st.integers(1, 24), k2=st.integers(1, 9))
def test_clipped_distance_is_symmetric_within_0_and_1_with_a_zero_diagonal(
    embeddings: Tensor, k1: int, k2: int
) -> None:
    distance = jaccard_distance(embeddings, k1, k2)
    assert torch.equal(distance, distance.T)
    assert 0 <= distance.min() <= distance.max() <= 1 + 1e-12
    torch.testing.assert_close(distance.diagonal(), torch.zeros(len(distance), dtype=torch.float64))


@given(embeddings=free_vectors, k1=st.integers(1, 24), k2=st.integers(1, 9))
def test_modes_differ_only_where_images_are_fewer_than_k1(embeddings: Tensor, k1: int, k2: int) -> None:
    count = len(embeddings)
    clipped = jaccard_distance(embeddings, min(k1, count), min(k2, count), "reference")
    assert torch.equal(jaccard_distance(embeddings, k1, k2, "clip"), clipped)


def test_reference_mode_leaves_a_small_identity_apart_from_itself() -> None:
    assert jaccard_distance(drawn(1, 8), small_identities="reference").item() > 0.5
    assert jaccard_distance(drawn(1, 8), small_identities="clip").item() == 0


def test_two_outfits_that_share_no_neighbour_are_at_distance_1() -> None:
    apart = torch.cat([torch.tensor([[9.0, 0.0]]).expand(25, 2), torch.tensor([[0.0, 9.0]]).expand(25, 2)])
    distance = jaccard_distance(apart + 0.1 * drawn(50, 2))
    torch.testing.assert_close(distance[:25, 25:], torch.ones(25, 25), rtol=0, atol=1e-6)
    assert distance[:25, :25].max() < 0.99


def test_embeddings_are_normalised_and_their_dtype_kept() -> None:
    embeddings = drawn(30, 8).double()
    lengths = 2.0 ** torch.arange(30).fmod(5)[:, None]
    distance = jaccard_distance(embeddings)
    assert distance.dtype == torch.float64
    torch.testing.assert_close(jaccard_distance(embeddings * lengths), distance)


def test_an_image_heads_its_own_list_and_ties_follow_the_index() -> None:
    lists = neighbour_lists(torch.zeros(3, 3), 3)
    assert lists[:3].tolist() == [[0, 1, 2], [1, 0, 2], [2, 0, 1]]


def test_places_beyond_the_identity_are_the_phantoms_whose_list_is_the_last_images() -> None:
    lists = neighbour_lists(torch.zeros(2, 2), 4)
    assert lists.tolist() == [[0, 1, 2, 2], [1, 0, 2, 2], [1, 0, 2, 2]]


def test_reciprocity_counts_the_place_after_the_kth() -> None:
    places = torch.tensor([[0, 1, 2], [1, 0, 2], [2, 1, 0], [2, 1, 0]])  # the last row is the phantom's
    assert reciprocal_counts(places, 1)[:3, :3].tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert reciprocal_counts(places, 2)[:3, :3].tolist() == [[1, 1, 1]] * 3


def test_a_row_is_averaged_over_its_nearest() -> None:
    weights, places = drawn(7, 7), torch.tensor([[i, (i + 2) % 7, (i + 3) % 7] for i in [*range(7), 6]])
    torch.testing.assert_close(averaged_over_nearest(weights, places, 2)[6], (weights[6] + weights[1]) / 2)


AXES = torch.eye(4, dtype=torch.float64)
CORNERS = torch.tensor(list(product((-0.5, 0.5), repeat=4)), dtype=torch.float64)
EXACT = torch.cat([AXES, -AXES, CORNERS])
"""Unit vectors whose products are exact: their ties are ties whichever way they are multiplied."""


@given(st.integers(1, 3), st.integers(1, 25), st.integers(0, 2**31), st.sampled_from(["clip", "reference"]))
def test_sets_of_a_batch_are_as_each_alone(sets: int, count: int, seed: int, mode: SmallIdentities) -> None:
    embeddings = EXACT[torch.randint(len(EXACT), (sets, count), generator=torch.Generator().manual_seed(seed))]
    alone = torch.stack([jaccard_distance(some, 12, 4, mode) for some in embeddings])
    torch.testing.assert_close(jaccard_distance(embeddings, 12, 4, mode), alone, rtol=0, atol=1e-12)


@given(grid_vectors | free_vectors, st.integers(1, 24), st.integers(1, 9))
def test_large_sets_whose_neighbourhoods_are_sparse_are_as_small_ones(embeddings: Tensor, k1: int, k2: int) -> None:
    units = normalize(embeddings, dim=1)
    expected = oracles.jaccard_distance((2 - 2 * units @ units.T).tolist(), k1, k2, "clip")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ccreid.ops.neighbours.SPARSE_FROM", 1)
        patch.setattr("ccreid.ops.neighbours.BLOCK", 7)
        distance = jaccard_distance(embeddings, k1, k2)
        of_two_sets = jaccard_distance(torch.stack([embeddings, embeddings]), k1, k2)
    torch.testing.assert_close(distance, torch.from_numpy(expected), rtol=0, atol=1e-6)
    assert torch.equal(of_two_sets[0], of_two_sets[1])


def test_embeddings_that_are_not_finite_are_named_by_row() -> None:
    embeddings = torch.eye(4)
    embeddings[[1, 3], 0] = torch.tensor([torch.nan, torch.inf])
    with pytest.raises(DataError, match="2 embeddings are not finite, the first in row 1"):
        jaccard_distance(embeddings)


@pytest.mark.parametrize("sparse_from", [60, 61])
def test_duplicates_in_float32_agree_with_the_loops_on_either_side_of_sparseness(
    monkeypatch: pytest.MonkeyPatch, sparse_from: int
) -> None:
    monkeypatch.setattr("ccreid.ops.neighbours.SPARSE_FROM", sparse_from)
    units = normalize(drawn(60, 16), dim=1)
    units[1::3] = units[0]
    expected = oracles.jaccard_distance((2 - 2 * units @ units.T).tolist(), 8, 4, "clip")
    distance = jaccard_distance(units, 8, 4)
    torch.testing.assert_close(distance, torch.from_numpy(expected).float(), rtol=0, atol=1e-6)
    assert torch.equal(distance, distance.T)


def test_a_list_longer_than_a_large_set_still_has_its_phantoms(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings = drawn(12, 4).double()
    expected = jaccard_distance(embeddings, 20, 6, "reference")
    monkeypatch.setattr("ccreid.ops.neighbours.SPARSE_FROM", 2)
    assert torch.equal(jaccard_distance(embeddings, 20, 6, "reference"), expected)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((torch.zeros(3),), r"shape \(3,\)"),
        ((torch.zeros(0, 4),), r"shape \(0, 4\)"),
        ((torch.eye(3), 0, 6), "k1 = 0"),
        ((torch.eye(3), 20, 0), "k2 = 0"),
        ((torch.eye(3), 20, 6, "pad"), "small_identities is 'pad'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        jaccard_distance(*arguments)
