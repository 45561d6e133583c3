"""Whether two engines give the same embeddings."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.machine.seeds import generator
from ccreid.model.engine import Engine

PARITY = 1e-4
"""How far a number of an embedding may be from torch's for the embeddings to count as the same model's."""


def largest_difference(engine: Engine, other: Engine, batches: Iterable[Tensor]) -> float:
    """The largest absolute difference of a number between two engines' embeddings; NaN where one is no number.

    Parameters
    ----------
    engine, other:
        What is compared.
    batches:
        (B, 3, H, W) float32 images each, preprocessed, on the CPU.
    """
    largest = torch.zeros(())
    with engine.running() as run, other.running() as run_other:
        for images in batches:
            ours, theirs = (of(images.to(on.device)).cpu() for of, on in ((run, engine), (run_other, other)))
            largest = torch.maximum(largest, (ours - theirs).abs().max())  # which lets NaN through
    return largest.item()


def noise(preprocessing: Preprocessing, count: int) -> Tensor:
    """(count, 3, H, W) float32: pictures of noise, the same ones each time, preprocessed."""
    size = (count, preprocessing.height_px, preprocessing.width_px, 3)
    drawn = torch.randint(256, size, dtype=torch.uint8, generator=generator(0, "noise"))
    return preprocessing.normalised(drawn)
