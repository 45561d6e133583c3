"""What tells whether images are still those of before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from ccreid.data.decode import content_of, status_of
from ccreid.machine.progress import Track, untracked
from ccreid.vocabulary import COLUMN_NAMES, Pictures, Samples

_ALWAYS = ("person", "camera", "clothes", "tracklet")
"""Columns that have a place in every line; a later one has it where it is annotated, so that runs of before go on."""


def status_fingerprint(pictures: Pictures) -> str:
    """SHA-256 over the names, sizes and times of change of some images: quick, and other after a copy.

    Over their people, too, where they are known. Raises ImageError where a file is not there.
    """
    people = pictures.person if isinstance(pictures, Samples) else [""] * len(pictures)
    return _digest(
        f"{name}|{people[row]}|{status.st_size}|{status.st_mtime_ns}"
        for row, name in enumerate(pictures.files)
        for status in [status_of(pictures.path(row))]
    )


def content_fingerprint(uses: Mapping[str, Samples], track: Track[tuple[str, int]] = untracked) -> str:
    """SHA-256 over the names, columns and contents of some images: it reads every file, and a copy has the same.

    Parameters
    ----------
    uses:
        The images by what they are used for: the same images have another fingerprint for another use.
    track:
        Follows the reading.

    Raises
    ------
    ImageError
        A file cannot be read.
    """
    rows = [(use, row) for use, samples in uses.items() for row in range(len(samples))]
    followed = track(rows, "Reading the images for their fingerprint", len(rows))
    return _digest(_line(use, uses[use], row) for use, row in followed)


def _line(use: str, samples: Samples, row: int) -> str:
    columns = {name: getattr(samples, name) for name in COLUMN_NAMES}
    values = ["" if (column := columns.pop(name)) is None else str(column[row]) for name in _ALWAYS]
    values += [f"{name} {column[row]}" for name, column in columns.items() if column is not None]
    return "|".join([use, samples.files[row], *values, hashlib.sha256(content_of(samples.path(row))).hexdigest()])


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()
