"""Batches from cached pixels over batches from JPEGs, on one core; then through a worker process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from ccreid.bench.measure import Measured, rounds
from ccreid.data.augment import Augmentation
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.pixels import PixelCache
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.recipe.settings import DataSettings
from ccreid.vocabulary import Samples

IMAGES_A_PERSON = 8


PAPERS = DataSettings(dataset="made up")
PREPROCESSING = Preprocessing(PAPERS.height_px, PAPERS.width_px)


def measure(*, quick: bool) -> Iterator[Measured]:
    """Images a second from the second pass on, with the test and with the train transform.

    The bound is for one core, where nothing travels between processes.
    """
    images = 16 if quick else 512
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with tempfile.TemporaryDirectory() as folder:
            samples = synthetic_pictures(Path(folder) / "images", images)
            cache = PixelCache(Path(folder) / "pixels", 10**9)
            for workers, place in ((0, "on one core"), (1, "through one worker")):
                for transform, loader in (("test", _plain), ("train", _train)):
                    timings = rounds(
                        {"decoding": loader(samples, None, workers), "cached": loader(samples, cache, workers)},
                        quick=quick,
                    )
                    yield Measured(
                        f"images/s from cached pixels over decoding, {transform} transform, 256 x 128 to 384 x 192, "
                        f"{place}",
                        timings.ratio("decoding", over="cached"),
                        "x",
                        None if quick or workers else 4,
                        "at least",
                        seconds=timings.medians,
                        note=f"{images} images a pass; cached: {images / timings.medians['cached']:.0f} images/s",
                    )
    finally:
        torch.set_num_threads(threads)


def synthetic_pictures(folder: Path, count: int, height_px: int = 256, width_px: int = 128) -> Samples:
    """JPEGs of quality 90, smooth noise with shapes on it: about as many bytes as a photograph of a person."""
    folder.mkdir(parents=True)
    files = tuple(f"{row:05}.jpg" for row in range(count))
    draws = np.random.default_rng(0)
    for file in files:
        grain, clouds = (draws.integers(0, 256, (height, width, 3), dtype=np.uint8) for height, width in _GRIDS)
        size = (width_px, height_px)
        smooth, rough = (Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC) for grid in (clouds, grain))
        picture = Image.blend(smooth, rough, 0.2)
        for _ in range(6):
            (left, right), (top, bottom) = (np.sort(draws.integers(0, side, 2)).tolist() for side in size)
            colour = tuple(draws.integers(0, 256, 3).tolist())
            ImageDraw.Draw(picture).ellipse((left, top, right, bottom), fill=colour)
        picture.save(folder / file, quality=90)
    return Samples(person=np.arange(count) // IMAGES_A_PERSON, root=folder, files=files)


_GRIDS = ((64, 32), (16, 8))


def _plain(samples: Samples, cache: PixelCache | None, workers: int) -> Callable[[], None]:
    loader = PlainLoader(samples, PREPROCESSING, batch_images=32, workers=workers, cache=cache)

    def run() -> None:
        for _ in loader:
            pass

    return run


def _train(samples: Samples, cache: PixelCache | None, workers: int) -> Callable[[], None]:
    people = min(8, len(samples) // IMAGES_A_PERSON)
    sampler = IdentitySampler(samples.identities, people, 4)
    loader = TrainLoader(samples, augmented(PREPROCESSING), sampler, seed=0, workers=workers, cache=cache)

    def run() -> None:
        for _ in loader.epoch(0):
            pass

    return run


def augmented(preprocessing: Preprocessing) -> Augmentation:
    """The paper's augmentation of pictures of some size."""
    return Augmentation(preprocessing, PAPERS.flip, PAPERS.padding_px, PAPERS.erasing, PAPERS.erasing_aspect)
