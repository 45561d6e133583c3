"""Batches from disk: drawn and augmented for training, in order and plain for embedding."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ccreid.data.augment import Augmentation, Hole, erase
from ccreid.data.batch import Batch, PlainBatch
from ccreid.data.disguise import Disguise
from ccreid.data.given import Given
from ccreid.data.pixels import PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.errors import DataError, ImageError, SettingError
from ccreid.machine.limits import BATCH_IMAGES
from ccreid.machine.processes import ALONE, CPU, Processes
from ccreid.machine.seeds import derive_seed
from ccreid.vocabulary import Pictures, Samples

Draw = tuple[int, ...]
"""A row of the pictures, then the seed of the augmentation where there is one."""


class _Bytes(NamedTuple):
    """A batch on its way: a quarter of what the network is given, and what is to be erased after normalising."""

    pixels: Tensor
    holes: list[Hole]
    indices: Tensor


_Made = tuple[_Bytes | ImageError, tuple[str, ...]]
"""A batch, or why there is none, and what the user should hear of the cache."""

Anything = TypeVar("Anything")

logger = logging.getLogger(__name__)


class TrainLoader:
    """Augmented P x K batches; the same seed, epoch and step give the same batch whatever the workers.

    Parameters
    ----------
    samples:
        The train set.
    augmentation:
        What is done to each image.
    sampler:
        Which images make a batch.
    seed:
        Of the order and of the augmentation.
    workers:
        Processes that decode; 0 decodes in this one.
    cache:
        Where decoded pictures are kept; None decodes them every time. It changes no batch.
    disguise:
        Puts people into other clothes and before other backgrounds; None leaves them as they are.
    device:
        Where the batches are wanted.
    processes:
        Those that share each batch; this one makes the part of its identities.

    Raises
    ------
    SettingError
        The identities of a batch cannot be shared out evenly.
    """

    def __init__(
        self,
        samples: Samples,
        augmentation: Augmentation,
        sampler: IdentitySampler,
        *,
        seed: int,
        workers: int,
        cache: PixelCache | None = None,
        disguise: Disguise | None = None,
        device: torch.device = CPU,
        processes: Processes = ALONE,
    ) -> None:
        if sampler.people % processes.count:
            raise SettingError(
                f"The {sampler.people} people of a batch cannot be shared out evenly to {processes.count} processes.",
                f"Set data.people to a multiple of {processes.count}.",
            )
        self.sampler, self.seed, self.processes = sampler, seed, processes
        self._draws = _Draws()
        pixels = Pixels(augmentation.preprocessing, cache)
        self._identities = torch.from_numpy(samples.identities)
        self._batches = _Batches(_Maker(samples.path, pixels, augmentation, disguise), self._draws, workers, device)

    def steps(self, epoch: int) -> int:
        """How many batches an epoch (0-based) has."""
        return len(self._rows(epoch))

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[int, Batch]]:
        """The numbered batches of an epoch (0-based), from batch `first` on. Raises ImageError."""
        draws: list[list[Draw]] = [
            [(int(row), derive_seed(self.seed, "augment", epoch, step, place)) for place, row in enumerate(rows)]
            for step, rows in enumerate(self._rows(epoch))
        ]
        self._draws.of_epoch = [whole[self.processes.share(len(whole))] for whole in draws[first:]]
        for step, (images, indices) in enumerate(self._batches, first):
            yield step, Batch(images, self._identities[indices], indices).to(images.device)

    def _rows(self, epoch: int) -> list[NDArray[np.int64]]:
        return self.sampler.batches(np.random.default_rng(derive_seed(self.seed, "order", epoch)))


class PlainLoader:
    """Every image once, in order, with the test transform.

    Parameters
    ----------
    pictures:
        On disk, or as they were given.
    preprocessing:
        The test transform.
    batch_images:
        Images a batch.
    workers:
        Processes that decode; 0 decodes in this one.
    cache:
        Where decoded pictures are kept; None decodes them every time. It changes no batch.
    device:
        Where the batches are wanted.
    processes:
        Those that share the batches; this one makes its part of them.
    """

    def __init__(
        self,
        pictures: Pictures | Given,
        preprocessing: Preprocessing,
        *,
        batch_images: int = BATCH_IMAGES,
        workers: int = 0,
        cache: PixelCache | None = None,
        device: torch.device = CPU,
        processes: Processes = ALONE,
    ) -> None:
        self.pictures = pictures
        rows: list[Draw] = [(row,) for row in range(len(pictures))]
        draws = [rows[start : start + batch_images] for start in range(0, len(rows), batch_images)]
        own = draws[processes.share(len(draws))]
        picture = pictures.path if isinstance(pictures, Pictures) else pictures.picture
        self._batches = _Batches(_Maker(picture, Pixels(preprocessing, cache), None), own, workers, device)

    @property
    def samples(self) -> Samples:
        """The pictures with what is known of them. Raises DataError where that is nothing."""
        if not isinstance(self.pictures, Samples):
            raise DataError("Who is on these pictures is not known.", "Give samples, which have their people.")
        return self.pictures

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[PlainBatch]:
        for batch in self._batches:
            yield batch.to(batch.images.device)


class _Draws:
    """The draws of the epoch that a train loader is at: persistent workers outlive each epoch's list."""

    def __init__(self) -> None:
        self.of_epoch: list[list[Draw]] = []

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self.of_epoch)

    def __len__(self) -> int:
        return len(self.of_epoch)


class _Maker(Dataset[Any]):
    """Makes a batch of pictures at once, in whatever process it runs, from where each lies or from itself."""

    def __init__(
        self,
        picture: Callable[[int], Path | Image.Image],
        pixels: Pixels,
        augmentation: Augmentation | None,
        disguise: Disguise | None = None,
    ) -> None:
        self.picture, self.pixels, self.augmentation, self.disguise = picture, pixels, augmentation, disguise

    def __getitems__(self, draws: list[Draw]) -> _Made:
        rows = [draw[0] for draw in draws]
        try:
            pictures = [self.pixels.read(self.picture(row)) for row in rows]
            if self.disguise is not None:
                pictures = [
                    self.disguise(row, seed, picture) for (row, seed), picture in zip(draws, pictures, strict=True)
                ]
        except ImageError as error:
            return self._made(error)  # raised by the process that asked, without the worker's traceback
        pixels, holes = (
            (torch.from_numpy(np.stack(pictures)), [])
            if self.augmentation is None
            else self.augmentation.move(pictures, [draw[1] for draw in draws])
        )
        return self._made(_Bytes(pixels, holes, torch.tensor(rows)))

    def _made(self, batch: _Bytes | ImageError) -> _Made:
        complaints, self.pixels.complaints = tuple(self.pixels.complaints), []
        return batch, complaints if self.disguise is None else (*complaints, *self.disguise.complaints())


class _Batches:
    """Batches as the workers send them, normalised on the device: bytes travel, floats are made where they are used.

    Their indices stay where they are, so that what is known of the images can be looked up.
    """

    def __init__(self, maker: _Maker, draws: Iterable[list[Draw]], workers: int, device: torch.device) -> None:
        self._preprocessing, self._device = maker.pixels.preprocessing, device
        self._made: DataLoader[Any] = DataLoader(
            maker,
            batch_sampler=draws,  # any sized iterable of lists of keys will do
            num_workers=workers,
            collate_fn=_as_made,
            pin_memory=device.type == "cuda",  # so that copying to it need not wait
            persistent_workers=workers > 0,
            worker_init_fn=_leave_stopping_to_the_parent,
            generator=torch.Generator(),  # so that the loader does not draw from the global one
        )

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[PlainBatch]:
        with _termination_held():
            batches = iter(self._made)  # starts the workers
        for made, complaints in batches:
            for complaint in complaints:
                _say_once(complaint)
            if isinstance(made, ImageError):
                # A new one: raising what a local holds makes a cycle, which would keep the workers for a while.
                raise ImageError(made.message, made.mend)
            yield PlainBatch(self._images(made), made.indices)

    def _images(self, made: _Bytes) -> Tensor:
        pixels = made.pixels.to(self._device, non_blocking=True)
        return erase(self._preprocessing.normalised(pixels), made.holes)


def _as_made(batch: Anything) -> Anything:
    return batch


@contextmanager
def _termination_held() -> Iterator[None]:
    """Let a termination signal wait: a worker that starts meanwhile lets it wait in every thread, from its first on.

    Libraries such as LanceDB start threads in whatever is forked, before the worker itself can say anything.
    """
    if not hasattr(signal, "sigwaitinfo"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_stopping_to_the_parent(_worker: int) -> None:
    """Let a worker outlive signals that the terminal or a scheduler sends to every process of a run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS and Windows, where a termination signal ends the worker
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_when_the_parent_says, daemon=True).start()


def _end_when_the_parent_says() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


@cache
def _say_once(complaint: str) -> None:
    """Warn in the process that asked: of many workers each finds the same disk full."""
    logger.warning("%s", complaint)
