"""Pictures at the network's input size, remembered on disk so that they are decoded once.

A folder holds for every input size some segments, each written by one process alone and read by all::

    pixels/384x192/NAME.index     a header, then a record for every picture and for every other name of one
    pixels/384x192/NAME.pixels    height x width x 3 bytes for every picture

A record is written after its pixels, so that what has a record is whole; nothing written is ever changed. Two
processes that decode the same picture at the same time both keep it, which costs a little space.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import finalize

import numpy as np
import PIL
from numpy.typing import NDArray
from PIL import Image, features

from ccreid.data.decode import content_of, read_image, status_of
from ccreid.data.preprocess import Preprocessing
from ccreid.data.shown import RULE
from ccreid.machine.caches import users_folder

logger = logging.getLogger(__name__)

Bytes = NDArray[np.uint8]

FREE_BYTES = 2 * 2**30
"""Of the disk, left for what a run must write."""

SETTLED_NS = 2_000_000_000
"""How long a file must have been left alone before its times tell one content from the next."""

RECORD = struct.Struct("<16s16sII")  # name, key, slot, checksum of the pixels; then the record's own checksum
CHECKED_BYTES = RECORD.size + 4
NO_NAME, NO_SLOT = bytes(16), 2**32 - 1
HEADER_BYTES = 128


@dataclass(frozen=True)
class PixelCache:
    """Where pixels are kept.

    Attributes
    ----------
    folder:
        Made when first needed, readable by its owner alone: it holds pictures of people.
    max_bytes:
        What all files in it may hold together; checked before every picture, so processes that fill it at the
        same time may each go one picture too far.
    """

    folder: Path
    max_bytes: int


def users_cache(max_gb: float) -> PixelCache | None:
    """The cache of this user, of at most so many GB (10^9 bytes); None where none is wanted, or has a place.

    It lies in :func:`ccreid.machine.caches.users_folder`.
    """
    folder = users_folder() if max_gb else None
    return None if folder is None else PixelCache(folder / "pixels", round(max_gb * 1e9))


class Pixels:
    """Pictures at the input size, from a cache where it has them. For one thread of any process.

    A subclass that makes something else of a picture keeps it in a folder of a `kind` of its own.

    Parameters
    ----------
    preprocessing:
        The input size.
    cache:
        None decodes every time.

    Attributes
    ----------
    complaints:
        What the user should hear of the cache; whoever reads them clears them.
    """

    def __init__(self, preprocessing: Preprocessing, cache: PixelCache | None) -> None:
        self.preprocessing, self.cache = preprocessing, cache
        self.complaints: list[str] = []
        self._kind = ""
        self._shelf: _Shelf | None = None
        self._process = -1

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_shelf": None, "_process": -1, "complaints": []}

    def read(self, picture: Path | Image.Image) -> Bytes:
        """A picture as (height_px, width_px, 3) uint8, not to be written to; only files are kept. Raises ImageError."""
        if isinstance(picture, Image.Image):
            return self._made(picture)
        return self._of_file(picture)

    def _made(self, image: Image.Image) -> Bytes:
        return self.preprocessing.pixels(image)

    def _of_file(self, path: Path) -> Bytes:
        shelf = self._opened()
        if shelf is None:
            return self._made(read_image(path))
        status = status_of(path)
        name = _digest(f"{path}|{status.st_ino}|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}".encode())
        known = shelf.by_name(name)
        if known is not None:
            return known
        content = content_of(path)
        if time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) < SETTLED_NS:
            name = NO_NAME
        key = _digest(content)
        pixels = shelf.by_key(key)
        if pixels is None:
            pixels = self._made(read_image(path, content))
            shelf.keep(name, key, pixels)
        elif name != NO_NAME:
            shelf.keep(name, key)
        return pixels

    def _opened(self) -> _Shelf | None:
        if self.cache is not None and self._process != os.getpid():  # a fork must not write where its parent does
            size = (self.preprocessing.height_px, self.preprocessing.width_px)
            self._process, self._shelf = os.getpid(), _Shelf(self.cache, size, self._complain, self._kind)
        return self._shelf

    def _complain(self, complaint: str) -> None:
        self.complaints.append(complaint)


class _Damaged(Exception):  # noqa: N818 - never leaves this module
    """A segment is not what its records say."""


class _Shelf:
    """Every picture of one size in a cache, as one process sees it."""

    def __init__(
        self, cache: PixelCache, size: tuple[int, int], complain: Callable[[str], None], kind: str = ""
    ) -> None:
        self.cache, self.size, self._complain = cache, size, complain
        self.folder = cache.folder / f"{size[0]}x{size[1]}{kind}"
        self._segments: dict[str, _Segment] = {}
        self._discarded: set[str] = set()
        self._keys: dict[bytes, bytes] = {}
        self._places: dict[bytes, tuple[_Segment, int, int | None]] = {}  # checksum; None once it was found right
        self._writer: _Writer | None = None
        self._writing = True
        try:
            for folder in (cache.folder.parent, cache.folder, self.folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._stop_writing(f"cannot be written ({error.strerror})")
        self._look_around()

    def by_name(self, name: bytes) -> Bytes | None:
        """The pixels of a file that was met before; a new one may have been kept by another process meanwhile."""
        if name not in self._keys:
            self._look_around()
        return self._of(self._keys.get(name))

    def by_key(self, key: bytes) -> Bytes | None:
        """The pixels made of some content."""
        return self._of(key)

    def keep(self, name: bytes, key: bytes, pixels: Bytes | None = None) -> None:
        """Keep pixels, or another name of what is kept, as far as there is room."""
        if self._writing:
            try:
                self._keep(name, key, pixels)
            except OSError as error:
                self._stop_writing(f"cannot be written ({error.strerror})")

    def _keep(self, name: bytes, key: bytes, pixels: Bytes | None) -> None:
        needed = CHECKED_BYTES + (0 if pixels is None else pixels.nbytes)
        header = HEADER_BYTES if self._writer is None else 0
        if _held_bytes(self.cache.folder) + needed + header > self.cache.max_bytes:
            return self._stop_writing("is as large as data.cache_gb lets it be")
        if shutil.disk_usage(self.folder).free - needed < FREE_BYTES:
            return self._stop_writing(f"leaves the last {FREE_BYTES / 1e9:.0f} GB of the disk free")
        if self._writer is None:
            self._writer = _Writer(self.folder, self.size)
            self._segments[self._writer.segment.name] = self._writer.segment
        place = self._writer.write(name, key, pixels)
        if name != NO_NAME:
            self._keys[name] = key
        if place is not None:
            self._places[key] = (self._writer.segment, place, None)
        return None

    def _of(self, key: bytes | None) -> Bytes | None:
        if key is None or key not in self._places:
            return None
        segment, slot, checksum = self._places[key]
        try:
            pixels = segment.pixels(slot, unread=checksum is not None)
            if checksum is not None:
                if zlib.crc32(pixels.data) != checksum:
                    raise _Damaged
                self._places[key] = (segment, slot, None)
        except (_Damaged, OSError):
            self._discard(segment.name)
            return None
        return pixels

    def _look_around(self) -> None:
        """Take up what other processes have written since."""
        try:
            with os.scandir(self.folder) as entries:
                sizes = {entry.name: entry.stat().st_size for entry in entries}
        except OSError:
            return
        for file, size in sizes.items():
            name, dot, kind = file.rpartition(".")
            if name in self._discarded or not dot:
                continue
            if kind == "pixels" and f"{name}.index" not in sizes:
                self._remove_orphan(name)
            elif kind == "index":
                self._take_up(name, size)

    def _remove_orphan(self, name: str) -> None:
        """Delete pixels without an index, which is made first and goes first.

        A listing made while files come may show the second and not the first: the index itself is asked for.
        """
        segment = _Segment(self.folder, name, self.size)
        if not segment.index_path.exists():
            with suppress(OSError):
                segment.pixels_path.unlink()

    def _take_up(self, name: str, size: int) -> None:
        segment = self._segments.setdefault(name, _Segment(self.folder, name, self.size))
        if size < segment.read_to + CHECKED_BYTES or (self._writer and segment is self._writer.segment):
            return
        try:
            for of_name, key, slot, checksum in segment.news():
                if of_name != NO_NAME:
                    self._keys[of_name] = key
                if slot != NO_SLOT:
                    self._places.setdefault(key, (segment, slot, checksum))
        except (_Damaged, OSError):
            self._discard(name)

    def _discard(self, name: str) -> None:
        """Delete a segment; its pictures are kept anew as they come."""
        self._discarded.add(name)
        gone = self._segments.pop(name)
        self._places = {key: place for key, place in self._places.items() if place[0] is not gone}
        if self._writer is not None and self._writer.segment is gone:
            self._writer = None
        for path in (gone.index_path, gone.pixels_path):
            with suppress(OSError):
                path.unlink()
        self._complain(
            f"Part of the pixel cache in {self.cache.folder} is damaged or of another version; that part is made anew."
        )

    def _stop_writing(self, why: str) -> None:
        self._writing, self._writer = False, None
        self._complain(
            f"The pixel cache in {self.cache.folder} {why}: images that are not in it are decoded every time."
        )


class _Segment:
    """What one process has written, for reading."""

    def __init__(self, folder: Path, name: str, size: tuple[int, int]) -> None:
        self.name, self.shape = name, (*size, 3)
        self.index_path, self.pixels_path = folder / f"{name}.index", folder / f"{name}.pixels"
        self.read_to = 0
        self._bytes = size[0] * size[1] * 3
        self._map: mmap.mmap | None = None

    def news(self) -> Iterator[tuple[bytes, bytes, int, int]]:
        """The records (name, key, slot, checksum) since the last time. Raises _Damaged, OSError."""
        with self.index_path.open("rb") as file:
            if not self.read_to:
                if file.read(HEADER_BYTES) != _header((self.shape[0], self.shape[1])):
                    raise _Damaged
                self.read_to = HEADER_BYTES
            file.seek(self.read_to)
            content = file.read()
        for start in range(0, len(content) - CHECKED_BYTES + 1, CHECKED_BYTES):  # the last may be half written
            record = content[start : start + RECORD.size]
            if zlib.crc32(record) != int.from_bytes(content[start + RECORD.size : start + CHECKED_BYTES], "little"):
                raise _Damaged
            self.read_to += CHECKED_BYTES
            yield RECORD.unpack(record)

    def pixels(self, slot: int, *, unread: bool) -> Bytes:
        """(height, width, 3) of a slot. Raises _Damaged, OSError.

        Where the slot was not read before, the file is looked at again: a page behind its end cannot be read.
        """
        end = (slot + 1) * self._bytes
        if unread and self.pixels_path.stat().st_size < end:
            raise _Damaged
        if self._map is None or len(self._map) < end:
            with self.pixels_path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < end:
                    raise _Damaged
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return np.frombuffer(self._map, np.uint8, self._bytes, end - self._bytes).reshape(self.shape)


class _Writer:
    """The one that writes a segment. Plain writes: through a map, a full disk would end the process."""

    def __init__(self, folder: Path, size: tuple[int, int]) -> None:
        name = uuid4().hex
        self.segment = _Segment(folder, name, size)
        with _created(folder / name) as file:
            _write(file, _header(size))
        (folder / name).rename(self.segment.index_path)  # nobody sees an index without its header
        files = ExitStack()
        finalize(self, files.close)
        self._index = files.enter_context(self.segment.index_path.open("ab", buffering=0))
        self._pixels = files.enter_context(_created(self.segment.pixels_path))
        self._slots = 0

    def write(self, name: bytes, key: bytes, pixels: Bytes | None) -> int | None:
        """Write pixels and their record, or the record of a name alone; gives the slot. Raises OSError."""
        slot = None
        if pixels is not None:
            slot, self._slots = self._slots, self._slots + 1
            _write(self._pixels, pixels.data.cast("B"))
        record = RECORD.pack(
            name, key, NO_SLOT if slot is None else slot, 0 if pixels is None else zlib.crc32(pixels.data)
        )
        _write(self._index, record + zlib.crc32(record).to_bytes(4, "little"))
        return slot


def _created(path: Path) -> FileIO:
    return open(path, "xb", buffering=0, opener=lambda file, flags: os.open(file, flags, 0o600))


def _write(file: FileIO, content: bytes | memoryview) -> None:
    if file.write(content) != len(content):
        raise OSError(0, "no space left")


def _held_bytes(folder: Path) -> int:
    """All bytes in the folders of a cache."""
    held = 0
    with os.scandir(folder) as sizes:
        for size in sizes:
            # What is damaged is deleted meanwhile, and a file manager may leave a file among the folders.
            with suppress(FileNotFoundError, NotADirectoryError), os.scandir(size.path) as files:
                held += sum(file.stat().st_size for file in files)
    return held


@cache
def _header(size: tuple[int, int]) -> bytes:
    """What pixels depend on beside the content: the size, the rule by which it is shown, who decodes."""
    decoders = {"JPEG": "jpg", "WebP": "webp", "AVIF": "avif", "JPEG2000": "jpg_2000"}
    made_by = " ".join(f"{name} {features.version(feature)}" for name, feature in decoders.items())
    header = f"ccreid pixels {RULE}, {size[0]} x {size[1]}, Pillow {PIL.__version__} {made_by}"
    return header.encode().ljust(HEADER_BYTES)[:HEADER_BYTES]


def _digest(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
