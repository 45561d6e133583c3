"""k-reciprocal re-ranking: against the reference's distances and scores, and against loops over sets."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.nn.functional import normalize

import oracles
from ccreid.errors import DataError, SettingError
from ccreid.evaluation.metrics import score_similarities
from ccreid.ops.reranking import rerank, search
from ccreid.ops.sparse_neighbours import nearest
from ccreid.vocabulary import Columns, Ignore
from conftest import Golden

# Unit vectors that float32 holds exactly, with squared distances in halves: neighbours tie, and on purpose.
EXACT_UNITS = torch.cat([torch.eye(4), torch.cartesian_prod(*[torch.tensor([0.5, -0.5])] * 4)[:8]])


def squared_distances(queries: Tensor, galleries: Tensor) -> Tensor:
    pool = normalize(torch.cat([queries, galleries]), dim=1)
    return (2 - 2 * pool @ pool.T).clamp(min=0)


def drawn(count: int, seed: int) -> Tensor:
    return torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("i", range(3))
def test_distance_is_the_references(golden: Golden, i: int) -> None:
    arrays = golden("evaluation")
    distance = rerank(arrays[f"ev{i}_qf"], arrays[f"ev{i}_gf"])
    torch.testing.assert_close(distance, arrays[f"ev{i}_rerank"], rtol=0, atol=1e-5)


@pytest.mark.parametrize("i", range(3))
def test_float32_differs_from_the_reference_by_float16_rounding_alone(golden: Golden, i: int) -> None:
    arrays = golden("evaluation")
    distance = rerank(arrays[f"ev{i}_qf"], arrays[f"ev{i}_gf"], dtype=torch.float32)
    torch.testing.assert_close(distance, arrays[f"ev{i}_rerank"], rtol=0, atol=0.004)


@pytest.mark.parametrize("i", range(3))
def test_scores_are_the_references(golden: Golden, i: int) -> None:
    arrays = golden("evaluation")
    query, gallery = (
        Columns(arrays[f"ev{i}_{side}_pid"].numpy(), arrays[f"ev{i}_{side}_cam"].numpy()) for side in "qg"
    )
    (theirs,) = score_similarities(-arrays[f"ev{i}_rerank"], query, gallery, [Ignore.SAME_CAMERA])
    assert theirs.mean_ap == pytest.approx(arrays[f"ev{i}_rerank_map"].item(), abs=1e-6)
    np.testing.assert_allclose(theirs.cmc[:50], arrays[f"ev{i}_rerank_cmc"].numpy(), rtol=0, atol=1e-6)
    distance = rerank(arrays[f"ev{i}_qf"], arrays[f"ev{i}_gf"])
    (ours,) = score_similarities(-distance, query, gallery, [Ignore.SAME_CAMERA])
    assert ours.mean_ap == pytest.approx(arrays[f"ev{i}_rerank_map"].item(), abs=1e-6)
    np.testing.assert_allclose(ours.cmc[:50], arrays[f"ev{i}_rerank_cmc"].numpy(), rtol=0, atol=1e-6)


@given(
    rows=st.lists(st.integers(0, len(EXACT_UNITS) - 1), min_size=2, max_size=30),
    queries=st.integers(1, 29),
    k1=st.integers(1, 12),
    k2=st.integers(1, 7),
    share=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_distance_is_that_of_loops_over_sets(rows: list[int], queries: int, k1: int, k2: int, share: float) -> None:
    queries = min(queries, len(rows) - 1)
    pool = EXACT_UNITS[rows]
    expected = oracles.reranked(squared_distances(pool[:queries], pool[queries:]).tolist(), queries, k1, k2, share)
    distance = rerank(pool[:queries], pool[queries:], k1, k2, share, dtype=torch.float32)
    torch.testing.assert_close(distance, torch.from_numpy(expected).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("queries", "galleries"), [(1, 1), (3, 8), (8, 32)])
@pytest.mark.parametrize(("k1", "k2"), [(20, 6), (7, 3), (3, 1), (4, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_distance_of_free_vectors_is_that_of_loops(
    queries: int, galleries: int, k1: int, k2: int, dtype: torch.dtype
) -> None:
    left, right = drawn(queries, 1), drawn(galleries, 2)
    expected = oracles.reranked(squared_distances(left, right).tolist(), queries, k1, k2, 0.3)
    distance = rerank(left, right, k1, k2, dtype=dtype)
    assert distance.dtype == torch.float32
    tolerance = 1e-5 if dtype == torch.float32 else 4e-3
    torch.testing.assert_close(distance, torch.from_numpy(expected).float(), rtol=0, atol=tolerance)


def test_with_the_whole_share_it_is_the_original_distance_over_its_largest() -> None:
    queries, galleries = torch.eye(3)[:1], torch.tensor([[-1.0, 0, 0], [0, 1, 0], [1, 0, 0]])
    torch.testing.assert_close(rerank(queries, galleries, share=1.0), torch.tensor([[1.0, 0.5, 0.0]]))


def test_a_query_equal_to_a_gallery_image_stands_at_0() -> None:
    same = drawn(12, 3)
    distance = rerank(same[:4], same, k1=4, k2=2, dtype=torch.float32)
    torch.testing.assert_close(distance[range(4), range(4)], torch.zeros(4), rtol=0, atol=1e-5)


def test_images_that_are_all_alike_are_at_0() -> None:
    alike = torch.tensor([[0.0, 1.0]]).expand(5, 2)
    torch.testing.assert_close(rerank(alike, alike), torch.zeros(5, 5), rtol=0, atol=2e-3)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"k1": 0}, "k1 = 0"),
        ({"k2": 0}, "k2 = 0"),
        ({"share": 1.5}, r"share = 1\.5"),
        ({"share": -0.1}, "share = -0.1"),
    ],
)
def test_a_wrong_setting_is_named(setting: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        rerank(torch.eye(2), torch.eye(2), **setting)


@pytest.mark.parametrize(
    ("queries", "galleries", "named"),
    [
        (torch.ones(2), torch.eye(2), r"query embeddings have the shape \(2,\)"),
        (torch.eye(2), torch.ones(1, 1, 2), r"gallery embeddings have the shape \(1, 1, 2\)"),
        (torch.ones(0, 2), torch.eye(2), "query set is empty"),
        (torch.eye(2), torch.ones(0, 2), "gallery set is empty"),
        (torch.eye(2), torch.eye(3), "2 dimensions and gallery embeddings 3"),
        (torch.eye(2), torch.full((2, 2), torch.nan), "2 gallery embeddings are not finite"),
    ],
)
def test_wrong_embeddings_are_named(queries: Tensor, galleries: Tensor, named: str) -> None:
    with pytest.raises(DataError, match=named):
        rerank(queries, galleries)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=5),
    st.integers(1, 7),
)
def test_the_nearest_come_in_the_order_of_distance_then_index(rows: list[list[int]], length: int) -> None:
    distance = torch.tensor(rows, dtype=torch.float32)
    expected = [[index for _, index in sorted(zip(row, range(7), strict=True))][:length] for row in rows]
    assert nearest(distance, length).tolist() == expected


def test_a_search_in_blocks_finds_what_the_whole_matrix_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = normalize(drawn(150, 4), dim=1)
    pool[[7, 90, 149]] = pool[3].clone()
    monkeypatch.setattr("ccreid.ops.similarity.BLOCK_BYTES", 1)  # blocks of 64 rows
    found = search(pool, 5, queries=70)
    squared = (2 - 2 * pool @ pool.T).clamp(min=0)
    torch.testing.assert_close(found.largest, squared.amax(dim=1))
    scaled = squared / squared.amax(dim=1, keepdim=True)
    torch.testing.assert_close(found.of_queries, scaled[:70, 70:])
    for row in range(150):
        order = sorted((j != row, round(float(scaled[row, j]), 5), j) for j in range(150))
        assert found.places[row].tolist() == [j for _, _, j in order[:5]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_blocks_and_duplicates_change_nothing(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    queries, galleries = drawn(70, 5), drawn(130, 6)
    galleries[::9] = galleries[0].clone()
    queries[::11] = galleries[0].clone()
    whole = rerank(queries, galleries, dtype=dtype)
    monkeypatch.setattr("ccreid.ops.similarity.BLOCK_BYTES", 1)  # blocks of 64 rows
    monkeypatch.setattr("ccreid.ops.reranking.BLOCK", 7)
    assert torch.equal(rerank(queries, galleries, dtype=dtype), whole)
    squared = squared_distances(queries, galleries)
    expected = torch.from_numpy(oracles.reranked(squared.tolist(), 70, 20, 6, 0.3)).float()
    tolerance = 1e-5 if dtype == torch.float32 else 4e-3
    torch.testing.assert_close(whole, expected, rtol=0, atol=tolerance)
