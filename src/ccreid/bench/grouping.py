"""Grouping crops, over the search of nearest neighbours that it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from ccreid.bench.measure import Measured, peak_bytes, rounds
from ccreid.bench.people import embedded
from ccreid.ops.reranking import search
from ccreid.retrieval.grouping.grouping import SURE, Known, group_crops, pairs_to_merge

DIMENSION = 512
CROPS_A_PERSON = 20
CROPS = 10_000
LARGE_PILE = 100_000
BOUND_GB = 3.0


def measure(*, quick: bool) -> Iterator[Measured]:
    """Time of groups and pairs over the search, and the memory of a large pile."""
    count, large = (size // (20 if quick else 1) for size in (CROPS, LARGE_PILE))
    vectors = _crops(count)
    variants: dict[str, Callable[[], object]] = {
        "groups and pairs": partial(_grouped, vectors),
        "search": partial(search, vectors, SURE.k1, 0),
    }
    timings = rounds(variants, quick=quick)
    ratio = timings.ratio("groups and pairs", over="search")
    yield Measured(f"groups and pairs, {count:,} crops, D {DIMENSION}", ratio, seconds=timings.medians)
    resident = peak_bytes(_group_many, large) / 1e9
    bound = None if quick else BOUND_GB
    yield Measured(f"memory of the process, {large:,} crops, D {DIMENSION}", resident, "GB", bound)


def _crops(count: int) -> torch.Tensor:
    person = np.arange(count) // CROPS_A_PERSON
    return embedded(person, DIMENSION, np.random.default_rng(0))[0]


def _grouped(vectors: torch.Tensor) -> None:
    known = Known.nothing(len(vectors))
    pairs_to_merge(group_crops(vectors.numpy(), known), known)


def _group_many(count: int) -> None:
    _grouped(_crops(count))
