"""Contrasting batches: nobody is told apart by clothes or camera, and every image is used."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccreid.data.contrasting import ContrastingSampler, most_batches
from ccreid.errors import SettingError
from ccreid.vocabulary import UNKNOWN, Samples


def sampled(
    people: list[int], clothes: list[int] | None, camera: list[int] | None, garments: list[int] | None = None
) -> Samples:
    """People whose clothes are numbered within each of them."""
    own = None if clothes is None else np.array(people) * 1000 + clothes
    columns: dict[str, Any] = {"camera": camera, "clothes": own, "garments": garments}
    return Samples(person=np.array(people), files=tuple(map(str, range(len(people)))), **columns)


def chunks_of(batches: list[np.ndarray[Any, Any]], samples: Samples, images: int) -> dict[int, list[list[int]]]:
    """The chunks of K rows of each identity."""
    found: dict[int, list[list[int]]] = {}
    for batch in batches:
        for chunk in batch.reshape(-1, images).tolist():
            (identity,) = set(samples.identities[chunk].tolist())
            found.setdefault(identity, []).append(chunk)
    return found


def sharing(chunk: list[int], column: np.ndarray[Any, Any]) -> int:
    """Pairs of a chunk that share a known value, one by one."""
    return sum(column[one] == column[other] != UNKNOWN for one, other in combinations(chunk, 2))


@st.composite
def train_sets(draw: st.DrawFn) -> tuple[Samples, int, int]:
    """Samples with P and K."""
    counts = draw(st.lists(st.integers(1, 14), min_size=1, max_size=6))
    rows = [person for person, count in enumerate(counts) for _ in range(count)]
    values = st.lists(st.integers(0, 3), min_size=len(rows), max_size=len(rows))
    samples = sampled(rows, draw(values), draw(values), draw(st.none() | values))
    return samples, draw(st.integers(1, len(counts))), draw(st.integers(1, 4))


@given(train_sets(), st.integers(0, 99))
def test_an_epoch(train_set: tuple[Samples, int, int], seed: int) -> None:
    samples, people, images = train_set
    batches = ContrastingSampler(samples, people, images).batches(np.random.default_rng(seed))
    count = Counter(samples.identities.tolist())
    for batch in batches:
        assert batch.shape == (people * images,)
        of_batch = samples.identities[batch].reshape(people, images)
        assert (of_batch == of_batch[:, :1]).all(), "the K images of a person stand side by side"
        assert len(set(of_batch[:, 0].tolist())) == people
    for identity, chunks in chunks_of(batches, samples, images).items():
        assert len(chunks) <= max(1, count[identity] // images)
        drawn = Counter(row for chunk in chunks for row in chunk)
        if count[identity] >= images:
            assert set(drawn.values()) == {1}
        else:
            assert set(drawn) == set(np.flatnonzero(samples.identities == identity).tolist()), "all of them"


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(1, 6))
def test_there_are_as_many_batches_as_can_be(chunks: list[int], people: int) -> None:
    """Batches of P people can be filled if and only if what each has, but once a batch, is enough."""
    possible = [batches for batches in range(50) if sum(min(count, batches) for count in chunks) >= people * batches]
    assert most_batches(np.array(chunks), people) == max(possible)
    if people <= len(chunks):
        people_of = [person for person, count in enumerate(chunks) for _ in range(2 * count)]
        samples = sampled(people_of, None, [0] * len(people_of))
    else:
        return
    drawn = ContrastingSampler(samples, people, 2).batches(np.random.default_rng(0))
    assert len(drawn) == max(possible)


@settings(deadline=None)
@given(st.data())
def test_positives_share_no_more_clothes_than_they_must(data: st.DataObject) -> None:
    images, chunks = data.draw(st.integers(2, 4)), data.draw(st.integers(1, 5))
    values = st.lists(st.integers(0, 4), min_size=images * chunks, max_size=images * chunks)
    clothes, cameras = data.draw(values), data.draw(values)
    samples = sampled([0] * (images * chunks), clothes, cameras)
    sampler = ContrastingSampler(samples, 1, images)
    epoch = [batch.tolist() for batch in sampler.batches(np.random.default_rng(data.draw(st.integers(0, 99))))]
    for worn, count in Counter(clothes).items():
        assert max(sum(clothes[row] == worn for row in chunk) for chunk in epoch) == -(-count // chunks)
    for first, second in combinations(range(chunks), 2):
        one, other = epoch[first], epoch[second]
        before = [sharing(one, column) + sharing(other, column) for column in (samples.clothes, samples.camera)]  # type: ignore[arg-type]
        for place in range(images):
            for with_place in range(images):
                here, there = list(one), list(other)
                here[place], there[with_place] = other[with_place], one[place]
                after = [sharing(here, column) + sharing(there, column) for column in (samples.clothes, samples.camera)]  # type: ignore[arg-type]
                assert before <= after, "an exchange of two images would tell less by clothes, or by cameras"


def test_where_every_outfit_was_seen_by_every_camera_all_images_differ_in_both() -> None:
    people, clothes, cameras = (column.ravel().tolist() for column in np.mgrid[:3, :4, :4])
    samples = sampled(people, clothes, cameras)
    for seed in range(5):
        for batch in ContrastingSampler(samples, 2, 2).batches(np.random.default_rng(seed)):
            for chunk in batch.reshape(2, 2).tolist():
                assert sharing(chunk, samples.clothes) == 0  # type: ignore[arg-type]
                assert sharing(chunk, samples.camera) == 0  # type: ignore[arg-type]


def test_what_is_not_known_is_shared_by_nobody() -> None:
    samples = sampled([0] * 4, None, [5, 5, UNKNOWN, UNKNOWN])
    for seed in range(9):
        for batch in ContrastingSampler(samples, 1, 2).batches(np.random.default_rng(seed)):
            assert sharing(batch.tolist(), samples.camera) == 0  # type: ignore[arg-type]


def test_look_alikes_stand_in_the_same_batches() -> None:
    """Person 2 n and 2 n + 1 share their four outfits, and each outfit of a pair somebody else wears, too."""
    people, views = np.mgrid[:20, :8].reshape(2, -1)
    outfits = views % 4
    garments = people // 2 * 4 + outfits
    garments[(outfits == 3)] = 1000 + people[outfits == 3] // 2 % 5
    samples = sampled(people.tolist(), outfits.tolist(), (views // 2).tolist(), garments.tolist())
    for seed in range(3):
        for batch in ContrastingSampler(samples, 4, 4).batches(np.random.default_rng(seed)):
            pairs = set((samples.person[batch] // 2).tolist())
            assert len(pairs) == 2


def test_negatives_wear_the_same_more_often_than_by_chance() -> None:
    random = np.random.default_rng(4)
    people, views = np.mgrid[:60, :8].reshape(2, -1)
    wardrobes = np.stack([random.permutation(60)[:4] for _ in range(60)])
    cameras = random.integers(0, 6, len(people))
    garments = wardrobes[people, views % 4]
    samples = sampled(people.tolist(), (views % 4).tolist(), cameras.tolist(), garments.tolist())

    def shared(batch: np.ndarray[Any, Any], column: np.ndarray[Any, Any]) -> int:
        return sum(
            column[one] == column[other] and people[one] != people[other] for one, other in combinations(batch, 2)
        )

    contrasting = ContrastingSampler(samples, 6, 4).batches(np.random.default_rng(0))
    by_chance = [random.permutation(len(people))[:24] for _ in contrasting]
    assert sum(shared(batch, garments) for batch in contrasting) > 2 * sum(
        shared(batch, garments) for batch in by_chance
    )
    without = sampled(people.tolist(), (views % 4).tolist(), cameras.tolist())  # now cameras alone can be shared
    contrasting = ContrastingSampler(without, 6, 4).batches(np.random.default_rng(0))
    assert sum(shared(batch, cameras) for batch in contrasting) > 1.1 * sum(
        shared(batch, cameras) for batch in by_chance
    )


def test_the_generator_decides_all_and_epochs_differ() -> None:
    people, views = np.mgrid[:6, :8].reshape(2, -1)
    samples = sampled(people.tolist(), (views // 2).tolist(), (views % 3).tolist())
    sampler = ContrastingSampler(samples, 3, 4)
    epochs = [np.concatenate(sampler.batches(np.random.default_rng(seed))).tobytes() for seed in (0, 0, 1)]
    assert epochs[0] == epochs[1] != epochs[2]


def test_nothing_to_contrast() -> None:
    with pytest.raises(SettingError, match=r"data\.sampler is contrasting, but neither clothes nor cameras"):
        ContrastingSampler(sampled([0, 0, 1, 1], None, None), 2, 2)
