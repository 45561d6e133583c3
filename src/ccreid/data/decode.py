"""Pictures decoded as RGB."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import TypeVar

from PIL import Image

from ccreid.errors import ImageError
from ccreid.machine.devices import default_workers
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import Pictures

Some = TypeVar("Some", bound=Pictures)


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """Decode a picture as RGB, from its bytes where they were read already. Raises ImageError, naming the file."""
    try:
        with Image.open(path if content is None else BytesIO(content)) as image:
            return as_rgb(image)
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{path} cannot be read: {error}.",
            "Replace or remove it, or leave such images out: train with --set data.unreadable=skip, "
            "evaluate with --skip-unreadable.",
        ) from error


def as_rgb(image: Image.Image) -> Image.Image:
    """A picture as RGB, without its alpha channel; it loses what it says of transparency."""
    image.info.pop("transparency", None)  # without it nothing is left to warn of
    if image.mode.startswith("I;16"):  # Pillow would clip it to white; of 16-bit colours it keeps the high byte
        return image.point(lambda value: value / 256).convert("RGB")
    return image.convert("RGB")


def leave_out_unreadable(pictures: Some, track: Track[int] = untracked) -> tuple[Some, tuple[str, ...]]:
    """Decode every picture once; give back those that can be read and the names of the others."""

    def readable(row: int) -> bool:
        try:
            read_image(pictures.path(row))
        except ImageError:
            return False
        return True

    rows = range(len(pictures))
    pool = ThreadPoolExecutor(default_workers() + 1)
    try:
        found = list(track(pool.map(readable, rows), "Reading every image", len(pictures)))
    finally:
        pool.shutdown(cancel_futures=True)  # a user who stops need not wait for what is queued
    return (
        pictures.select([row for row in rows if found[row]]),
        tuple(pictures.files[row] for row in rows if not found[row]),
    )
