"""Embeddings of people who were never drawn: a person's part, an outfit's part, noise, each of known size."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa

from ccreid.retrieval.calibration.calibration import Scope
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.retrieval.crops.crop_file import CropFile

SCOPE = Scope(
    data="simulated",
    people_are="never drawn",
    people=60,
    crops=360,
    cameras=3,
    outfits=2,
    synthetic=True,
    date="2026-01-01",
    version="0",
    seed=0,
)
"""Of a calibration made from 60 of them."""


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


def as_crop_file(crops: Enrolled, made_with: dict[str, str], **columns: Any) -> CropFile:
    """The same as a file of crops, with the columns `person`, `outfit` and `camera` or others in their place."""
    count, dimension = crops.vectors.shape
    known = {
        "person": [f"person {one}" for one in crops.person],
        "outfit": crops.outfit.tolist(),
        "camera": None if crops.camera is None else crops.camera.tolist(),
    } | columns
    table = pa.table(
        {
            "path": [f"{row}.jpg" for row in range(count)],
            "sha256": [hashlib.sha256(str(row).encode()).hexdigest() for row in range(count)],
            "box": pa.nulls(count, pa.list_(pa.int32(), 4)),
            "height_px": pa.array([128] * count, pa.int32()),
            "width_px": pa.array([64] * count, pa.int32()),
            "embedding": pa.FixedSizeListArray.from_arrays(crops.vectors.reshape(-1), dimension),
        }
        | {name: values for name, values in known.items() if values is not None}
    )
    return CropFile(table, made_with)
