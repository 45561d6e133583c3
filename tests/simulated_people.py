"""Embeddings of people who were never drawn: a person's part, an outfit's part, noise, each of known size."""

from __future__ import annotations

import numpy as np

from ccreid.retrieval.person_scores import Enrolled


def simulated(
    random: np.random.Generator,
    people: int,
    *,
    outfits: int = 2,
    cameras: int = 3,
    frames: int = 1,
    body: float = 0.3,
    clothes: float = 1.0,
    noise: float = 1.0,
    dimension: int = 24,
) -> Enrolled:
    """Everybody in every outfit before every camera.

    `body` is how much of an embedding is the person's own and shows in all clothes, `clothes` how much is the outfit's.
    """
    person, outfit, camera, _ = (
        axis.reshape(-1)
        for axis in np.meshgrid(
            np.arange(people), np.arange(outfits), np.arange(cameras), np.arange(frames), indexing="ij"
        )
    )
    worn = person * outfits + outfit
    bodies, garments = random.normal(size=(people, dimension)), random.normal(size=(people * outfits, dimension))
    vectors = body * bodies[person] + clothes * garments[worn] + noise * random.normal(size=(len(person), dimension))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Enrolled(vectors.astype(np.float32), person, worn, camera, np.full(len(person), 128))
