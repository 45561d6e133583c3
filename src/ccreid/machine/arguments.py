"""What users of Python give public functions, checked: a wrong kind is named with its argument."""

from __future__ import annotations

import math
import operator
import os
from pathlib import Path
from typing import SupportsFloat, SupportsIndex

from ccreid.errors import SettingError

PathLike = str | os.PathLike[str]
"""A path as text, or anything that stands for one, such as a `pathlib.Path`."""


def as_path(given: object, argument: str) -> Path:
    """A path that was given as text or as an object. Raises SettingError, naming the argument, for anything else."""
    path = os.fspath(given) if isinstance(given, str | os.PathLike) else given
    if not isinstance(path, str) or "\0" in path:
        raise SettingError(f"{argument} = {given!r} is no path.", "Give it as text or as a pathlib.Path.")
    if not is_utf8(path):  # it will stand in reports, which are
        raise SettingError(f"{argument} = {path!r} is not UTF-8.", "Rename the file or the folder.")
    return Path(path)


def as_number(given: float, argument: str, least: float, most: float = math.inf) -> float:
    """A number in a range. Raises SettingError, naming the argument, for anything else; neither True nor NaN is one."""
    if isinstance(given, bool) or not isinstance(given, SupportsFloat) or not least <= float(given) <= most:
        end = f"to {most:g}" if most < math.inf else "on"
        raise SettingError(f"{argument} = {given!r} is no number from {least:g} {end}.", "Give one that is.")
    return float(given)


def is_utf8(path: str | Path) -> bool:
    """Whether a path can be written down in a file of text."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def as_count(given: SupportsIndex, argument: str) -> int:
    """A whole number from 1 on. Raises SettingError, naming the argument, for anything else; True is no number."""
    try:
        count = 0 if isinstance(given, bool) else operator.index(given)
    except TypeError:
        count = 0
    if count < 1:
        raise SettingError(f"{argument} = {given!r} is no whole number above 0.", "Count from 1.")
    return count
