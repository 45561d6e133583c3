"""Cosines a block at a time: the same numbers however they are cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from ccreid.errors import DataError
from ccreid.ops import similarity
from ccreid.ops.similarity import (
    TILE_ROWS,
    comparable_vectors,
    similarities_of,
    similarity_blocks,
    similarity_parts,
    similarity_rows,
)


def units(count: int, dimension: int = 96, seed: int = 0) -> torch.Tensor:
    return normalize(torch.randn(count, dimension, generator=torch.Generator().manual_seed(seed)), dim=1)


def matrix(queries: torch.Tensor, galleries: torch.Tensor, rows: int | None = None) -> torch.Tensor:
    return torch.cat([torch.from_numpy(block.copy()) for block in similarity_blocks(queries, galleries, rows)])


@pytest.mark.parametrize("queries", [1, 63, 64, 65, 300])
def test_similarities_do_not_depend_on_the_block_to_the_bit(queries: int) -> None:
    left, right = units(queries), units(777, seed=1)
    whole = matrix(left, right, rows=8 * TILE_ROWS)
    assert whole.shape == (queries, 777)
    assert torch.allclose(whole, left @ right.T, atol=1e-6)
    for rows in (TILE_ROWS, 2 * TILE_ROWS, 3 * TILE_ROWS, None):
        assert torch.equal(matrix(left, right, rows), whole)


def test_a_query_alone_has_the_similarities_it_has_among_others() -> None:
    left, right = units(130), units(500, seed=1)
    together = matrix(left, right)
    for row in (0, 64, 129):
        assert torch.equal(matrix(left[row : row + 1], right)[0], together[row])


def test_equal_gallery_images_tie_wherever_they_stand() -> None:
    right = units(501, seed=1)
    right[[3, 250, 500]] = right[0].clone()
    found = matrix(units(70), right)
    assert all(torch.equal(found[:, 0], found[:, column]) for column in (3, 250, 500))


def test_blocks_are_as_large_as_the_gallery_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    left, right = units(300), units(1000, seed=1)
    assert [len(block) for block in similarity_blocks(left, right)] == [300]
    monkeypatch.setattr(similarity, "BLOCK_BYTES", 4 * 1000 * 150)
    assert [len(block) for block in similarity_blocks(left, right)] == [128, 128, 44]
    monkeypatch.setattr(similarity, "BLOCK_BYTES", 1)
    assert [len(block) for block in similarity_blocks(left, right)] == [128, 128, 44]
    monkeypatch.setattr(similarity, "LEAST_ROWS", 64)
    assert [len(block) for block in similarity_blocks(left, right)] == [64, 64, 64, 64, 44]


@pytest.mark.parametrize("queries", [1, 64, 100])
@pytest.mark.parametrize("columns", [7, 64, 1000])
def test_parts_of_the_gallery_are_the_blocks_columns_to_the_bit(queries: int, columns: int) -> None:
    left, right = units(queries), units(500, seed=1)
    parts = [torch.from_numpy(part.copy()) for part in similarity_parts(left, right, columns)]
    assert {part.shape[1] for part in parts[:-1]} <= {columns}
    assert torch.equal(torch.cat(parts, dim=1), matrix(left, right))


def test_similarities_of_some_pairs_are_those_of_the_blocks_to_the_bit() -> None:
    left, right = units(200), units(500, seed=1)
    draws = np.random.default_rng(0)
    query = np.sort(draws.choice([*range(60), *range(130, 200)], size=300))  # and none of a whole tile
    image = draws.integers(500, size=300)
    found = similarities_of(left, right, query, image)
    assert found.tolist() == matrix(left, right).numpy()[query, image].tolist()
    assert similarities_of(left, right, query[:0], image[:0]).tolist() == []


@pytest.mark.parametrize("images", [1, 7, 11, 63])
def test_the_similarities_of_a_small_gallery_are_those_within_a_large_one_to_the_bit(images: int) -> None:
    left, right = units(70), units(500, seed=1)
    assert torch.equal(matrix(left, right[:images]), matrix(left, right)[:, :images])
    pair = np.array([3]), np.array([images - 1])
    assert similarities_of(left, right, *pair).tolist() == matrix(left, right).numpy()[pair].tolist()


def test_rows_are_the_blocks_rows() -> None:
    left, right = units(70), units(30, seed=1)
    rows = torch.stack([torch.from_numpy(row.copy()) for row in similarity_rows(left, right)])
    assert torch.equal(rows, matrix(left, right))


def test_unit_vectors_are_used_as_they_are_and_others_are_normalised() -> None:
    left, right = comparable_vectors(units(4), 3 * units(5, seed=1))
    assert left.data_ptr() == comparable_vectors(left, right)[0].data_ptr()
    assert torch.allclose(right.norm(dim=1), torch.ones(5))


def test_a_finite_vector_whose_length_overflows_is_not_called_broken() -> None:
    left, _ = comparable_vectors(torch.full((1, 4), 1e30), units(2, 4))
    assert left.isfinite().all()


def test_every_broken_row_is_counted_and_the_first_is_named() -> None:
    broken = units(5)
    broken[[2, 4], 0] = torch.tensor([torch.nan, torch.inf])
    with pytest.raises(DataError, match="2 gallery embeddings are not finite, the first in row 2"):
        comparable_vectors(units(2), broken)
