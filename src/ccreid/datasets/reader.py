"""What a reader of a data set is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ccreid.errors import SettingError
from ccreid.vocabulary import Benchmark, Samples

Counts = Mapping[str, tuple[int, int]]
"""People and images by subset."""


@dataclass(frozen=True)
class Reader:
    """One row of the table of readers.

    Attributes
    ----------
    name, title:
        What a user types and what a person reads.
    read:
        Turns a folder into a benchmark.
    layout:
        What the folder holds, in one line.
    editions:
        Expected counts by edition; other counts draw a warning.
    bundled:
        A folder inside the package that is read when the user names none.
    obtain:
        How one gets the data, and under which terms.
    """

    name: str
    title: str
    read: Callable[[Path], Benchmark]
    layout: str
    editions: Mapping[str, Counts]
    obtain: str
    bundled: Path | None = None

    def root(self, given: Path | None) -> Path:
        """The folder to read: the one given, else the bundled one. Raises SettingError without either."""
        if given is not None:
            return given
        if self.bundled is None:
            raise SettingError(
                f"{self.title} does not come with the package.", f"Name its folder with --data. {self.obtain}"
            )
        return self.bundled


def count(subsets: Mapping[str, Samples]) -> dict[str, tuple[int, int]]:
    """People and images of every subset."""
    return {name: (len(samples.people), len(samples)) for name, samples in subsets.items()}


def recognise(subsets: Mapping[str, Samples], editions: Mapping[str, Counts]) -> tuple[str, tuple[str, ...]]:
    """Which edition has these counts, or a warning a subset where none has.

    Returns
    -------
    edition, warnings:
        ("complete", ()) for example, or ("", ("train: expected ..., found ...", ...)) against the first edition.
    """
    found = count(subsets)
    for edition, expected in editions.items():
        if found == dict(expected):
            return edition, ()
    edition, expected = next(iter(editions.items()))
    differing = (name for name in expected if found.get(name) != expected[name])
    warnings = tuple(
        f"{name}: the {edition} edition has {_words(expected[name])}, found {_words(found.get(name, (0, 0)))}."
        for name in differing
    )
    return "", warnings


def _words(counts: tuple[int, int]) -> str:
    people, images = counts
    return f"{people:,} people / {images:,} images"
