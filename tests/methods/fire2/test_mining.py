"""Mining attributes: each identity's images clustered alone."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor
from torch.nn.functional import normalize

import oracles
from ccreid.errors import DataError
from ccreid.methods.fire2 import Attributes, Mining, discover_attributes
from ccreid.ops.neighbours import SmallIdentities
from conftest import Golden
from papers import mining


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return normalize(torch.randn(shape, generator=torch.Generator().manual_seed(seed)), dim=1)


def assert_well_formed(found: Attributes, embeddings: Tensor, identities: Tensor) -> None:
    """Contiguous attributes, one owner each, numbered identity after identity; centres are means."""
    assert found.of_image.dtype == found.owners.dtype == torch.int64
    assert sorted(set(found.of_image.tolist())) == list(range(len(found)))
    assert torch.equal(found.owners[found.of_image], identities)
    assert found.owners.tolist() == sorted(found.owners.tolist())
    for attribute in range(len(found)):
        images = [i for i, a in enumerate(found.of_image.tolist()) if a == attribute]
        mean = np.mean([embeddings[i].numpy() for i in images], axis=0, dtype=np.float64)
        np.testing.assert_allclose(found.centres[attribute].numpy(), mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize("eps", [0.4, 0.6])
def test_attributes_are_the_references_for_identities_mixed_in_one_set(golden: Golden, eps: float) -> None:
    arrays = golden("clustering")
    chosen = range(6)  # those of 64 dimensions: 1, 2, 5, 12, 19 and 21 images
    embeddings = torch.cat([arrays[f"cl{i}_feat"] for i in chosen])
    identities = torch.cat([torch.full((len(arrays[f"cl{i}_feat"]),), i) for i in chosen])
    mixed = torch.randperm(len(identities), generator=torch.Generator().manual_seed(0))
    # Within an identity the order is kept: the reference's phantom is its last image.
    order = torch.empty_like(mixed)
    for i in chosen:
        places = (identities[mixed] == i).nonzero().squeeze(1)
        order[places] = (identities == i).nonzero().squeeze(1)
    embeddings, identities = embeddings[order], identities[order]

    found = discover_attributes(embeddings, identities, mining(eps=eps, small_identities="reference"))

    assert_well_formed(found, embeddings, identities)
    for i in chosen:
        of_identity = found.of_image[identities == i].tolist()
        assert oracles.renumbered(of_identity) == oracles.renumbered(arrays[f"cl{i}_labels_eps{eps}"].tolist())


@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=4),
    seed=st.integers(0, 2**31),
    k1=st.integers(1, 8),
    k2=st.integers(1, 4),
    eps=st.sampled_from([0.0999, 0.3333, 0.6111]),
    mode=st.sampled_from(["clip", "reference"]),
)
def test_attributes_are_those_of_the_loops(
    sizes: list[int], seed: int, k1: int, k2: int, eps: float, mode: SmallIdentities
) -> None:
    identities = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    identities = identities[torch.randperm(len(identities), generator=torch.Generator().manual_seed(seed))]
    embeddings = drawn(len(identities), 3, seed=seed).double()

    found = discover_attributes(embeddings, identities, Mining(k1, k2, eps, mode))

    for identity in range(len(sizes)):
        units = normalize(embeddings[identities == identity], dim=1)
        distance = oracles.jaccard_distance((2 - 2 * units @ units.T).tolist(), k1, k2, mode)
        if (np.abs(distance - eps) < 1e-9).any():
            continue  # rounding would decide
        of_identity = found.of_image[identities == identity].tolist()
        assert oracles.renumbered(of_identity) == oracles.dbscan(distance.tolist(), eps, 1)
    assert_well_formed(found, embeddings, identities)


def test_two_outfits_become_two_attributes_each_of_its_own_person() -> None:
    outfits = torch.eye(4).repeat_interleave(25, dim=0)
    embeddings = normalize(outfits + 0.02 * drawn(100, 4), dim=1)
    identities = torch.arange(2).repeat_interleave(50)
    found = discover_attributes(embeddings, identities, mining())
    assert found.of_image.tolist() == [0] * 25 + [1] * 25 + [2] * 25 + [3] * 25
    assert found.owners.tolist() == [0, 0, 1, 1]
    assert len(found) == 4


def test_attributes_are_never_shared_between_people_who_look_alike() -> None:
    embeddings = torch.tensor([[1.0, 0.0]]).expand(6, 2)
    found = discover_attributes(embeddings, torch.tensor([0, 1, 0, 1, 2, 2]), mining())
    assert found.of_image.tolist() == [0, 1, 0, 1, 2, 2]


def test_a_centre_is_a_mean_and_so_shorter_than_its_unit_members() -> None:
    embeddings = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    found = discover_attributes(embeddings, torch.tensor([0, 0]), mining(eps=1.0))
    assert found.centres.tolist() == [[0.5, 0.5]]
    assert found.centres.dtype == torch.float32


def test_attributes_do_not_depend_on_how_many_identities_are_clustered_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    identities = torch.arange(40).repeat_interleave(torch.arange(40) % 5 + 1)
    identities = identities[torch.randperm(len(identities), generator=torch.Generator().manual_seed(1))]
    embeddings = drawn(len(identities), 4)
    together = discover_attributes(embeddings, identities, mining(k1=3, k2=2))
    monkeypatch.setattr("ccreid.methods.fire2.mining.BATCH_FLOATS", 1)
    alone = discover_attributes(embeddings, identities, mining(k1=3, k2=2))
    assert together.of_image.tolist() == alone.of_image.tolist()
    assert torch.equal(together.owners, alone.owners)
    assert len(together) > 40


@pytest.mark.parametrize("mode", ["clip", "reference"])
def test_identities_of_mixed_sizes_with_duplicates_are_clustered_as_each_alone_and_as_by_the_loops(
    monkeypatch: pytest.MonkeyPatch, mode: SmallIdentities
) -> None:
    sizes = torch.tensor([1, 2, 19, 20, 21, 45, 2, 1, 20, 7, 30, 45])  # below, at and above k1
    identities = torch.arange(len(sizes)).repeat_interleave(sizes)
    identities = identities[torch.randperm(len(identities), generator=torch.Generator().manual_seed(2))]
    outfits = drawn(9, 64)
    worn = torch.randint(9, identities.shape, generator=torch.Generator().manual_seed(3))
    embeddings = normalize(outfits[worn] + drawn(len(worn), 64, seed=4) * (worn % 3)[:, None], dim=1)  # a third alike
    changed = mining(small_identities=mode)

    together = discover_attributes(embeddings, identities, changed)

    for identity in range(len(sizes)):
        own = embeddings[identities == identity]
        alone = discover_attributes(own, torch.zeros(len(own), dtype=torch.int64), changed)
        assert oracles.renumbered(together.of_image[identities == identity].tolist()) == alone.of_image.tolist()
        distance = oracles.jaccard_distance((2 - 2 * own @ own.T).tolist(), *changed.neighbours(len(own)), mode)
        assert np.abs(distance - changed.eps).min() > 1e-6  # rounding decides nothing
        assert alone.of_image.tolist() == oracles.dbscan(distance.tolist(), changed.eps, 1)
    assert_well_formed(together, embeddings, identities)
    for constant in ("BATCH_FLOATS", "PRODUCT_FLOATS"):
        monkeypatch.setattr(f"ccreid.methods.fire2.mining.{constant}", 200)
    monkeypatch.setattr("ccreid.ops.neighbours.SPARSE_FROM", 21)
    assert torch.equal(discover_attributes(embeddings, identities, changed).of_image, together.of_image)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (torch.tensor([torch.nan, 0.0]), r"1 embeddings are not of length 1, the first in row 2 \(nan\)"),
        (torch.tensor([torch.inf, 0.0]), r"row 2 \(inf\)"),
        (torch.tensor([0.6, 0.7]), r"row 2 \(0\.92"),
    ],
)
def test_embeddings_that_are_no_unit_vectors_are_named_by_row(row: Tensor, named: str) -> None:
    embeddings = torch.eye(2)[torch.tensor([0, 1, 0, 1])]
    embeddings[2] = row
    with pytest.raises(DataError, match=named):
        discover_attributes(embeddings, torch.tensor([0, 0, 1, 1]), mining())


def test_an_identity_without_an_image_is_named() -> None:
    with pytest.raises(DataError, match="Identity 1 has no image"):
        discover_attributes(torch.eye(2), torch.tensor([0, 2]), mining())


def test_neighbourhoods_of_auto_grow_with_the_images_and_keep_the_papers_proportion() -> None:
    growing = mining(k1="auto")
    assert growing.neighbours(80) == mining().neighbours(80) == (20, 6)
    assert growing.neighbours(124) == (31, 9)
    assert growing.neighbours(3) == (4, 1)


def test_neighbourhoods_of_auto_are_those_of_each_identity() -> None:
    sizes = (30, 60)
    embeddings = normalize(drawn(sum(sizes), 6, seed=3).float(), dim=1)
    identities = torch.arange(2).repeat_interleave(torch.tensor(sizes))
    together = discover_attributes(embeddings, identities, mining(k1="auto"))
    shift = 0
    for identity, size in enumerate(sizes):
        k1, k2 = mining(k1="auto").neighbours(size)
        rows = identities == identity
        alone = discover_attributes(embeddings[rows], torch.zeros(size, dtype=torch.int64), mining(k1=k1, k2=k2))
        assert torch.equal(together.of_image[rows] - shift, alone.of_image)
        shift += len(alone)
    assert shift == len(together)
