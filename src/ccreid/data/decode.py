"""Pictures from disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from PIL import Image

from ccreid.errors import ImageError
from ccreid.machine.devices import default_workers
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import Samples


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """Decode a picture as RGB, from its bytes where they were read already. Raises ImageError, naming the file."""
    try:
        with Image.open(path if content is None else BytesIO(content)) as image:
            image.info.pop("transparency", None)  # without it nothing is left to warn of
            if image.mode.startswith("I;16"):  # Pillow would clip it to white; of 16-bit colours it keeps the high byte
                return image.point(lambda value: value / 256).convert("RGB")
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, RuntimeError, Image.DecompressionBombError) as error:
        raise ImageError(
            f"{path} cannot be read: {error}.",
            "Replace or remove it, or leave such images out: train with --set data.unreadable=skip, "
            "evaluate with --skip-unreadable.",
        ) from error


def leave_out_unreadable(samples: Samples, track: Track[int] = untracked) -> tuple[Samples, tuple[str, ...]]:
    """Decode every picture once; give back the samples whose picture can be read and the names of the others."""

    def readable(row: int) -> bool:
        try:
            read_image(samples.path(row))
        except ImageError:
            return False
        return True

    rows = range(len(samples))
    pool = ThreadPoolExecutor(default_workers() + 1)
    try:
        found = list(track(pool.map(readable, rows), "Reading every image", len(samples)))
    finally:
        pool.shutdown(cancel_futures=True)  # a user who stops need not wait for what is queued
    return (
        samples.select([row for row in rows if found[row]]),
        tuple(samples.files[row] for row in rows if not found[row]),
    )
