"""Files decoded as pictures in RGB."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from PIL import Image, UnidentifiedImageError

from ccreid.data.shown import as_shown
from ccreid.errors import ImageError
from ccreid.machine.formats import NO_PICTURES

MOST_BYTES = 2**31
"""A larger file is no picture of a person: it is not read."""

MEND = (
    "Replace or remove it, or leave such images out: train with --set data.unreadable=skip, "
    "evaluate with --skip-unreadable."
)


def read_image(path: Path, content: bytes | None = None) -> Image.Image:
    """Decode a picture as RGB, from its bytes where they were read already. Raises ImageError, naming the file."""
    return decoded(path, content_of(path) if content is None else content)


def decoded(path: Path | str, content: bytes) -> Image.Image:
    """A picture as RGB; `path` names it. Raises ImageError."""
    if not content:
        raise unreadable(path, "it is empty")
    try:
        with Image.open(BytesIO(content)) as image:
            if image.format in NO_PICTURES:
                raise unreadable(path, f"{image.format} is no format of pictures")
            return as_shown(image)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise unreadable(path, f"it begins with {content[:16]!r} and is no picture of a known format") from error
    except Exception as error:  # decoders raise whatever comes: TypeError, struct.error, MemoryError, ...
        raise unreadable(path, str(error).rstrip(".") or type(error).__name__) from error


def content_of(path: Path) -> bytes:
    """The bytes of a file. Raises ImageError, naming it."""
    size = status_of(path).st_size
    if size > MOST_BYTES:
        raise unreadable(path, f"its {size / 1e9:.1f} GB are too much for a picture")
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def status_of(path: Path) -> os.stat_result:
    """What the system says of a file, without opening it: a named pipe would never end. Raises ImageError."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        link = f"it is a link to {path.readlink()}, which is not there" if path.is_symlink() else ""
        raise unreadable(path, link or error.strerror or str(error)) from error
    except (OSError, ValueError) as error:  # a name with a null is a ValueError
        raise unreadable(path, getattr(error, "strerror", None) or str(error)) from error
    if not S_ISREG(status.st_mode):
        raise unreadable(path, "it is a folder" if S_ISDIR(status.st_mode) else "it is a pipe or a device, no file")
    return status


def unreadable(path: Path | str, why: str) -> ImageError:
    """The error for a picture that cannot be read."""
    return ImageError(f"{path} cannot be read: {why}.", MEND)
