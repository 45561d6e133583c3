"""Which pictures can be read, asked before anything is done with them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from ccreid.data.decode import MEND, read_image
from ccreid.data.pixels import Bytes, PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ImageError
from ccreid.machine.devices import default_workers
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import Pictures

logger = logging.getLogger(__name__)

Read = Callable[[Path], object]
Some = TypeVar("Some", bound=Pictures)
SHOWN = 5


def through_cache(preprocessing: Preprocessing, cache: PixelCache | None) -> Read:
    """What reads a picture in any thread, through a cache: it is not decoded where it was before, and never again."""
    of_thread = threading.local()

    def read(path: Path) -> Bytes:
        if not hasattr(of_thread, "pixels"):
            of_thread.pixels = Pixels(preprocessing, cache)
        pixels: Pixels = of_thread.pixels
        found = pixels.read(path)
        for complaint in pixels.complaints:
            logger.warning("%s", complaint)
        pixels.complaints = []
        return found

    return read


def leave_out_unreadable(
    pictures: Some, track: Track[ImageError | None] = untracked, read: Read = read_image
) -> tuple[Some, tuple[str, ...]]:
    """Decode every picture once; give back those that can be read and the names of the others."""
    problems = _problems([pictures.path(row) for row in range(len(pictures))], track, read)
    return (
        pictures.select([row for row, problem in enumerate(problems) if problem is None]),
        tuple(file for file, problem in zip(pictures.files, problems, strict=True) if problem is not None),
    )


def check_readable(
    several: Iterable[Pictures], track: Track[ImageError | None] = untracked, read: Read = read_image
) -> None:
    """Decode every picture once, however often it is used. Raises ImageError where some cannot be read."""
    paths = list(dict.fromkeys(pictures.path(row) for pictures in several for row in range(len(pictures))))
    problems = [problem for problem in _problems(paths, track, read) if problem is not None]
    if problems:
        more = f" {len(problems) - SHOWN} more cannot be read, too." if len(problems) > SHOWN else ""
        raise ImageError(" ".join(problem.message for problem in problems[:SHOWN]) + more, MEND)


def _problems(paths: list[Path], track: Track[ImageError | None], read: Read) -> list[ImageError | None]:
    """Why each picture cannot be read; None where it can."""

    def problem(path: Path) -> ImageError | None:
        try:
            read(path)
        except ImageError as error:
            return error
        return None

    pool = ThreadPoolExecutor(default_workers() + 1)
    try:
        return list(track(pool.map(problem, paths), "Reading every image", len(paths)))
    finally:
        pool.shutdown(cancel_futures=True)  # a user who stops need not wait for what is queued
