"""What tells whether images are still those of before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from ccreid.errors import ImageError
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import Pictures, Samples


def status_fingerprint(pictures: Pictures) -> str:
    """SHA-256 over the names, sizes and times of change of some images: quick, and other after a copy.

    Over their people, too, where they are known.
    """
    people = pictures.person if isinstance(pictures, Samples) else [""] * len(pictures)
    return _digest(
        f"{name}|{people[row]}|{status.st_size}|{status.st_mtime_ns}"
        for row, name in enumerate(pictures.files)
        for status in [pictures.path(row).stat()]
    )


def content_fingerprint(samples: Samples, track: Track[int] = untracked) -> str:
    """SHA-256 over the names, people and contents of some images: it reads every file, and a copy has the same.

    Raises
    ------
    ImageError
        A file cannot be read.
    """
    rows = track(range(len(samples)), "Reading the training images for their fingerprint", len(samples))
    return _digest(f"{samples.files[row]}|{samples.person[row]}|{_content(samples.path(row))}" for row in rows)


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}.", "Check the data set.") from error


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
