"""A folder that one command writes at a time."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ccreid.errors import SettingError, StorageError
from ccreid.machine.files import LOCK, WRITER, WRITERS


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold a folder against every other command that would write it; it is made where it is not there.

    The system lets go of the lock when its process ends, however it ends. A folder that was made and stays empty is
    taken away again.

    Raises
    ------
    SettingError
        Another command holds it.
    StorageError
        It cannot be written.
    """
    with new_unless_empty(folder):
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise SettingError(
                f"{folder} is being written by another command ({_holder(folder)}).",
                "Wait until it ends, or stop it; then repeat this command.",
            ) from None
        except OSError as error:
            raise StorageError(f"{folder} cannot be written: {error.strerror or error}.", "Choose another.") from error
        try:
            with suppress(OSError):  # whoever waits is then not told whom for
                (folder / WRITER).write_text(json.dumps(_oneself()), encoding="utf-8")
            yield
        finally:
            for name in WRITERS:  # before the lock is let go: whoever opened this file finds it gone, and retries
                (folder / name).unlink(missing_ok=True)
            lock.release()


@contextmanager
def new_unless_empty(folder: Path) -> Iterator[None]:
    """Make a folder with those above it; take away, in the end, those that were made and are empty."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}.", "Choose another.") from error
    try:
        yield
    finally:
        with suppress(OSError):  # the first that is not empty
            for place in missing:
                place.rmdir()


def _oneself() -> dict[str, str | int]:
    return {"process": os.getpid(), "machine": socket.gethostname(), "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}


def _holder(folder: Path) -> str:
    try:
        told = json.loads((folder / WRITER).read_text(encoding="utf-8"))
        return f"process {told['process']} on {told['machine']}, since {told['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has only just begun, or ends just now
        return "which says nothing of itself"
