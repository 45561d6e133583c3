"""The folder of a store: what marks it as one, and what a killed process may have left in it."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

from ccreid.errors import ArtefactError
from ccreid.machine.files import is_free, remove_leftovers, write_json

MARK = "store.json"
FORMAT = "ccreid-store"
VERSION = 1
_DROPPED = ".dropped-"
"""Before the name of a table's folder that is being deleted."""


def check_folder(folder: Path) -> None:
    """Whether a folder is new, empty, or a store of this version. Raises ArtefactError."""
    mark = folder / MARK
    if not is_free(folder, own=MARK):
        if not folder.is_dir():
            raise ArtefactError(f"{folder} is a file, not the folder of a gallery.", "Name a folder.")
        raise ArtefactError(
            f"{folder} is no gallery: it holds other files and no {MARK}.",
            "Name the folder of a gallery, or one that is new or empty.",
        )
    if not mark.exists():
        return
    try:
        told = json.loads(mark.read_text(encoding="utf-8"))
        written, version = str(told["format"]), int(told["version"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtefactError(f"{mark} cannot be read: {error!r}.", "Restore it from a backup.") from error
    if written != FORMAT:
        raise ArtefactError(f"{folder} is no gallery: its {mark.name} is another program's.", "Name another folder.")
    if version != VERSION:
        raise ArtefactError(
            f"The gallery {folder} was made by {'a newer' if version > VERSION else 'an older'} version of ccreid: its "
            f"format is {version}, and this version knows {VERSION}.",
            "Open it with that version of ccreid.",
        )


def mark_folder(folder: Path) -> None:
    """Say that a folder is a store of this version. Raises StorageError."""
    if not (folder / MARK).exists():
        write_json(folder / MARK, {"format": FORMAT, "version": VERSION})


def set_aside(table: Path) -> None:
    """Take the folder of a table out of sight in one step; :func:`sweep` deletes it."""
    table.rename(table.with_name(f"{_DROPPED}{uuid.uuid4().hex}"))


def sweep(folder: Path) -> None:
    """Delete what was set aside, and what a killed process left half-written; nothing else may be writing there."""
    remove_leftovers(folder)
    for dropped in folder.glob(f"{_DROPPED}*"):
        shutil.rmtree(dropped, ignore_errors=True)
