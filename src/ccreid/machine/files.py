"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError

from ccreid.errors import StorageError
from ccreid.machine.arguments import is_utf8

LOCK, WRITER = ".writer.lock", ".writer.json"
WRITERS = frozenset({LOCK, WRITER})
"""What stands in a folder while a command holds it, see :mod:`ccreid.machine.writing`."""

HOLDER = ".unfinished-"
"""Stands in the name of a folder where a file is being written."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; put it in its place once the block has ended well.

    The temporary may become a file or a folder, of the same kind as what stood there. It is flushed to the
    disk before it takes that place; when the block fails it is removed, and what stood there stays as it was.

    Raises
    ------
    StorageError
        The disk is full, or the folder cannot be written. Any OSError of the block is taken for a failed
        write, so read what you need before you enter it.
    """
    holder = None
    try:
        _make_folder(path.parent)
        holder = Path(tempfile.mkdtemp(prefix=f".{path.name}{HOLDER}", dir=path.parent))
        yield holder / path.name
        _flush(holder / path.name)
        _put(holder / path.name, path)
        _flush_folder(path.parent)
    except (OSError, SafetensorError) as error:  # on a full disk safetensors raises an error of its own
        raise StorageError(
            f"{path} could not be written: {getattr(error, 'strerror', None) or error}.",
            "What stood there before is intact. Free some space or choose another place.",
        ) from error
    finally:
        if holder is not None:
            shutil.rmtree(holder, ignore_errors=True)


def check_writable(path: Path, kind: Literal["file", "folder"] = "folder") -> None:
    """Find before any work whether a file can be written, or files in a folder; nothing stays behind.

    It is tried rather than asked: permissions do not tell of a read-only disk, or of a name that is too long.

    Raises
    ------
    StorageError
        They cannot be.
    """
    try:
        if not is_utf8(path):
            raise OSError(errno.EILSEQ, "its name is not UTF-8")
        if path.exists() and path.is_dir() != (kind == "folder"):
            raise OSError(errno.EEXIST, f"it is a {'file' if kind == 'folder' else 'folder'}, not a {kind}")
        folder = path.absolute() if kind == "folder" else path.absolute().parent
        ground = next(place for place in (folder, *folder.parents) if place.exists())
        if not ground.is_dir():
            raise OSError(errno.ENOTDIR, f"{ground} is a file, not a folder")
        with tempfile.TemporaryDirectory(prefix=f".{path.name}{HOLDER}", dir=ground) as holder:
            Path(holder, folder.relative_to(ground)).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}.", "Choose another place, or mend its permissions."
        ) from error


def is_free(folder: Path, own: str | None = None) -> bool:
    """Whether nothing is lost where a folder is written: it is new or empty, or holds the file that marks one's own.

    What its present writer leaves there for the time being does not count, nor what a killed one left half-written.
    """
    if not folder.exists() or (own is not None and (folder / own).is_file()):
        return True
    return folder.is_dir() and all(place.name in WRITERS or _is_leftover(place) for place in folder.iterdir())


def remove_leftovers(folder: Path, of: str = "") -> None:
    """Delete what a killed process left half-written in a folder, of one name or of all; nobody may be writing that."""
    for place in list(folder.iterdir()):
        if _is_leftover(place) and place.name.startswith(f".{of}{HOLDER}" if of else "."):
            shutil.rmtree(place, ignore_errors=True)


def _is_leftover(place: Path) -> bool:
    return place.name.startswith(".") and HOLDER in place.name


def write_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all. Raises StorageError."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON to `path`, whole or not at all. Raises StorageError."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        # The system does not say which part of the path is a file.
        blocking = next(part for part in (folder, *folder.parents) if part.exists())
        raise NotADirectoryError(errno.ENOTDIR, f"{blocking} is a file, not a folder") from error


def _put(temporary: Path, path: Path) -> None:
    """Move `temporary` to `path`; a file never takes the place of a folder, nor a folder that of a file."""
    if not (temporary.is_dir() and path.is_dir()):
        temporary.replace(path)
        return
    # A folder cannot be replaced in one step: the old one steps aside, and back where the new one cannot
    # move. It waits outside the holder, which is deleted whatever happens.
    old = Path(f"{temporary.parent}.old")
    path.rename(old)
    try:
        temporary.replace(path)
    finally:
        if not path.exists():
            old.rename(path)
    with suppress(OSError):  # the new one stands; an old one that will not go is merely untidy
        old.rename(temporary)


def _flush(path: Path) -> None:
    for entry in (path, *path.rglob("*")) if path.is_dir() else (path,):
        if entry.is_dir():
            _flush_folder(entry)
        else:
            with entry.open("rb+") as stream:
                os.fsync(stream.fileno())


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # some platforms cannot open a folder; the rename itself is already atomic
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
