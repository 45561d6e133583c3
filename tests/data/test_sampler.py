"""The P x K sampler: what holds of every epoch, for whatever people."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccreid.data.sampler import IdentitySampler, OutfitSampler
from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN


@st.composite
def train_sets(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], int, int, int]:
    """Identities in any order, P, K and a seed."""
    counts = draw(st.lists(st.integers(1, 14), min_size=1, max_size=8))
    identities = np.repeat(np.arange(len(counts)), counts)
    order = draw(st.permutations(range(len(identities))))
    return identities[list(order)], draw(st.integers(1, len(counts))), draw(st.integers(1, 5)), draw(st.integers(0, 99))


def epoch(identities: np.ndarray[Any, Any], people: int, images: int, seed: int) -> list[np.ndarray[Any, Any]]:
    return IdentitySampler(identities, people, images).batches(np.random.default_rng(seed))


@given(train_sets())
def test_an_epoch(train_set: tuple[np.ndarray[Any, Any], int, int, int]) -> None:
    identities, people, images, seed = train_set
    batches = epoch(identities, people, images, seed)
    images_of = Counter(identities.tolist())
    chunks_of = {identity: max(1, count // images) for identity, count in images_of.items()}
    chunks, drawn = Counter[int](), Counter[int]()
    for batch in batches:
        assert batch.shape == (people * images,)
        of_batch = identities[batch].reshape(people, images)
        assert (of_batch == of_batch[:, :1]).all(), "the K images of a person stand side by side"
        assert len(set(of_batch[:, 0].tolist())) == people
        chunks.update(of_batch[:, 0].tolist())
        drawn.update(batch.tolist())
    for identity, count in images_of.items():
        assert chunks[identity] <= chunks_of[identity]
        if count >= images:
            assert all(drawn[row] <= 1 for row in np.flatnonzero(identities == identity).tolist())
    remaining = [identity for identity in images_of if chunks[identity] < chunks_of[identity]]
    assert len(remaining) < people, "the epoch ends only when fewer than P people have chunks left"


@given(train_sets())
def test_the_generator_decides_all(train_set: tuple[np.ndarray[Any, Any], int, int, int]) -> None:
    first, again = epoch(*train_set), epoch(*train_set)
    assert len(first) == len(again)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))


def test_other_seeds_and_later_epochs_are_other() -> None:
    identities = np.repeat(np.arange(6), 10)
    sampler, random = IdentitySampler(identities, 3, 4), np.random.default_rng(0)
    epochs = [sampler.batches(random), sampler.batches(random), sampler.batches(np.random.default_rng(1))]
    assert len({np.concatenate(batches).tobytes() for batches in epochs}) == 3


def test_few_images_are_drawn_with_replacement() -> None:
    """Not merely repeated until there are K: any image may be missing, and any may come several times."""
    identities = np.array([0, 0, 0, 1, 1, 1, 1])
    seen = set()
    for seed in range(200):
        (batch,) = epoch(identities, 2, 4, seed)
        rows = batch.reshape(2, 4)
        of_few = rows[identities[rows[:, 0]] == 0].ravel()
        assert set(of_few.tolist()) <= {0, 1, 2}
        seen.add(tuple(np.bincount(of_few, minlength=3).tolist()))
    assert {(2, 1, 1), (4, 0, 0), (0, 0, 4), (2, 2, 0)} <= seen


def test_what_is_left_over_is_another_image_each_time() -> None:
    identities = np.zeros(5, dtype=np.int64)
    left_over = {(set(range(5)) - set(epoch(identities, 1, 4, seed)[0].tolist())).pop() for seed in range(60)}
    assert left_over == set(range(5))


def test_every_pair_of_people_meets() -> None:
    identities = np.repeat(np.arange(4), 4)
    pairs = {frozenset(identities[batch].tolist()) for seed in range(60) for batch in epoch(identities, 2, 4, seed)}
    assert len(pairs) == 6


def test_a_person_with_many_images_comes_in_many_batches() -> None:
    identities = np.repeat([0, 1, 2], [12, 8, 4])
    batches = epoch(identities, 1, 4, 0)
    assert Counter(int(identities[batch[0]]) for batch in batches) == {0: 3, 1: 2, 2: 1}


@pytest.mark.parametrize("people", [3, 100])
def test_too_few_people(people: int) -> None:
    with pytest.raises(SettingError, match=rf"data\.people is {people}, .* only 2 people"):
        IdentitySampler(np.array([0, 1, 1]), people, 4)


def test_no_people_at_all() -> None:
    with pytest.raises(SettingError, match=r"data\.people .* only 0 people"):
        IdentitySampler(np.empty(0, dtype=np.int64), 1, 4)


@pytest.mark.parametrize(("people", "images"), [(0, 4), (4, 0), (-1, -1)])
def test_an_empty_batch(people: int, images: int) -> None:
    with pytest.raises(SettingError, match=f"{people} x {images}"):
        IdentitySampler(np.array([0, 1, 1]), people, images)


@given(data=st.data())
def test_clothes_aware_chunks_span_two_outfits_where_there_are_two(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 14), min_size=2, max_size=6))
    identities = np.repeat(np.arange(len(sizes)), sizes)
    outfits = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(identities), max_size=len(identities))))
    clothes = identities * 10 + outfits
    images = data.draw(st.integers(2, 5))
    sampler = OutfitSampler(identities, 2, images, clothes)
    plain = IdentitySampler(identities, 2, images)
    batches, others = (s.batches(np.random.default_rng(0)) for s in (sampler, plain))
    assert all(len(batch) == 2 * images for batch in batches)
    for batch in batches:
        for chunk in batch.reshape(2, images):
            assert len(set(identities[chunk])) == 1
            available = set(clothes[identities == identities[chunk[0]]])
            assert len(set(clothes[chunk])) >= min(2, len(available))
    assert all(len(batch) == 2 * images for batch in others)


def test_clothes_aware_without_labels_follows_what_was_mined() -> None:
    identities = np.repeat(np.arange(3), 8)
    mined = np.where(np.arange(24) % 8 == 7, 1, 0) + identities * 2  # a single image in the second outfit
    sampler = OutfitSampler(identities, 3, 4, None)
    before = sampler.batches(np.random.default_rng(0))
    plain = IdentitySampler(identities, 3, 4).batches(np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(before, plain, strict=True))
    sampler.follow(mined)
    for batch in sampler.batches(np.random.default_rng(0)):
        assert all(len(set(mined[chunk])) == 2 for chunk in batch.reshape(3, 4))
    labelled = OutfitSampler(identities, 3, 4, identities)
    labelled.follow(mined)
    assert labelled.outfits is not None
    assert np.array_equal(labelled.outfits, identities)


@pytest.mark.parametrize("images", [2, 3, 4])
def test_an_unknown_outfit_is_none_of_the_two_that_a_chunk_spans(images: int) -> None:
    identities = np.repeat([0, 1, 2], 12)
    worn = np.tile([UNKNOWN] * 9 + [1, 2, 2], 3)
    worn[identities == 2] = [1] * 6 + [UNKNOWN] * 6  # one known outfit: nothing to span
    sampler = OutfitSampler(identities, 3, images, worn)
    plain = IdentitySampler(identities, 3, images).batches(np.random.default_rng(0))
    for batch, drawn in zip(sampler.batches(np.random.default_rng(0)), plain, strict=True):
        for chunk in batch.reshape(3, images):
            owner = identities[chunk[0]]
            assert (identities[chunk] == owner).all()
            assert owner == 2 or set(worn[chunk]) >= {1, 2}
        assert len(batch) == len(drawn)


def test_one_image_cannot_span_two_outfits() -> None:
    with pytest.raises(SettingError, match=r"data\.images is 1"):
        OutfitSampler(np.arange(4), 2, 1, None)
