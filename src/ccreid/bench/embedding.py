"""Embedding images from disk over the network alone on the same batches."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from ccreid.bench.input import synthetic_pictures
from ccreid.bench.measure import Measured, rounds
from ccreid.data.loaders import PlainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.machine.devices import default_workers
from ccreid.machine.seeds import seeded
from ccreid.model.backbone import Backbone
from ccreid.model.embedding import embed
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network


def measure(*, quick: bool) -> Iterator[Measured]:
    """Throughput from JPEGs that are decoded, as at a first pass, over the network's own."""
    backbone, (height_px, width_px) = ("mobilenetv2_100", (64, 32)) if quick else ("resnet50", (256, 128))
    images, batch_images, workers = (4, 2, 0) if quick else (192, 64, default_workers())
    with seeded(0):
        network = Network(
            Backbone(backbone, height_px=height_px, width_px=width_px, last_stride=2 if quick else 1)
        ).eval()
    with tempfile.TemporaryDirectory() as folder:
        samples = synthetic_pictures(Path(folder) / "images", images)
        engine, preprocessing = TorchEngine(network, flip=False), Preprocessing(height_px, width_px)
        batches = [batch.images for batch in PlainLoader(samples, preprocessing, batch_images=batch_images)]

        def from_disk() -> None:
            embed(engine, PlainLoader(samples, preprocessing, batch_images=batch_images, workers=workers))

        def alone() -> None:
            with torch.inference_mode():
                for batch in batches:
                    network(batch)

        timings = rounds({"from disk": from_disk, "network alone": alone}, quick=quick)
    yield Measured(
        f"images/s from JPEGs on disk over the network alone, {backbone}, {height_px} x {width_px}",
        timings.ratio("network alone", over="from disk"),
        "x",
        None if quick else 0.9,
        "at least",
        seconds=timings.medians,
        note=f"{images} images, nothing cached, decoding processes: {workers}; starting them counts",
    )
