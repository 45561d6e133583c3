"""Crops are embedded by this process: threads read ahead while the network computes."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from ccreid.machine.devices import default_workers
from ccreid.model.embedder import Embedder
from ccreid.retrieval.crops.crop_reading import Picture, Seen, read_picture


@dataclass(frozen=True)
class Here:
    """Embeds in this process.

    Attributes
    ----------
    embedder:
        Given the crops as many at a time as it takes in a batch.
    """

    embedder: Embedder

    @property
    def runtime(self) -> str:
        """What runs the network."""
        return self.embedder.engine.library

    @property
    def made_with(self) -> dict[str, str]:
        """What the embeddings depend on."""
        return self.embedder.made_with

    def embed(self, pictures: Iterable[Picture], known: Container[str]) -> Iterator[list[Seen]]:
        """What came of the crops of each picture, in order; of those that are known without their embeddings.

        Raises
        ------
        DivergedError
            An embedding is not finite.
        """
        waiting: list[list[Seen]] = []
        taken: set[str] = set()
        for of_picture in self._read(pictures, known):
            waiting.append([_once(seen, taken, known) for seen in of_picture])
            if not 0 < len(taken) < self.embedder.batch_images:  # none to embed, or as many as it likes
                yield from self._embedded(waiting)
                waiting, taken = [], set()
        yield from self._embedded(waiting)

    def _read(self, pictures: Iterable[Picture], known: Container[str]) -> Iterator[list[Seen]]:
        """Each picture read, in order; two batches ahead at most, so that memory stays bounded."""
        preprocessing, ahead = self.embedder.preprocessing, 2 * self.embedder.batch_images
        reading: deque[tuple[int, Future[list[Seen]]]] = deque()
        crops = 0
        pool = ThreadPoolExecutor(default_workers() + 1)
        try:
            for picture in pictures:
                reading.append((len(picture.rows), pool.submit(read_picture, picture, preprocessing, known)))
                crops += len(picture.rows)
                while crops > ahead:
                    count, read = reading.popleft()
                    crops -= count
                    yield read.result()
            yield from (read.result() for _, read in reading)
        finally:
            pool.shutdown(cancel_futures=True)  # a user who stops need not wait for what is queued

    def _embedded(self, waiting: list[list[Seen]]) -> Iterator[list[Seen]]:
        pixels = [seen.values for of_picture in waiting for seen in of_picture if seen.values is not None]
        vectors = iter(self.embedder(pixels).vectors.numpy() if pixels else np.empty((0, 0), np.float32))
        for of_picture in waiting:
            yield [seen if seen.values is None else seen.embedded(next(vectors)) for seen in of_picture]


def _once(seen: Seen, taken: set[str], known: Container[str]) -> Seen:
    """A crop, without its pixels where the same one was taken or embedded since it was read."""
    if seen.values is None:
        return seen
    if seen.id in taken or seen.id in known:
        return replace(seen, values=None)
    taken.add(seen.id)
    return seen
