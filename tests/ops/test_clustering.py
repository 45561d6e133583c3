"""DBSCAN on a distance matrix: against the reference's labels, loops, and scikit-learn."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from numpy.typing import NDArray
from sklearn.cluster import DBSCAN

import oracles
from ccreid.errors import SettingError
from ccreid.ops import density_clusters, jaccard_distance
from conftest import Golden


@st.composite
def distances(draw: st.DrawFn) -> NDArray[np.float64]:
    """Symmetric, in eighths, so that some equal eps exactly; the diagonal need not be 0 (reference mode)."""
    count = draw(st.integers(1, 14))
    eighths = draw(st.lists(st.integers(0, 8), min_size=count * count, max_size=count * count))
    upper = np.triu(np.array(eighths, dtype=np.float64).reshape(count, count)) / 8
    matrix = upper + np.triu(upper, 1).T
    if draw(st.booleans()):
        np.fill_diagonal(matrix, 0)
    return matrix


radii = st.integers(0, 8).map(lambda eighths: eighths / 8)


@pytest.mark.parametrize("eps", [0.4, 0.6])
@pytest.mark.parametrize("i", range(9))
def test_labels_are_the_references(golden: Golden, i: int, eps: float) -> None:
    arrays = golden("clustering")
    expected = oracles.renumbered(arrays[f"cl{i}_labels_eps{eps}"].tolist())
    assert density_clusters(arrays[f"cl{i}_jaccard"], eps).tolist() == expected
    ours = jaccard_distance(arrays[f"cl{i}_feat"], small_identities="reference")
    assert density_clusters(ours, eps).tolist() == expected


@given(matrix=distances(), eps=radii, min_samples=st.integers(1, 5))
def test_labels_are_those_of_the_loops(matrix: NDArray[np.float64], eps: float, min_samples: int) -> None:
    labels = density_clusters(torch.from_numpy(matrix), eps, min_samples)
    assert labels.tolist() == oracles.dbscan(matrix.tolist(), eps, min_samples)


@given(matrix=distances(), eps=st.integers(1, 8).map(lambda eighths: eighths / 8), min_samples=st.integers(1, 5))
def test_labels_are_those_of_scikit_learn_with_outliers_alone(
    matrix: NDArray[np.float64], eps: float, min_samples: int
) -> None:
    theirs = DBSCAN(eps=eps, min_samples=min_samples, metric="precomputed").fit(matrix).labels_
    labels = density_clusters(torch.from_numpy(matrix), eps, min_samples)
    assert labels.tolist() == oracles.renumbered(theirs.tolist())


def on_a_line(*places: float) -> torch.Tensor:
    points = torch.tensor(places)
    return (points[:, None] - points[None, :]).abs()


def test_a_chain_of_near_images_is_one_cluster_and_eps_itself_is_near() -> None:
    assert density_clusters(on_a_line(0, 0.5, 1.0, 2.0, 2.5), eps=0.5).tolist() == [0, 0, 0, 1, 1]
    assert density_clusters(on_a_line(0, 0.5, 1.0, 2.0, 2.5), eps=0.49).tolist() == [0, 1, 2, 3, 4]


def test_clusters_are_numbered_by_first_appearance() -> None:
    assert density_clusters(on_a_line(5, 1, 5, 1, 9), eps=0.5).tolist() == [0, 1, 0, 1, 2]


def test_a_point_between_two_cores_joins_the_first_without_joining_them() -> None:
    distance = on_a_line(-1.2, -1.1, -1, 0, 1, 1.1, 1.2)  # 0 reaches a core on either side, and 3 images in all
    assert density_clusters(distance, eps=1, min_samples=4).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert density_clusters(distance, eps=1, min_samples=3).tolist() == [0] * 7


def test_outliers_are_clusters_of_their_own() -> None:
    assert density_clusters(on_a_line(0, 3, 0, 6, 0), eps=1, min_samples=2).tolist() == [0, 1, 0, 2, 0]


def test_one_image_is_one_cluster() -> None:
    labels = density_clusters(torch.zeros(1, 1))
    assert labels.tolist() == [0]
    assert labels.dtype == torch.int64


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((torch.zeros(2, 3),), r"shape \(2, 3\)"),
        ((torch.zeros(4),), r"shape \(4,\)"),
        ((torch.zeros(2, 2), -0.1), r"eps = -0\.1"),
        ((torch.zeros(2, 2), 0.4, 0), "min_samples = 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments: tuple[Any, ...], named: str) -> None:
    with pytest.raises(SettingError, match=named):
        density_clusters(*arguments)


def test_sets_of_a_batch_are_clustered_each_alone() -> None:
    sets = [on_a_line(5, 1, 5, 9), on_a_line(0, 0, 0, 0), on_a_line(0, 3, 0, 6)]
    for count in (1, 2):
        alone = [density_clusters(some, eps=0.5, min_samples=count).tolist() for some in sets]
        assert density_clusters(torch.stack(sets), eps=0.5, min_samples=count).tolist() == alone


@given(sets=st.integers(1, 4), count=st.integers(1, 9), seed=st.integers(0, 2**31), min_samples=st.integers(1, 4))
def test_labels_of_a_batch_are_those_of_the_loops_over_each_set(
    sets: int, count: int, seed: int, min_samples: int
) -> None:
    places = torch.randint(0, 12, (sets, count), generator=torch.Generator().manual_seed(seed)).double()
    matrices = (places[:, :, None] - places[:, None, :]).abs()
    expected = [oracles.dbscan(matrix.tolist(), 1, min_samples) for matrix in matrices]
    assert density_clusters(matrices, eps=1, min_samples=min_samples).tolist() == expected


def test_images_that_are_all_near_are_one_cluster() -> None:
    assert density_clusters(torch.ones(300, 300), eps=1).tolist() == [0] * 300
