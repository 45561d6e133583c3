"""A small evaluation with clothes, made from numbers alone: no image, no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import score_rules
from ccreid.model.embedding import Embeddings
from ccreid.vocabulary import UNKNOWN, Benchmark, Ignore, Protocol, Samples

PROTOCOLS = (
    Protocol("standard", Ignore.SAME_CAMERA),
    Protocol("cloth-changing", Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES),
    Protocol("same-clothes", Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES),
)


def made_evaluation(seed: int = 0, people: int = 6, root: Path = Path()) -> Evaluation:
    """Queries and gallery of `people` in two outfits before three cameras, embedded as person + outfit + noise.

    Outfits are worn in turn by two people, as :func:`worn` says. Query 1 has an unknown camera; query 0's
    person has no other camera in the gallery, so it is skipped wherever the camera is ignored.
    """
    random = np.random.default_rng(seed)
    sides: dict[str, Samples] = {}
    vectors: dict[str, Embeddings] = {}
    of_person = random.normal(size=(people, 16))
    of_outfit = random.normal(size=(people, 16))
    for side, cameras in (("query", (1,)), ("gallery", (1, 2, 3))):
        table = [(person, outfit, camera) for person in range(people) for outfit in (0, 1) for camera in cameras]
        if side == "gallery":
            table = [row for row in table if row[0] != 0 or row[2] == 1]
        files = tuple(f"{side}/{person}_{outfit}_{camera}.jpg" for person, outfit, camera in table)
        camera_of = np.array([camera for _, _, camera in table])
        if side == "query":
            camera_of[1] = UNKNOWN
        sides[side] = Samples(
            person=np.array([person for person, _, _ in table]),
            camera=camera_of,
            clothes=np.array([10 * person + outfit for person, outfit, _ in table]),
            root=root,
            files=files,
        )
        dressed = [
            of_person[person] + 1.2 * of_outfit[number_worn(person, outfit, people)] for person, outfit, _ in table
        ]
        noisy = torch.tensor(np.array(dressed) + random.normal(size=(len(table), 16)), dtype=torch.float32)
        vectors[side] = Embeddings(normalize(noisy, dim=1), files, {})
    benchmark = Benchmark("made", root, sides, PROTOCOLS, licence="none needed")
    found = score_rules(
        vectors["query"].vectors,
        vectors["gallery"].vectors,
        sides["query"],
        sides["gallery"],
        [protocol.ignore for protocol in PROTOCOLS],
    )
    return Evaluation(benchmark, vectors, {p.name: s for p, s in zip(PROTOCOLS, found, strict=True)})


def number_worn(person: int, outfit: int, people: int = 6) -> int:
    """Which of `people` outfits a person wears: person p wears p and p + 1, so each is worn by two."""
    return (person + outfit) % people


def garments(evaluation: Evaluation, people: int = 6) -> dict[str, str]:
    """Shared outfit by file."""
    return {
        file: f"outfit {number_worn(int(clothes) // 10, int(clothes) % 10, people)}"
        for samples in evaluation.benchmark.subsets.values()
        if samples.clothes is not None
        for file, clothes in zip(samples.files, samples.clothes, strict=True)
    }
