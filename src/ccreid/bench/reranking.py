"""Re-ranking, over the search of nearest neighbours that it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from ccreid.bench.measure import Measured, peak_bytes, rounds
from ccreid.bench.people import drawn_people
from ccreid.bench.scoring import DIMENSION, SIZES
from ccreid.ops.reranking import rerank, search

LIST_LENGTH = 21
"""Of the usual k1 = 20, with the image itself."""


def measure(*, quick: bool) -> Iterator[Measured]:
    """Time beyond the search, and memory, at Market-1501's size."""
    queries, gallery, people = (number // (20 if quick else 1) for number in SIZES["Market-1501's size"])
    size = f"{queries + gallery:,} images, D {DIMENSION}"
    query, images = (drawn_people(n, people, DIMENSION, seed)[0] for seed, n in enumerate((queries, gallery)))
    variants: dict[str, Callable[[], object]] = {
        "re-ranking": partial(rerank, query, images),
        "search": partial(search, torch.cat([query, images]), LIST_LENGTH, queries),
    }
    timings = rounds(variants, quick=quick)
    beyond = timings.ratio("re-ranking", over="search") - 1
    bound = None if quick else 1.0
    yield Measured(f"time beyond the search, {size}", beyond, "x", bound, seconds=timings.medians)
    del query, images, variants
    resident = peak_bytes(_rerank, queries, gallery, people) / 1e9
    yield Measured(f"memory of the process, {size}", resident, "GB", None if quick else 2.0)


def _rerank(queries: int, gallery: int, people: int) -> None:
    query, images = (drawn_people(n, people, DIMENSION, seed)[0] for seed, n in enumerate((queries, gallery)))
    rerank(query, images)
