"""Folders of images, listed and matched against a data set's file names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ccreid.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


@dataclass(frozen=True)
class FileName:
    """The grammar of a data set's file names.

    Attributes
    ----------
    pattern:
        Matched against the whole base name, never against the path: a parent folder cannot change a label.
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

    def column(self, part: str) -> list[int]:
        """One named part of every name."""
        return [parts[part] for parts in self.parts]


def find_root(root: Path, folders: Sequence[str], name: str) -> Path:
    """The folder that holds `folders`: `root` itself, or the one folder in it that does.

    Raises
    ------
    DataError
        Neither does; the message says what was expected and what was found.
    """
    if not root.is_dir():
        kind = "is a file, not a folder" if root.exists() else "does not exist"
        raise DataError(
            f"{root} {kind}.", f"Point --data at the folder of {name} that holds {_shown_folders(folders)}."
        )
    candidates = [root, *sorted(p for p in root.iterdir() if p.is_dir())]
    holders = [c for c in candidates if all((c / folder).is_dir() for folder in folders)]
    if root in holders or len(holders) == 1:
        return root if root in holders else holders[0]
    if holders:
        raise DataError(
            f"{root} holds several sets with the layout of {name}: {', '.join(h.name for h in holders)}.",
            "Point --data at one of them.",
        )
    missing = [folder for folder in folders if not (root / folder).is_dir()]
    found = sorted(p.name + ("/" if p.is_dir() else "") for p in root.iterdir())
    raise DataError(
        f"{root} has not the layout of {name}: it lacks {_shown_folders(missing)} "
        f"and holds {_shown(found) or 'nothing'}.",
        f"Point --data at the folder that holds {_shown_folders(folders)}.",
    )


def list_images(root: Path, folder: str, name: FileName) -> Listing:
    """List the images directly in `root/folder` and read their names.

    Files that are no images are passed over; images whose names do not match are reported in `unmatched`.

    Raises
    ------
    DataError
        No image matches.
    """
    images = sorted(
        p.name
        for p in (root / folder).iterdir()
        if p.suffix.lower() in IMAGE_SUFFIXES and not p.name.startswith(".")
    )
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


def pair(persons: Sequence[int], outfits: Sequence[int], most_outfits: int = 100) -> list[int]:
    """One number for (person, outfit): person x `most_outfits` + outfit, so that it can still be read.

    Raises
    ------
    DataError
        An outfit's number does not fit, and two people would share clothes.
    """
    if outfits and max(outfits) >= most_outfits:
        raise DataError(f"The outfit number {max(outfits)} is not below {most_outfits}.", "Check the file names.")
    return [person * most_outfits + outfit for person, outfit in zip(persons, outfits, strict=True)]


def _shown(names: Iterable[str], most: int = 8) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _shown_folders(folders: Iterable[str]) -> str:
    return _shown(f"{folder}/" for folder in folders)
