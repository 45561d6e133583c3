"""CAL's losses: against their formulas as loops, and what moves whom."""

from __future__ import annotations

from typing import NamedTuple

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from torch import Tensor

import oracles
from ccreid.methods.cal import adversarial_loss, clothes_loss

SCALE, SMOOTHING = 16.0, 0.1

seeds = st.integers(0, 2**31)
smoothings = st.sampled_from([0.0, 0.1, 0.5, 1.0])
scales = st.sampled_from([1.0, 16.0])


class Worn(NamedTuple):
    outfits: list[int]
    owners: list[int]


@st.composite
def worn(draw: st.DrawFn) -> Worn:
    """Owners of some outfits in any order, two of them at least, and the outfits of a batch."""
    owners = draw(st.lists(st.integers(0, 3), min_size=2, max_size=9).filter(lambda owners: len(set(owners)) > 1))
    return Worn(draw(st.lists(st.integers(0, len(owners) - 1), min_size=1, max_size=6)), owners)


def drawn(*shape: int, seed: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@given(worn(), seeds, scales)
def test_clothes_loss_is_its_formula(case: Worn, seed: int, scale: float) -> None:
    embeddings, weights = drawn(len(case.outfits), 5, seed=seed), drawn(len(case.owners), 5, seed=seed + 1)
    expected = oracles.clothes_loss(embeddings.tolist(), weights.tolist(), case.outfits, scale)
    found = clothes_loss(embeddings, weights, torch.tensor(case.outfits), scale)
    assert found.item() == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(worn(), seeds, scales, smoothings)
def test_adversarial_loss_is_its_formula(case: Worn, seed: int, scale: float, smoothing: float) -> None:
    embeddings, weights = drawn(len(case.outfits), 5, seed=seed), drawn(len(case.owners), 5, seed=seed + 1)
    expected = oracles.adversarial_loss(
        embeddings.tolist(), weights.tolist(), case.outfits, case.owners, scale, smoothing
    )
    outfits, owners = torch.tensor(case.outfits), torch.tensor(case.owners)
    found = adversarial_loss(embeddings, weights, outfits, owners, scale, smoothing)
    assert found.item() == pytest.approx(expected, rel=1e-6, abs=1e-9)  # the targets are float32


@given(worn(), seeds)
def test_adversarial_loss_has_the_gradient_of_its_formula(case: Worn, seed: int) -> None:
    outfits, owners = torch.tensor(case.outfits), torch.tensor(case.owners)
    weights = drawn(len(owners), 5, seed=seed + 1)
    assert torch.autograd.gradcheck(
        lambda e: adversarial_loss(e, weights, outfits, owners, SCALE, SMOOTHING),
        (drawn(len(outfits), 5, seed=seed).requires_grad_(),),
        atol=1e-4,
    )


def test_with_one_outfit_each_it_is_the_clothes_loss() -> None:
    """Where nobody changes clothes, there is nothing to be forgotten."""
    embeddings, weights, outfits = drawn(4, 5, seed=1), drawn(3, 5, seed=2), torch.tensor([0, 2, 1, 1])
    torch.testing.assert_close(
        adversarial_loss(embeddings, weights, outfits, torch.arange(3), SCALE, SMOOTHING),
        clothes_loss(embeddings, weights, outfits, SCALE),
    )


def test_all_outfits_of_a_person_attract_and_those_of_others_repel() -> None:
    """One descent towards it brings an embedding nearer to both of its person's outfits, and away from a stranger's."""
    weights, owners = torch.eye(3, dtype=torch.float64), torch.tensor([0, 0, 1])
    embedding = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    adversarial_loss(embedding, weights, torch.tensor([0]), owners, 1.0, 0.5).backward()
    assert embedding.grad is not None
    own, other_own, strangers = embedding.grad[0].tolist()
    assert own < other_own < 0 < strangers


@pytest.mark.parametrize("loss", ["clothes", "adversarial"])
def test_large_scales_overflow_nothing(loss: str) -> None:
    embeddings, weights = drawn(4, 5, seed=1).float().requires_grad_(), drawn(3, 5, seed=2).float()
    outfits, owners = torch.tensor([0, 2, 1, 1]), torch.tensor([0, 0, 1])
    found = (
        clothes_loss(embeddings, weights, outfits, 1e3)
        if loss == "clothes"
        else adversarial_loss(embeddings, weights, outfits, owners, 1e3, SMOOTHING)
    )
    found.backward()
    assert embeddings.grad is not None
    assert found.isfinite()
    assert embeddings.grad.isfinite().all()
