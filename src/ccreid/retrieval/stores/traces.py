"""Where the bytes of vectors are found in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

WINDOW = 8
"""So many numbers of a vector are searched for, or all where it has fewer: a part of a row left behind is found too."""
CHUNK_BYTES = 1 << 24
"""So much of a file is looked at in one go."""


@dataclass(frozen=True)
class Traces:
    """What a search of files found.

    Attributes
    ----------
    files:
        How many were read.
    holding:
        Those that hold one of the vectors, sorted.
    found:
        (N,) bool, which of the vectors were found.
    """

    files: int
    holding: tuple[Path, ...]
    found: NDArray[np.bool_]


def search_files(folder: Path, vectors: NDArray[np.float32]) -> Traces:
    """Read every file below a folder and look for vectors (N, D), as little-endian float32 at any byte.

    Looked for are the `WINDOW` numbers of each from its largest on: 32 bytes that nothing else has by chance.
    """
    needles = _needles(vectors)
    found = np.zeros(len(vectors), bool)
    files, holding = 0, []
    for path in sorted(place for place in folder.rglob("*") if place.is_file() and not place.is_symlink()):
        here = _found_in(path, needles) if path.stat().st_size and len(needles) else found[:0]
        files += 1
        if here.any():
            holding.append(path)
            found |= here
    return Traces(files, tuple(holding), found)


def _needles(vectors: NDArray[np.float32]) -> NDArray[np.uint16]:
    """(N, 2 WINDOW) of the bytes searched for, two by two."""
    width = min(WINDOW, vectors.shape[1])
    starts = np.minimum(np.abs(vectors).argmax(axis=1, keepdims=True), vectors.shape[1] - width)
    windows = np.take_along_axis(vectors, starts + np.arange(width), axis=1)
    return np.ascontiguousarray(windows, "<f4").view("<u2")


def _found_in(path: Path, needles: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """(N,) which needles a file holds."""
    found = np.zeros(len(needles), bool)
    overlap = needles.shape[1] * 2 + 1
    content = np.memmap(path, np.uint8, "r")
    for start in range(0, len(content), CHUNK_BYTES):
        chunk = np.asarray(content[start : start + CHUNK_BYTES + overlap])
        for shift in (0, 1):
            pairs = chunk[shift : shift + (len(chunk) - shift) // 2 * 2].view("<u2")
            found |= _found_among(pairs, needles)
    return found


def _found_among(pairs: NDArray[np.uint16], needles: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """(N,) which needles begin at some pair of bytes."""
    width = needles.shape[1]
    # Place by place, those that can still be one: after the first two, hardly any are left. The second holds sign and
    # exponent of the largest number, which no run of zeros has.
    left = np.arange(max(0, len(pairs) - width + 1))
    for place in (1, 0, *range(2, width)):
        allowed = np.zeros(1 << 16, bool)
        allowed[needles[:, place]] = True
        left = left[allowed[pairs[left + place]]]
        if not len(left):
            return np.zeros(len(needles), bool)
    there = {pairs[begin : begin + width].tobytes() for begin in left}
    return np.array([needle.tobytes() in there for needle in needles], bool)
