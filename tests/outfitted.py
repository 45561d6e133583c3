"""A small evaluation with clothes, made from numbers alone: no image, no network."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from ccreid.datasets import own
from ccreid.datasets.reader import as_annotated
from ccreid.evaluation.evaluate import Evaluation, evaluate
from ccreid.evaluation.metrics import score_rules
from ccreid.machine.processes import ALONE
from ccreid.model.embedder import Embedder
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


def walked_evaluation(columns: Collection[str], seed: int = 0, people: int = 8) -> Evaluation:
    """A table of people who walked past in two outfits, twice in each, with some of its columns annotated.

    Every query has a frame of its own tracklet in the gallery, nearer than any other image of its person, and other
    tracklets, of the other camera, in the same and in other clothes.
    """
    random = np.random.default_rng(seed)
    sides: dict[str, Samples] = {}
    vectors: dict[str, Embeddings] = {}
    table = [(person, outfit, walk) for person in range(people) for outfit in (0, 1) for walk in (0, 1)]
    of_walk = {
        row: person_vector + random.normal(size=12)
        for person_vector, rows in zip(random.normal(size=(people, 12)), np.split(np.array(table), people), strict=True)
        for row in map(tuple, rows.tolist())
    }
    for side in ("query", "gallery"):
        known = {
            "camera": np.array([walk for _, _, walk in table]),
            "clothes": np.array([2 * person + outfit for person, outfit, _ in table]),
            "tracklet": np.arange(len(table)),
        }
        files = tuple(f"{side}/{person}_{outfit}_{walk}.jpg" for person, outfit, walk in table)
        sides[side] = Samples(
            person=np.array([person for person, _, _ in table]),
            files=files,
            **{name: column for name, column in known.items() if name in columns},  # type: ignore[arg-type]
        )
        noisy = np.array([of_walk[row] for row in table]) + 0.05 * random.normal(size=(len(table), 12))
        vectors[side] = Embeddings(normalize(torch.tensor(noisy, dtype=torch.float32), dim=1), files, {})
    protocols = as_annotated(own.PROTOCOLS, sides)
    return scored(Benchmark("made", Path(), sides, protocols), vectors)


def scored(benchmark: Benchmark, vectors: Mapping[str, Embeddings]) -> Evaluation:
    """A benchmark whose subsets are embedded already, scored as :func:`ccreid.evaluation.evaluate.evaluate` does."""
    embedder = cast(Embedder, SimpleNamespace(processes=ALONE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ccreid.evaluation.evaluate.cached_embeddings", lambda _embedder, _samples, name, *_: vectors[name]
        )
        return evaluate(embedder, benchmark)


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
