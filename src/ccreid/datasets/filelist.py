"""Text files that name images, each with a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccreid.datasets.listing import Listing, shown
from ccreid.errors import DataError
from ccreid.vocabulary import Ids

UNPACK_AGAIN = "The set is only partly here, or is another one: download and unpack it again."


@dataclass(frozen=True)
class FileList:
    """A list as read: the number of each file, named relative to the root of the set."""

    path: Path
    numbers: Mapping[str, int]

    def choose(self, listing: Listing) -> tuple[Listing, Ids]:
        """The listed images of a listing, sorted, with their numbers: (N,) int64.

        Listed images whose names did not match stay in `unmatched`.

        Raises
        ------
        DataError
            The list names images that are not on the disk, or none that is left.
        """
        row_of = {file: row for row, file in enumerate(listing.files)}
        missing = sorted(self.numbers.keys() - row_of.keys() - set(listing.unmatched))
        if missing:
            raise DataError(
                f"{self.path} names {len(missing)} of {len(self.numbers)} images that are not on the disk, "
                f"for example {shown(missing, most=3)}.",
                UNPACK_AGAIN,
            )
        files = tuple(file for file in listing.files if file in self.numbers)
        if not files:
            raise DataError(f"{self.path} names no image whose name can be read.", UNPACK_AGAIN)
        chosen = Listing(files, tuple(listing.parts[row_of[file]] for file in files), listing.unmatched)
        return chosen, np.array([self.numbers[file] for file in files], dtype=np.int64)


def read_list(path: Path, folder: str, line: re.Pattern[str], example: str) -> FileList:
    """Read a list of the images in `folder`.

    Parameters
    ----------
    path:
        The list, UTF-8.
    folder:
        Where its names are, relative to the root of the set.
    line:
        The grammar of a line; its groups are `file` and `number`.
    example:
        A line that matches, shown to a user whose lines do not.

    Raises
    ------
    DataError
        The list is missing, empty, not UTF-8, names an image twice or holds another kind of line.
    """
    numbers: dict[str, int] = {}
    for row, text in enumerate(_lines(path), start=1):
        if not text.strip():
            continue
        match = line.fullmatch(text.strip())
        if match is None:
            raise DataError(f"{path}, line {row}: '{text.strip()[:80]}' is not like '{example}'.", UNPACK_AGAIN)
        file = f"{folder}/{match['file']}"
        if file in numbers:
            raise DataError(f"{path}, line {row}: {match['file']} is named twice.", UNPACK_AGAIN)
        numbers[file] = int(match["number"])
    if not numbers:
        raise DataError(f"{path} names no image.", UNPACK_AGAIN)
    return FileList(path, numbers)


def warn_of_unlisted(listing: Listing, *lists: FileList) -> tuple[str, ...]:
    """A warning where images are on the disk that none of the lists names, else nothing."""
    listed = {file for each in lists for file in each.numbers}
    unlisted = [file for file in listing.files if file not in listed]
    if not unlisted:
        return ()
    names = " and ".join(each.path.name for each in lists)
    return (f"{len(unlisted)} images are left out because {names} does not name them: {shown(unlisted, most=3)}.",)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.", UNPACK_AGAIN) from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", UNPACK_AGAIN) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.", UNPACK_AGAIN) from error
