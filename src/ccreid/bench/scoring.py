"""Scoring three rules in one pass, over the matrix product that no scoring can do without."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.bench.measure import Measured, peak_bytes, rounds
from ccreid.evaluation.metrics import score_rules
from ccreid.vocabulary import Columns, Ignore

RULES = (
    Ignore.SAME_CAMERA,
    Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES,
    Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES,
)
"""Standard, cloth-changing, same clothes."""

DIMENSION = 2048
LATENT = 32
OUTFITS = 3
CAMERAS = 6

SIZES = {
    "Market-1501's size": (3_368, 15_913, 750),
    "DeepChange's size": (17_527, 62_956, 521),
}
"""Queries, gallery, people."""

BOUND_GB = 1.5


def measure(*, quick: bool) -> Iterator[Measured]:
    """Time of scoring over the bare product, and the memory at the larger size."""
    for name, (queries, gallery, people) in SIZES.items():
        if quick:
            queries, gallery, people = queries // 40, gallery // 40, people // 40
        size = f"{name}, {queries:,} x {gallery:,}, D {DIMENSION}"
        query, images = people_and_columns(queries, people, seed=0), people_and_columns(gallery, people, seed=1)
        product = torch.empty(queries, gallery)
        timings = rounds(
            {
                "scoring": partial(score_rules, query[0], images[0], query[1], images[1], RULES),
                "bare product": partial(torch.mm, query[0], images[0].T, out=product),
            },
            quick=quick,
        )
        ratio = timings.ratio("scoring", over="bare product")
        yield Measured(f"three rules, {size}", ratio, "x", None if quick else 1.5, seconds=timings.medians)
        del product, query, images
    resident = peak_bytes(_score, queries, gallery, people) / 1e9
    yield Measured(f"memory of the process, {size}", resident, "GB", None if quick else BOUND_GB)


def people_and_columns(count: int, people: int, seed: int, dimension: int = DIMENSION) -> tuple[Tensor, Columns]:
    """(count, dimension) unit embeddings of people in several outfits, and their columns.

    The people are the same for every seed. They lie in `LATENT` dimensions, so that strangers come as near as
    they do in life and relevant images stand anywhere in the gallery.
    """
    of_people, of_images = torch.Generator().manual_seed(0), torch.Generator().manual_seed(1 + seed)
    persons, outfits = (torch.randn(people * many, LATENT, generator=of_people) for many in (1, OUTFITS))
    into_embeddings = torch.randn(LATENT, dimension, generator=of_people)
    draws = np.random.default_rng(seed)
    person = draws.integers(people, size=count)
    clothes = person * OUTFITS + draws.integers(OUTFITS, size=count)
    vectors = torch.empty(count, dimension)
    for rows in torch.split(torch.arange(count), 4096):  # a second copy would count as memory of scoring
        latent = persons[person[rows]] + outfits[clothes[rows]] + torch.randn(len(rows), LATENT, generator=of_images)
        vectors[rows] = normalize(latent @ into_embeddings, dim=1)
    return vectors, Columns(person, camera=draws.integers(CAMERAS, size=count), clothes=clothes)


def _score(queries: int, gallery: int, people: int) -> None:
    query, images = people_and_columns(queries, people, seed=0), people_and_columns(gallery, people, seed=1)
    score_rules(query[0], images[0], query[1], images[1], RULES)
