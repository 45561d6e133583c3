"""Folders of images, listed and matched against a data set's file names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccreid.errors import DataError
from ccreid.vocabulary import Ids

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True)
class FileName:
    r"""The grammar of a data set's file names.

    Attributes
    ----------
    pattern:
        Matched against the whole base name, never against the path: a parent folder cannot change a label.
        Its named groups are the parts, whole numbers; bound their digits (`\d{1,9}`) so that they fit int64.
    example:
        A name that matches, shown to a user whose names do not.
    """

    pattern: re.Pattern[str]
    example: str


@dataclass(frozen=True)
class Listing:
    """The images of one folder whose names matched, sorted, with the parts of their names."""

    files: tuple[str, ...]
    parts: tuple[dict[str, int], ...]
    unmatched: tuple[str, ...]

    def column(self, part: str) -> Ids:
        """One named part of every name: (N,) int64."""
        return np.array([parts[part] for parts in self.parts], dtype=np.int64)


def find_root(root: Path, folders: Sequence[str], name: str) -> Path:
    """The folder that holds `folders`: `root` itself, or the one folder in it that does.

    Raises
    ------
    DataError
        Neither does, or several do; the message says what was expected and what was found.
    """
    mend = f"Point --data at the folder of {name} that holds {_shown_folders(folders)}."
    entries = _entries(root, mend)
    if all(_is_folder(root / folder) for folder in folders):
        return root
    inside = [root / entry.name for entry in entries if _is_folder(entry)]
    holders = [child for child in inside if all(_is_folder(child / folder) for folder in folders)]
    if len(holders) == 1:
        return holders[0]
    if holders:
        raise DataError(
            f"{root} holds several sets with the layout of {name}: {_shown(h.name for h in holders)}.",
            "Point --data at one of them.",
        )
    missing = [folder for folder in folders if not _is_folder(root / folder)]
    found = [entry.name + ("/" if _is_folder(entry) else "") for entry in entries]
    raise DataError(
        f"{root} has not the layout of {name}: it lacks {_shown_folders(missing)} "
        f"and holds {_shown(found) or 'nothing'}.",
        mend,
    )


def list_images(root: Path, folder: str, name: FileName) -> Listing:
    """List the images directly in `root/folder` and read their names.

    Files that are no images are passed over; images whose names do not match are reported in `unmatched`.

    Raises
    ------
    DataError
        No image matches, or the folder cannot be read.
    """
    images = [
        entry.name
        for entry in _entries(root / folder, "Check the disk and its permissions.")
        if entry.name.lower().endswith(IMAGE_SUFFIXES) and not entry.name.startswith(".") and not _is_folder(entry)
    ]
    matches = {image: name.pattern.fullmatch(image) for image in images}
    kept = [(image, match) for image, match in matches.items() if match]
    unmatched = tuple(f"{folder}/{image}" for image, match in matches.items() if not match)
    if not kept:
        found = f"found for example {_shown(images, most=3)}" if images else "it holds no image at all"
        raise DataError(
            f"No image in {root / folder} bears a name like {name.example}; {found}.",
            "Check that this is the right folder and the right data set.",
        )
    return Listing(
        files=tuple(f"{folder}/{image}" for image, _ in kept),
        parts=tuple({k: int(v) for k, v in match.groupdict().items()} for _, match in kept),
        unmatched=unmatched,
    )


def pair(persons: Ids, outfits: Ids, most_outfits: int = 100) -> Ids:
    """One number for (person, outfit): person x `most_outfits` + outfit, so that it can still be read.

    Parameters
    ----------
    persons, outfits:
        (N,) int64 each; outfits are numbered within a person, below `most_outfits`.

    Raises
    ------
    DataError
        An outfit's number does not fit, and two people would share clothes.
    """
    if (outfits >= most_outfits).any():
        row = int(outfits.argmax())
        raise DataError(
            f"Person {persons[row]} has the outfit number {outfits[row]}, which is not below {most_outfits}.",
            "Check the names of that person's files.",
        )
    return persons * most_outfits + outfits


def _entries(folder: Path, mend: str) -> list[os.DirEntry[str]]:
    """What a folder holds, sorted by name."""
    try:
        # Unlike a Path, an entry mostly knows its kind without asking the disk again.
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except FileNotFoundError as error:
        raise DataError(f"{folder} does not exist.", mend) from error
    except NotADirectoryError as error:
        raise DataError(f"{folder} is not a folder.", mend) from error
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}.", mend) from error


def _is_folder(place: Path | os.DirEntry[str]) -> bool:
    """Whether a folder is there that may be looked at; a closed neighbour (lost+found) is no candidate."""
    try:
        return place.is_dir()
    except OSError:
        return False


def _shown(names: Iterable[str], most: int = 8) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _shown_folders(folders: Iterable[str]) -> str:
    return _shown(f"{folder}/" for folder in folders)
