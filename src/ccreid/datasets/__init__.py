"""Names on disk become samples: the table of readers."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from ccreid.datasets import (
    celeb_reid,
    deepchange,
    folder,
    last,
    ltcc,
    market1501,
    msmt17,
    people,
    prcc,
    table,
    vc_clothes,
    wardrobe,
)
from ccreid.datasets.reader import Reader
from ccreid.errors import SettingError
from ccreid.machine.arguments import PathLike, as_path
from ccreid.vocabulary import Benchmark

_READERS = (
    ltcc.READER,
    prcc.READER,
    celeb_reid.READER,
    celeb_reid.LIGHT,
    deepchange.READER,
    last.READER,
    vc_clothes.READER,
    market1501.READER,
    msmt17.READER,
    msmt17.WITH_VAL_READER,
    wardrobe.READER,
    people.READER,
    folder.READER,
    table.READER,
)

READERS: Mapping[str, Reader] = MappingProxyType({reader.name: reader for reader in _READERS})


def find_reader(name: str) -> Reader:
    """The reader of a data set. Raises SettingError with the nearest name where there is none."""
    if not isinstance(name, str) or name not in READERS:
        near = difflib.get_close_matches(str(name).lower(), READERS, n=1)
        hint = f"Did you mean '{near[0]}'? " if near else ""
        raise SettingError(f"There is no data set called '{name}'.", f"{hint}Known are {', '.join(sorted(READERS))}.")
    return READERS[name]


def read_benchmark(name: str, root: PathLike | None = None) -> Benchmark:
    """Read a data set from `root`, or the edition inside the package where it has one.

    Raises
    ------
    SettingError
        The name is unknown, or no folder was given and none is bundled, or the root is no path.
    DataError
        The folder is missing, has another layout or holds no matching image.
    """
    reader = find_reader(name)
    return reader.read(reader.root(None if root is None else as_path(root, "root")))


__all__ = ["READERS", "Reader", "find_reader", "read_benchmark"]
