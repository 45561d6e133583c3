"""How costs grow: with the gallery, with the images of a person, with the pool that is re-ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import numpy as np
import torch

from ccreid.bench.measure import Measured, rounds
from ccreid.bench.people import drawn_people, embedded
from ccreid.bench.reranking import LIST_LENGTH
from ccreid.bench.scoring import BOUND, scored
from ccreid.methods.fire2.mining import clusters_inside
from ccreid.ops.reranking import rerank, search
from ccreid.recipe.settings import MiningSettings
from ccreid.runs.methods import mining_of

PAPERS = mining_of(MiningSettings())
DIMENSION = 512
IMAGES_A_PERSON = 20

GALLERIES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
QUERIES = 512

PERSON_SIZES = (10, 30, 100, 300, 1_000, 3_000)
TRAIN_IMAGES = 6_000

POOLS = (2_500, 5_000, 10_000, 20_000)
QUERIES_IN_POOL = 1 / 6


def measure(*, quick: bool) -> Iterator[Measured]:
    """Scoring over the bare product at each size; of clustering and re-ranking, seconds beside those of their limit."""
    shrink, sizes = (20, 2) if quick else (1, None)
    for gallery in GALLERIES[:sizes]:
        yield _scoring(gallery // shrink, quick)
    for images in PERSON_SIZES[:sizes]:
        yield _clustering(images, TRAIN_IMAGES // shrink, quick)
    for pool in POOLS[:sizes]:
        yield _reranking(pool // shrink, quick)


def _scoring(gallery: int, quick: bool) -> Measured:
    people = gallery // IMAGES_A_PERSON
    query, images = (drawn_people(count, people, DIMENSION, seed) for seed, count in enumerate((QUERIES, gallery)))
    product = torch.empty(QUERIES, gallery)
    timings = rounds(
        {
            "scoring": partial(scored, query, images),
            "bare product": partial(torch.mm, query[0], images[0].T, out=product),
        },
        quick=quick,
    )
    return Measured(
        f"scoring {QUERIES} queries in {gallery:,} images, D {DIMENSION}",
        timings.ratio("scoring", over="bare product"),
        bound=None if quick else BOUND,
        seconds=timings.medians,
    )


def _clustering(images: int, count: int, quick: bool) -> Measured:
    people = count // images
    identities = torch.arange(people).repeat_interleave(images)
    embeddings, _ = embedded(identities.numpy(), DIMENSION, np.random.default_rng(0))
    sets = embeddings.view(people, images, DIMENSION)
    work = partial(clusters_inside, embeddings, identities, PAPERS)
    limit = {"product inside identities": partial(torch.bmm, sets, sets.mT)}
    return _beside(f"clustering {people:,} people x {images:,} images", work, limit, quick)


def _reranking(pool: int, quick: bool) -> Measured:
    queries = int(pool * QUERIES_IN_POOL)
    people = max(1, pool // IMAGES_A_PERSON)
    query, images = (drawn_people(n, people, DIMENSION, seed)[0] for seed, n in enumerate((queries, pool - queries)))
    limit = {"search": partial(search, torch.cat([query, images]), LIST_LENGTH, queries)}
    return _beside(f"re-ranking {pool:,} images", partial(rerank, query, images), limit, quick)


def _beside(what: str, work: Callable[[], object], limit: Mapping[str, Callable[[], object]], quick: bool) -> Measured:
    timings = rounds({"in all": work, **limit}, quick=quick)
    return Measured(f"{what}, D {DIMENSION}", timings.medians["in all"], "s", seconds=timings.medians)
