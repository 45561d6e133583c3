"""Folders of images, listed and matched against a data set's file names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ccreid.errors import DataError
from ccreid.machine.formats import picture_suffixes
from ccreid.vocabulary import Ids, Samples

OF_SYSTEMS = ("Thumbs.db", "desktop.ini")
"""Files that Windows leaves in folders of images; nobody misses them."""
CHECK_DISK = "Check the disk and its permissions."
CHECK_SET = "Check that this is the right folder and the right data set."


@dataclass(frozen=True)
class FileName:
    r"""The grammar of a data set's file names.

    Attributes
    ----------
    pattern:
        Matched against the whole base name, never against the path: a parent folder cannot change a label.
        Its named groups are the parts: whole numbers, whose digits are to be bound (`\d{1,9}`) so that they fit
        int64, or one capital letter, which counts from A = 1. A name whose ending stands twice (``.jpg.jpg``, as on
        22 images of Market-1501 as it is given out) is read as if it stood once.
    example:
        A name that matches, shown to a user whose names do not.
    """

    pattern: re.Pattern[str]
    example: str

    def parts(self, name: str) -> dict[str, int] | None:
        """The parts of a base name, or None where it does not match."""
        match = self.pattern.fullmatch(name) or self.pattern.fullmatch(_without_second_ending(name))
        return {part: _number(text) for part, text in match.groupdict().items()} if match else None


PERSON_FOLDER = FileName(re.compile(r"(?P<person>\d{1,9})", re.ASCII), "005")
"""A folder that bears a person's number."""


@dataclass(frozen=True)
class Listing:
    """The images of one folder whose names matched, sorted, with the parts of their names."""

    files: tuple[str, ...]
    parts: tuple[dict[str, int], ...]
    unmatched: tuple[str, ...]

    def column(self, part: str) -> Ids:
        """One named part of every name: (N,) int64."""
        return np.array([parts[part] for parts in self.parts], dtype=np.int64)

    def samples(self, root: Path, **columns: Any) -> Samples:
        """The images as samples; the person is the part of that name unless it is given."""
        return Samples(**{"person": self.column("person")} | columns, root=root, files=self.files)


Uses = Sequence[Sequence[str]]
"""Folders that are enough for something: (("train",), ("query", "test")) to train on, and to be scored by."""


def find_root(root: Path, uses: Uses, name: str) -> Path:
    """The folder that holds what is enough for some use: `root` itself, or the folder in it that serves more of them.

    Raises
    ------
    DataError
        Neither does, or several do; the message says what was expected and what was found.
    """
    return find_layout(root, [uses], name)[0]


def find_layout(root: Path, layouts: Sequence[Uses], name: str) -> tuple[Path, Uses]:
    """The folder that holds what one of the layouts needs, and that layout; see :func:`find_root`."""
    mend = f"Point --data at the folder of {name} that holds {' or '.join(map(_shown_folders, map(_all, layouts)))}."
    entries = entries_of(root, mend)
    places = [root, *(root / entry.name for entry in entries if is_folder(entry))]
    served = {(place, at): _served(place, layout) for place in places for at, layout in enumerate(layouts)}
    most = max(served.values())
    if most:
        best = {place: layouts[at] for (place, at), count in reversed(served.items()) if count == most}
        if root in best:
            return root, best[root]
        if len(best) == 1:
            return next(iter(best.items()))
        raise DataError(
            f"{root} holds several sets with the layout of {name}: {shown(sorted(place.name for place in best))}.",
            "Point --data at one of them.",
        )
    missing = min((_lacking(root, _all(layout)) for layout in layouts), key=len)
    found = [entry.name + ("/" if is_folder(entry) else "") for entry in entries]
    raise DataError(
        f"{root} has not the layout of {name}: it lacks {_shown_folders(missing)} "
        f"and holds {shown(found) or 'nothing'}.",
        mend,
    )


def uses_of(folder_of_subset: Mapping[str, str]) -> Uses:
    """Train is enough to train on, query with gallery to be scored by."""
    return ([folder_of_subset["train"]], [folder_of_subset["query"], folder_of_subset["gallery"]])


def present(root: Path, folder_of_subset: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The folders that are there by the subset that they hold, and those that are not."""
    there = {subset: folder for subset, folder in folder_of_subset.items() if is_folder(root / folder)}
    absent = {subset: f"{folder}/" for subset, folder in folder_of_subset.items() if subset not in there}
    return there, absent


def list_images(root: Path, folder: str, name: FileName) -> Listing:
    """List the images directly in `root/folder` and read their names.

    Files that are no images are passed over; images whose names do not match are reported in `unmatched`.

    Raises
    ------
    DataError
        No image matches, a name is not UTF-8, or the folder cannot be read.
    """
    read = {f"{folder}/{image}": name.parts(image) for image in images_in(root / folder)}
    return _matched(root / folder, name, read)


def list_images_of_people(root: Path, folder: str, name: FileName) -> Listing:
    """List the images in the folders of `root/folder`, each of which bears the number of its person.

    The person stands in the parts whether or not the base name has it too. Images in a folder that bears no number
    are reported in `unmatched`, as are those whose names do not match.

    Raises
    ------
    DataError
        An image lies in the folder of another person than its name says, or as in :func:`list_images`.
    """
    read: dict[str, dict[str, int] | None] = {}
    for owner in folders_in(root / folder):
        person = PERSON_FOLDER.parts(owner)
        for image in images_in(root / folder / owner):
            parts = name.parts(image)
            file = f"{folder}/{owner}/{image}"
            if person and parts and parts.get("person", person["person"]) != person["person"]:
                raise DataError(
                    f"{root / file} lies in the folder of person {person['person']} and its name says "
                    f"person {parts['person']}.",
                    "Put it where it belongs, or unpack the set again.",
                )
            read[file] = None if person is None or parts is None else parts | person
    return _matched(root / folder, name, read)


def _matched(folder: Path, name: FileName, read: dict[str, dict[str, int] | None]) -> Listing:
    kept = {file: parts for file, parts in read.items() if parts is not None}
    if not kept:
        examples = shown((Path(file).name for file in read), most=3)
        found = f"found for example {examples}" if read else "it holds no image at all"
        raise DataError(f"No image in {folder} bears a name like {name.example}; {found}.", CHECK_SET)
    unmatched = tuple(file for file, parts in read.items() if parts is None)
    return Listing(files=tuple(kept), parts=tuple(kept.values()), unmatched=unmatched)


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


def images_in(folder: Path) -> list[str]:
    """The base names of the images directly in a folder, sorted. Raises DataError for a name that is not UTF-8."""
    return _files_in(folder, pictures=True)


def others_in(folder: Path) -> list[str]:
    """The base names of the files that are no images, as their suffixes say; see :func:`images_in`."""
    return [name for name in _files_in(folder, pictures=False) if name not in OF_SYSTEMS]


def _files_in(folder: Path, *, pictures: bool) -> list[str]:
    suffixes = picture_suffixes()
    return [
        _utf8(entry.name, folder)
        for entry in entries_of(folder)
        if entry.name.lower().endswith(suffixes) == pictures and not entry.name.startswith(".") and not is_folder(entry)
    ]


def folders_in(folder: Path) -> list[str]:
    """The names of the folders directly in a folder, sorted, without hidden ones; see :func:`images_in`."""
    return [
        _utf8(entry.name, folder) for entry in entries_of(folder) if not entry.name.startswith(".") and is_folder(entry)
    ]


def entries_of(folder: Path, mend: str = CHECK_DISK) -> list[os.DirEntry[str]]:
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


def is_folder(place: Path | os.DirEntry[str]) -> bool:
    """Whether a folder is there that may be looked at; a closed neighbour (lost+found) is no candidate."""
    try:
        return place.is_dir()
    except OSError:
        return False


def shown(names: Iterable[str], most: int = 8) -> str:
    """Some names in a sentence; what is not UTF-8 stands in them as backslashes."""
    names = [os.fsencode(name).decode("utf-8", "backslashreplace") for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _without_second_ending(name: str) -> str:
    """`1.jpg` for `1.jpg.jpg`; any other name as it is."""
    once = Path(name).stem
    return once if Path(once).suffix == Path(name).suffix else name


def _number(text: str) -> int:
    return ord(text) - ord("A") + 1 if text.isalpha() else int(text)


def _utf8(name: str, folder: Path) -> str:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"{folder} holds a name that is not UTF-8: {shown([name])}.",
            "Rename it, for a whole tree for example with `convmv -r -f latin1 -t utf8 --notest`.",
        ) from error
    return name


def _all(uses: Uses) -> list[str]:
    """Every folder that some use needs, once."""
    return list(dict.fromkeys(folder for use in uses for folder in use))


def _served(root: Path, uses: Uses) -> int:
    return sum(not _lacking(root, use) for use in uses)


def _lacking(root: Path, folders: Sequence[str]) -> list[str]:
    return [folder for folder in folders if not is_folder(root / folder)]


def _shown_folders(folders: Iterable[str]) -> str:
    return shown(f"{folder}/" for folder in folders)
