"""Standings in products that are made in rows or in parts of the gallery: the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

import oracles
from ccreid.bench.people import drawn_people
from ccreid.ops import standing
from ccreid.ops.ranking import Floats, Ids, Standings
from ccreid.ops.similarity import similarity_blocks, similarity_parts
from ccreid.ops.standing import standings_of

QUERIES, GALLERY = 150, 700


@pytest.fixture
def vectors() -> tuple[torch.Tensor, torch.Tensor]:
    """With images that stand in the gallery twice, so that some similarities tie."""
    (queries, _), (galleries, _) = drawn_people(QUERIES, 20, 32, seed=0), drawn_people(GALLERY, 20, 32, seed=1)
    galleries[400:500] = galleries[:100]
    return queries, galleries


@pytest.fixture
def pairs() -> tuple[Ids, Ids]:
    draws = np.random.default_rng(0)
    own = [np.sort(draws.choice(GALLERY, size=draws.integers(0, 9), replace=False)) for _ in range(QUERIES)]
    return np.repeat(np.arange(QUERIES), [len(some) for some in own]), np.concatenate(own)


def found(vectors: tuple[torch.Tensor, torch.Tensor], pairs: tuple[Ids, Ids]) -> Standings:
    query, image = pairs

    def chosen(start: int, stop: int) -> tuple[Ids, Ids]:
        some = slice(*np.searchsorted(query, [start, stop]))
        return query[some] - start, image[some]

    lots = []
    start = 0
    for lot in standings_of(*vectors, chosen, len(image)):
        lots.append(lot._replace(query=lot.query + start))
        start += len(lot.nearest_other)
    assert start == QUERIES
    return Standings(*(np.concatenate(column) for column in zip(*lots, strict=True)))


def plain(standings: Standings) -> tuple[list[int], ...]:
    return tuple(column.tolist() for column in standings)


def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("QUERIES_AT_ONCE", 64), ("COLUMNS", 100), ("LOOKED_UP", np.inf)):
        monkeypatch.setattr(standing, name, value)


def test_in_rows_and_in_parts_they_are_those_of_the_sorted_lists(
    monkeypatch: pytest.MonkeyPatch, vectors: tuple[torch.Tensor, torch.Tensor], pairs: tuple[Ids, Ids]
) -> None:
    (similarity,) = similarity_blocks(*vectors, rows=192)
    expected = oracles.standings(similarity.tolist(), *(column.tolist() for column in pairs))
    assert plain(found(vectors, pairs)) == expected
    in_parts(monkeypatch)
    monkeypatch.setattr(standing, "similarity_blocks", None)  # rows are not needed
    assert plain(found(vectors, pairs)) == expected


def test_where_parts_are_rounded_otherwise_rows_are_computed_whole(
    monkeypatch: pytest.MonkeyPatch, vectors: tuple[torch.Tensor, torch.Tensor], pairs: tuple[Ids, Ids]
) -> None:
    in_rows = plain(found(vectors, pairs))

    def rounded_otherwise(queries: torch.Tensor, galleries: torch.Tensor, columns: int) -> Iterator[Floats]:
        for left, part in enumerate(similarity_parts(queries, galleries, columns)):
            yield np.nextafter(part, np.float32(2)) if left == 3 else part

    in_parts(monkeypatch)
    monkeypatch.setattr(standing, "similarity_parts", rounded_otherwise)
    assert plain(found(vectors, pairs)) == in_rows


@pytest.mark.parametrize(("gallery", "own", "parts"), [(16_000, 1, False), (20_000, 1, True), (20_000, 40, False)])
def test_parts_are_for_large_galleries_where_looking_up_costs_little(
    monkeypatch: pytest.MonkeyPatch, gallery: int, own: int, parts: bool
) -> None:
    made: list[str] = []

    def making(name: str) -> Callable[..., Iterator[Floats]]:
        def make(*_: object) -> Iterator[Floats]:
            made.append(name)
            return iter(())

        return make

    for name in ("similarity_parts", "similarity_blocks"):
        monkeypatch.setattr(standing, name, making(name))
    monkeypatch.setattr(standing, "similarities_of", lambda *_: np.empty(0, dtype=np.float32))
    nobody = np.empty(0, dtype=np.int64)
    list(standings_of(torch.empty(100, 4), torch.empty(gallery, 4), lambda *_: (nobody, nobody), 100 * own))
    assert made == ["similarity_parts" if parts else "similarity_blocks"]
