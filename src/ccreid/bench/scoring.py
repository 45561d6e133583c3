"""Scoring three rules in one pass, over the matrix product that no scoring can do without."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from ccreid.bench.measure import Measured, peak_bytes, rounds
from ccreid.bench.people import drawn_people
from ccreid.errors import DataError
from ccreid.evaluation.metrics import Scores, score_rules
from ccreid.vocabulary import Columns, Ignore

RULES = (
    Ignore.SAME_CAMERA,
    Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES,
    Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES,
)
"""Standard, cloth-changing, same clothes."""

DIMENSION = 2048

SIZES = {
    "Market-1501's size": (3_368, 15_913, 750),
    "DeepChange's size": (17_527, 62_956, 521),
}
"""Queries, gallery, people."""

BOUND = 1.5
"""Of the time over the bare product's."""
BOUND_GB = 1.5


def measure(*, quick: bool) -> Iterator[Measured]:
    """Time of scoring over the bare product, and the memory at the larger size."""
    for name, (queries, gallery, people) in SIZES.items():
        if quick:
            queries, gallery, people = queries // 40, gallery // 40, people // 40
        size = f"{name}, {queries:,} x {gallery:,}, D {DIMENSION}"
        query, images = (drawn_people(count, people, DIMENSION, seed) for seed, count in enumerate((queries, gallery)))
        product = torch.empty(queries, gallery)
        timings = rounds(
            {
                "scoring": partial(scored, query, images),
                "bare product": partial(torch.mm, query[0], images[0].T, out=product),
            },
            quick=quick,
        )
        ratio = timings.ratio("scoring", over="bare product")
        yield Measured(f"three rules, {size}", ratio, "x", None if quick else BOUND, seconds=timings.medians)
        del product, query, images
    resident = peak_bytes(_score, queries, gallery, people) / 1e9
    yield Measured(f"memory of the process, {size}", resident, "GB", None if quick else BOUND_GB)


def scored(query: tuple[Tensor, Columns], gallery: tuple[Tensor, Columns]) -> tuple[Scores, ...]:
    """Scores of embeddings with their columns under each of `RULES`.

    Raises
    ------
    DataError
        A rule leaves no query anything to find: timing it would time nothing.
    """
    scores = score_rules(query[0], gallery[0], query[1], gallery[1], RULES)
    for rule, under_one in zip(RULES, scores, strict=True):
        if not under_one.valid:
            raise DataError(
                f"None of the {len(query[1])} queries finds its person among the {len(gallery[1])} gallery images that "
                f"are left when {rule.sentence} is ignored: there is nothing to measure.",
                "Give the benchmark more images a person, in more outfits and cameras.",
            )
    return scores


def _score(queries: int, gallery: int, people: int) -> None:
    query, images = (drawn_people(count, people, DIMENSION, seed) for seed, count in enumerate((queries, gallery)))
    scored(query, images)
