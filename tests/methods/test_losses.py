"""The losses: against the reference's values with gradients, and against their formulas as loops."""

from __future__ import annotations

from typing import NamedTuple

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

import oracles
from ccreid.methods.fire2.attribute_loss import attribute_aware_loss
from ccreid.methods.losses import identity_loss, triplet_loss
from ccreid.methods.owned_classes import owned_targets
from conftest import Golden
from papers import FIRE2


class Family(NamedTuple):
    attributes: list[int]
    owners: list[int]


seeds = st.integers(0, 2**31)
smoothings = st.sampled_from([0.0, 0.1, 0.5, 1.0])


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def assert_golden_loss(loss: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(loss.detach().double(), expected, rtol=1e-5, atol=0)


def assert_golden_gradient(gradient: Tensor | None, expected: Tensor) -> None:
    """1e-5 relative to the element, or to the largest one where sums cancel."""
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())


# ------------------------------------------------------------------------------------------- identity loss


@pytest.mark.parametrize("i", range(3))
def test_identity_loss_is_the_references(golden: Golden, i: int) -> None:
    arrays = golden("losses")
    logits = arrays[f"ce{i}_logits"].requires_grad_()
    loss = identity_loss(logits, arrays[f"ce{i}_y"], FIRE2.smoothing)
    loss.backward()
    assert_golden_loss(loss, arrays[f"ce{i}_loss"])
    assert_golden_gradient(logits.grad, arrays[f"ce{i}_grad"])


@given(seed=seeds, batch=st.integers(1, 6), identities=st.integers(1, 7), smoothing=smoothings)
def test_identity_loss_is_its_formula(seed: int, batch: int, identities: int, smoothing: float) -> None:
    logits = 3 * drawn(batch, identities, seed=seed)
    labels = torch.arange(batch) * 5 % identities
    expected = oracles.label_smoothed_cross_entropy(logits.tolist(), labels.tolist(), smoothing)
    assert identity_loss(logits, labels, smoothing).item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


# -------------------------------------------------------------------------------------------- triplet loss


@pytest.mark.parametrize("i", range(3))
def test_triplet_loss_is_the_references(golden: Golden, i: int) -> None:
    arrays = golden("losses")
    embeddings = arrays[f"tri{i}_feat"].requires_grad_()
    loss = triplet_loss(embeddings, arrays[f"tri{i}_pid"], FIRE2.margin)
    loss.backward()
    assert_golden_loss(loss, arrays[f"tri{i}_loss"])
    assert_golden_gradient(embeddings.grad, arrays[f"tri{i}_grad"])


@given(
    batch=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 3)), min_size=1, max_size=9),
    margin=st.sampled_from([0.0, 0.3, 2.0]),
)
def test_triplet_loss_is_its_formula(batch: list[tuple[int, int, int]], margin: float) -> None:
    embeddings = torch.tensor([point[:2] for point in batch], dtype=torch.float64)
    identities = torch.tensor([point[2] for point in batch])
    expected = oracles.batch_hard_triplet(embeddings.tolist(), identities.tolist(), margin)
    assert triplet_loss(embeddings, identities, margin).item() == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_triplet_loss_sees_the_length_of_embeddings() -> None:
    embeddings, identities = drawn(6, 4, seed=1), torch.tensor([0, 0, 1, 1, 2, 2])
    assert triplet_loss(embeddings, identities, 0.3) != triplet_loss(3 * embeddings, identities, 0.3)


def test_triplet_loss_of_one_identity_is_zero_with_a_zero_gradient() -> None:
    embeddings = drawn(4, 3, seed=2).requires_grad_()
    loss = triplet_loss(embeddings, torch.zeros(4, dtype=torch.int64), 0.3)
    loss.backward()
    assert loss.item() == 0
    assert embeddings.grad is not None
    assert (embeddings.grad == 0).all()


def test_triplet_gradient_of_equal_embeddings_is_finite() -> None:
    embeddings = torch.ones(4, 3, requires_grad=True)
    loss = triplet_loss(embeddings, torch.tensor([0, 0, 1, 1]), 0.3)
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()


# ------------------------------------------------------------------------------------------ attribute loss


@pytest.mark.parametrize("i", range(3))
def test_attribute_aware_loss_is_the_references(golden: Golden, i: int) -> None:
    arrays = golden("losses")
    embeddings = arrays[f"attr{i}_feat"].requires_grad_()
    weights = arrays[f"attr{i}_centers"].requires_grad_()
    clusters = arrays[f"attr{i}_clusters_per_pid"]
    owners = torch.arange(len(clusters)).repeat_interleave(clusters)
    attributes = arrays[f"attr{i}_fgid"]
    assert torch.equal(owners[attributes], arrays[f"attr{i}_pid"])
    loss = attribute_aware_loss(embeddings, weights, attributes, owners, FIRE2.scale, FIRE2.smoothing)
    loss.backward()
    assert_golden_loss(loss, arrays[f"attr{i}_loss"])
    assert_golden_gradient(embeddings.grad, arrays[f"attr{i}_grad_feat"])
    assert_golden_gradient(weights.grad, arrays[f"attr{i}_grad_w"])


@st.composite
def families(draw: st.DrawFn) -> Family:
    """Owners of some attributes in any order, and the attributes of a batch."""
    owners = draw(st.lists(st.integers(0, 3), min_size=1, max_size=9))
    attributes = draw(st.lists(st.integers(0, len(owners) - 1), min_size=1, max_size=6))
    return Family(attributes, owners)


@given(families(), smoothings)
def test_owned_targets_are_their_formula_and_sum_to_1(family: Family, smoothing: float) -> None:
    attributes, owners = family
    targets = owned_targets(torch.tensor(attributes), torch.tensor(owners), smoothing)
    expected = torch.tensor(oracles.owned_targets(attributes, owners, smoothing))
    torch.testing.assert_close(targets, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(targets.sum(dim=1), torch.ones(len(attributes)), rtol=0, atol=1e-6)


def test_owned_targets_of_a_family_of_three_and_of_one() -> None:
    targets = owned_targets(torch.tensor([1, 3]), torch.tensor([0, 0, 0, 1]), 0.3)
    torch.testing.assert_close(targets, torch.tensor([[0.1, 0.8, 0.1, 0.0], [0.0, 0.0, 0.0, 1.0]]))


@given(families(), seeds, smoothings, st.sampled_from([1.0, 16.0]))
def test_attribute_aware_loss_is_its_formula(family: Family, seed: int, smoothing: float, scale: float) -> None:
    attributes, owners = family
    embeddings = drawn(len(attributes), 5, seed=seed)
    weights = drawn(len(owners), 5, seed=seed + 1)
    expected = oracles.attribute_aware_loss(embeddings.tolist(), weights.tolist(), attributes, owners, scale, smoothing)
    loss = attribute_aware_loss(embeddings, weights, torch.tensor(attributes), torch.tensor(owners), scale, smoothing)
    assert loss.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_attribute_aware_loss_ignores_lengths() -> None:
    embeddings, weights = drawn(3, 5, seed=3), drawn(4, 5, seed=4)
    attributes, owners = torch.tensor([0, 2, 3]), torch.tensor([0, 0, 1, 1])
    torch.testing.assert_close(
        attribute_aware_loss(7 * embeddings, 0.1 * weights, attributes, owners, 16.0, 0.1),
        attribute_aware_loss(embeddings, weights, attributes, owners, 16.0, 0.1),
    )


@given(families(), seeds)
def test_attribute_aware_loss_has_the_gradient_of_its_formula(family: Family, seed: int) -> None:
    attributes, owners = torch.tensor(family.attributes), torch.tensor(family.owners)
    embeddings, weights = drawn(len(attributes), 5, seed=seed), drawn(len(owners), 5, seed=seed + 1)
    assert torch.autograd.gradcheck(
        lambda e, w: attribute_aware_loss(e, w, attributes, owners, 16.0, 0.1),
        (embeddings.double().requires_grad_(), weights.double().requires_grad_()),
        atol=1e-4,
    )
