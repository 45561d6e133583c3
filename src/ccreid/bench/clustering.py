"""Attributes of all identities of an epoch, over the plain per-pair implementation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ccreid.bench import plain
from ccreid.bench.measure import Measured, rounds
from ccreid.bench.people import embedded
from ccreid.methods.fire2.mining import clusters_inside
from ccreid.recipe.settings import MiningSettings
from ccreid.runs.methods import mining_of

DIMENSION = 4096
PAPERS = mining_of(MiningSettings())
SIZES = {"LTCC's size": (77, 124), "LaST's size": (5_000, 14)}
"""People, images of each."""
PLAIN_IMAGES = 400
"""About as many are clustered plainly; the rest is reckoned from them."""
BOUND = 1 / 50


def measure(*, quick: bool) -> Iterator[Measured]:
    """Time from embeddings to labels, and the same in loops over pairs, on identities of one size."""
    for name, (people, images) in SIZES.items():
        people = max(2, people // 40) if quick else people
        identities = torch.arange(people).repeat_interleave(images)
        embeddings, _ = embedded(identities.numpy(), DIMENSION, np.random.default_rng(0))
        sample = max(1, (100 if quick else PLAIN_IMAGES) // images)
        expected = plain_labels(embeddings, images, sample)
        if clusters_inside(embeddings, identities, PAPERS)[0][: sample * images].tolist() != expected:
            raise RuntimeError(f"At {name} the labels are not those of the plain implementation.")
        timings = rounds(
            {
                "clustering": partial(clusters_inside, embeddings, identities, PAPERS),
                f"plain, {sample} people": partial(plain_labels, embeddings, images, sample),
            },
            quick=quick,
        )
        ratio = timings.ratio("clustering", over=f"plain, {sample} people") * sample / people
        yield Measured(
            f"Jaccard distance and clusters, {name}, {people:,} people x {images} images, D {DIMENSION}",
            ratio,
            bound=None if quick else BOUND,
            seconds=timings.medians,
            note=f"labels identical; the plain time is that of {sample} people times {people / sample:g}",
        )


def plain_labels(embeddings: Tensor, images: int, people: int) -> list[int]:
    """Labels of the first people, each with equally many images, from loops over pairs; distances by torch."""
    labels: list[int] = []
    k1, k2 = PAPERS.neighbours(images)
    for own in torch.split(embeddings[: people * images], images):
        squared = (2 - 2 * own @ own.T).tolist()
        distance = plain.jaccard_distance(squared, k1, k2, PAPERS.small_identities)
        labels += plain.dbscan(distance.tolist(), PAPERS.eps, 1)
    return labels
