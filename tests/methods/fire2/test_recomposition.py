"""Recomposition: against the reference's pooled maps with gradients, and as loops over every stripe."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from torch import Tensor

import oracles
from ccreid.errors import SettingError
from ccreid.methods.fire2.recomposition import Donors, PooledStripes, draw_donors, draw_recompositions, recompose
from ccreid.model.network import pool
from conftest import Golden

Pooling = Callable[[Tensor, Tensor, int], Tensor]


class Problem(NamedTuple):
    feature_map: Tensor
    donors: Tensor
    stripes: int


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def drawing(attributes: list[int], stripes: int = 2, seed: int = 0) -> tuple[Tensor, Tensor]:
    return draw_donors(torch.tensor(attributes), stripes, torch.Generator().manual_seed(seed))


def recomposed_pool(feature_map: Tensor, donors: Tensor, stripes: int = 2) -> Tensor:
    return PooledStripes.of(feature_map, stripes).recomposed(donors)


@pytest.mark.parametrize("i", range(3))
def test_recomposed_map_is_the_references(golden: Golden, i: int) -> None:
    arrays = golden("far")
    feature_map = arrays[f"far{i}_x"].requires_grad_()
    donors = torch.stack([arrays[f"far{i}_pick_upper"], arrays[f"far{i}_pick_lower"]])
    recomposed = recompose(feature_map, donors, 2)
    pooled = torch.cat([recomposed.amax(dim=(2, 3)), recomposed.mean(dim=(2, 3))], dim=1)
    pooled.square().sum().backward()
    expected, gradient = arrays[f"far{i}_pooled"], arrays[f"far{i}_grad_x_of_sum_sq"]
    torch.testing.assert_close(pooled.detach(), expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())
    torch.testing.assert_close(feature_map.grad, gradient, rtol=1e-5, atol=1e-6 * gradient.abs().max().item())


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Maps of any height that holds the stripes, odd ones too, with flat channels among them."""
    stripes, batch, channels = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    width = draw(st.integers(1, 3))
    height = draw(st.integers(stripes * (2 if width == 1 else 1), 9))
    feature_map = drawn(batch, channels, height, width, seed=draw(st.integers(0, 2**31)))
    if draw(st.booleans()):
        feature_map[0, 0] = 1.5
    donors = draw(
        st.lists(
            st.lists(st.integers(0, batch - 1), min_size=batch, max_size=batch),
            min_size=stripes,
            max_size=stripes,
        )
    )
    return Problem(feature_map, torch.tensor(donors), stripes)


@given(problems())
def test_recomposed_map_is_that_of_the_loops(problem: Problem) -> None:
    feature_map, donors, stripes = problem
    expected = oracles.recompose(feature_map.numpy(), donors.numpy(), stripes)
    torch.testing.assert_close(recompose(feature_map, donors, stripes), torch.from_numpy(expected))


@given(problems())
def test_with_itself_as_donor_an_image_stays_as_it_is(problem: Problem) -> None:
    feature_map, donors, stripes = problem
    itself = torch.arange(len(feature_map)).expand_as(donors)
    kept = feature_map[:, :, : feature_map.shape[2] // stripes * stripes]
    torch.testing.assert_close(recompose(feature_map, itself, stripes), kept)


def test_a_recomposed_stripe_has_its_donors_statistics() -> None:
    feature_map = 2 + 3 * drawn(4, 5, 7, 6)
    donors = torch.tensor([[1, 2, 3, 0], [2, 3, 0, 1]])
    recomposed = recompose(feature_map, donors, 2)
    assert recomposed.shape == (4, 5, 6, 6)
    for stripe, rows in enumerate([slice(0, 3), slice(3, 6)]):
        given_, wanted = recomposed[:, :, rows], feature_map[donors[stripe], :, rows]
        torch.testing.assert_close(given_.mean(dim=(2, 3)), wanted.mean(dim=(2, 3)))
        torch.testing.assert_close(given_.std(dim=(2, 3)), wanted.std(dim=(2, 3)), rtol=1e-5, atol=0)


def test_rows_left_over_at_the_bottom_have_no_influence() -> None:
    feature_map, donors = drawn(2, 3, 7, 4), torch.tensor([[1, 0], [1, 0]])
    changed = feature_map.clone()
    changed[:, :, 6] = 100
    assert torch.equal(recompose(changed, donors, 2), recompose(feature_map, donors, 2))


def test_gradients_flow_through_the_content_alone() -> None:
    feature_map = drawn(3, 2, 6, 4).requires_grad_()
    donors = torch.tensor([[2, 0, 1], [1, 2, 0]])
    upstream = drawn(2, 6, 4, seed=1)
    (recompose(feature_map, donors, 2)[0] * upstream).sum().backward()
    gradient = feature_map.grad
    assert gradient is not None
    assert (gradient[1:] == 0).all()  # the donors get none
    # Nor do the image's own statistics: the slope is sigma_j / sigma_i wherever one looks.
    for donor, rows in ((2, slice(0, 3)), (1, slice(3, 6))):
        deviation = (feature_map.detach()[:, :, rows].var(dim=(2, 3)) + 1e-6).sqrt()
        slope = (deviation[donor] / deviation[0])[:, None, None]
        torch.testing.assert_close(gradient[0, :, rows], slope * upstream[:, rows])


# -------------------------------------------------------------------------------------------------- pooled


def pooled_with_gradient(pooling: Pooling, feature_map: Tensor, donors: Tensor, stripes: int) -> tuple[Tensor, Tensor]:
    leaf = feature_map.clone().requires_grad_()  # a clone keeps the memory format
    pooled = pooling(leaf, donors, stripes)
    weights = drawn(*pooled.shape, seed=9).to(pooled.dtype)
    (pooled * weights).sum().backward()
    assert leaf.grad is not None
    return pooled.detach(), leaf.grad


def by_definition(feature_map: Tensor, donors: Tensor, stripes: int) -> Tensor:
    return pool(recompose(feature_map, donors, stripes))


@pytest.mark.parametrize("i", range(3))
def test_pooled_stripes_are_the_references(golden: Golden, i: int) -> None:
    arrays = golden("far")
    feature_map = arrays[f"far{i}_x"].requires_grad_()
    pooled = recomposed_pool(feature_map, torch.stack([arrays[f"far{i}_pick_upper"], arrays[f"far{i}_pick_lower"]]))
    pooled.square().sum().backward()
    expected, gradient = arrays[f"far{i}_pooled"], arrays[f"far{i}_grad_x_of_sum_sq"]
    torch.testing.assert_close(pooled.detach(), expected, rtol=1e-5, atol=1e-6 * expected.abs().max().item())
    torch.testing.assert_close(feature_map.grad, gradient, rtol=1e-5, atol=1e-6 * gradient.abs().max().item())


@given(problems())
def test_pooled_stripes_are_the_pooled_recomposition(problem: Problem) -> None:
    for ours, theirs in zip(
        pooled_with_gradient(recomposed_pool, *problem), pooled_with_gradient(by_definition, *problem), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("memory_format", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(("height", "stripes"), [(16, 2), (7, 2), (8, 3)])
def test_pooled_stripes_of_a_network_are_the_pooled_recomposition(
    height: int, stripes: int, memory_format: torch.memory_format
) -> None:
    # After a ReLU: half of the pixels tie at 0, and some channels are dead.
    feature_map = drawn(6, 40, height, 4).float().sub(1.5).relu().contiguous(memory_format=memory_format)
    donors = torch.randint(6, (stripes, 6), generator=torch.Generator().manual_seed(1))
    ours = pooled_with_gradient(recomposed_pool, feature_map, donors, stripes)
    theirs = pooled_with_gradient(by_definition, feature_map, donors, stripes)
    torch.testing.assert_close(ours[0], theirs[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours[1], theirs[1], rtol=1e-4, atol=1e-5)


def test_pixels_that_tie_share_the_gradient_over_stripes_too() -> None:
    # The largest value stands once in the upper stripe and twice in the lower one; with itself as donor the image
    # comes back as it is.
    feature_map = torch.tensor([[4.0, 0.0, 0.0, 0.0], [4.0, 4.0, 0.0, 0.0]], dtype=torch.float64)[None, None]
    itself = torch.zeros(2, 1, dtype=torch.int64)
    leaf = feature_map.requires_grad_()
    recomposed_pool(leaf, itself)[0, 0].backward()
    third = 1 / 3
    torch.testing.assert_close(
        leaf.grad, torch.tensor([[third, 0, 0, 0], [third, third, 0, 0]], dtype=torch.float64)[None, None]
    )


def test_pooled_stripes_are_of_one_map_for_any_donors_and_images() -> None:
    feature_map = drawn(6, 3, 6, 4)
    stripes = PooledStripes.of(feature_map, 2)
    some = torch.tensor([4, 1, 3])
    for seed in range(3):
        donors = torch.randint(3, (2, 3), generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(
            stripes.of_images(some).recomposed(donors), by_definition(feature_map[some], donors, 2)
        )


def test_pooled_stripes_of_half_precision_are_computed_in_single() -> None:
    feature_map, donors = drawn(4, 8, 6, 4).bfloat16(), torch.tensor([[1, 2, 3, 0], [2, 3, 0, 1]])
    pooled, gradient = pooled_with_gradient(recomposed_pool, feature_map, donors, 2)
    assert (pooled.dtype, gradient.dtype) == (torch.float32, torch.bfloat16)
    torch.testing.assert_close(pooled, by_definition(feature_map.float(), donors, 2))


@pytest.mark.parametrize("function", [recompose, recomposed_pool])
@pytest.mark.parametrize(
    ("shape", "donors", "stripes", "named"),
    [
        ((3, 2, 4, 4), torch.zeros(2, 2, dtype=torch.int64), 2, r"shape \(2, 2\) .* 3 images in 2 stripes"),
        ((3, 2, 4, 4), torch.zeros(0, 3, dtype=torch.int64), 0, "0 stripes"),
        ((1, 2, 3, 4), torch.zeros(4, 1, dtype=torch.int64), 4, "3 x 4 has too few pixels for 4 stripes"),
        ((1, 2, 3, 1), torch.zeros(3, 1, dtype=torch.int64), 3, "3 x 1 has too few pixels for 3 stripes"),
    ],
)
def test_a_wrong_argument_is_named(
    function: Pooling, shape: tuple[int, int, int, int], donors: Tensor, stripes: int, named: str
) -> None:
    with pytest.raises(SettingError, match=named):
        function(torch.zeros(shape), donors, stripes)


# -------------------------------------------------------------------------------------------------- donors


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 2**31))
def test_a_donor_has_another_attribute_and_who_has_none_is_flagged(
    attributes: list[int], stripes: int, seed: int
) -> None:
    donors, present = drawing(attributes, stripes, seed)
    assert donors.shape == (stripes, len(attributes))
    assert present.tolist() == [any(other != own for other in attributes) for own in attributes]
    for drawn_ in donors.tolist():
        for image, donor in enumerate(drawn_):
            assert (attributes[donor] != attributes[image]) if present[image] else donor == image


def test_the_same_seed_gives_the_same_donors_and_another_seed_others() -> None:
    attributes = list(range(32))
    assert torch.equal(drawing(attributes, seed=5)[0], drawing(attributes, seed=5)[0])
    assert not torch.equal(drawing(attributes, seed=5)[0], drawing(attributes, seed=6)[0])


def test_donors_are_uniform_over_the_eligible_and_independent_between_stripes() -> None:
    attributes, draws = [0, 0, 1, 1, 1, 2], 6000
    generator = torch.Generator().manual_seed(0)
    pairs = torch.stack([draw_donors(torch.tensor(attributes), 2, generator)[0] for _ in range(draws)])
    counts = np.zeros((6, 6))  # of image 0: upper donor x lower donor
    for upper, lower in pairs[:, :, 0].tolist():
        counts[upper, lower] += 1
    assert (counts[:2] == 0).all()
    assert (counts[:, :2] == 0).all()
    # 16 equally likely pairs: 375 each, with a standard deviation of 19.
    assert np.abs(counts[2:, 2:] - draws / 16).max() < 5 * 19


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), min_size=1, max_size=10),
    st.sampled_from(["same-person", "other-people"]),
    st.integers(0, 2**31),
)
def test_donors_may_be_of_the_same_person_or_of_others_alone(
    images: list[tuple[int, int]], among: Donors, seed: int
) -> None:
    """Attributes belong to one person each: (person, which of its attributes)."""
    identities = torch.tensor([person for person, _ in images])
    attributes = torch.tensor([2 * person + own for person, own in images])
    donors, present = draw_donors(attributes, 2, torch.Generator().manual_seed(seed), identities, among)
    for image, (person, own) in enumerate(images):
        wanted = {
            other
            for other, (their, one) in enumerate(images)
            if (their != person if among == "other-people" else their == person and one != own)
        }
        assert bool(present[image]) == bool(wanted)
        assert set(donors[:, image].tolist()) <= (wanted or {image})


def test_donors_of_some_people_need_to_know_who_is_who() -> None:
    with pytest.raises(SettingError, match="without identities"):
        draw_donors(torch.arange(3), 2, torch.Generator(), None, "same-person")


@pytest.mark.parametrize("among", ["any", "same-person", "other-people"])
def test_donors_of_several_recompositions_are_different_images(among: Donors) -> None:
    attributes, identities = torch.arange(12) // 2, torch.arange(12) // 6
    donors, present = draw_recompositions(attributes, 2, 3, torch.Generator().manual_seed(1), identities, among)
    assert donors.shape == (3, 2, 12)
    assert present.all()
    for stripe, image in product(range(2), range(12)):
        drawn = donors[:, stripe, image].tolist()
        assert len(set(drawn)) == 3
        for donor in drawn:
            assert attributes[donor] != attributes[image]
            assert among == "any" or (identities[donor] == identities[image]) == (among == "same-person")
    assert not torch.equal(donors[:, 0], donors[:, 1])  # each stripe has its own


def test_fewer_donors_than_recompositions_take_turns() -> None:
    donors, present = draw_recompositions(torch.tensor([0, 0, 1, 2]), 1, 5, torch.Generator().manual_seed(0))
    assert present.all()
    of_first = donors[:, 0, 0].tolist()
    assert sorted(set(of_first)) == [2, 3]
    assert of_first[:2] == of_first[2:4]
    nobody, present = draw_recompositions(torch.zeros(3, dtype=torch.int64), 1, 2, torch.Generator())
    assert not present.any()
    assert nobody.tolist() == 2 * [[[0, 1, 2]]]


def test_donors_of_several_recompositions_are_uniform() -> None:
    generator = torch.Generator().manual_seed(5)
    drawn = torch.stack([draw_recompositions(torch.arange(5), 1, 2, generator)[0][:, 0, 0] for _ in range(2000)])
    for place in range(2):  # the first donor and the second, each among four
        counts = torch.bincount(drawn[:, place], minlength=5)
        assert counts[0] == 0
        assert (counts[1:] - 500).abs().max() < 80  # four standard deviations


def test_one_recomposition_draws_as_ever() -> None:
    attributes = torch.arange(8) // 2
    once, _ = draw_donors(attributes, 2, torch.Generator().manual_seed(3))
    again, _ = draw_recompositions(attributes, 2, 1, torch.Generator().manual_seed(3))
    assert torch.equal(again, once[None])
