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
    """Which edition has these counts, or a warning for each subset that differs where none has.

    Only the subsets that an edition counts are compared. Where no edition fits, the warnings are against the
    one that is nearest in images: ("", ("train: the complete edition has ..., found ...", ...)).

    Returns
    -------
    edition, warnings:
        ("complete", ()) for example; ("", ()) where no counts are known.
    """
    found = count(subsets)

    def differing(edition: str) -> list[str]:
        return [subset for subset, expected in editions[edition].items() if found.get(subset) != expected]

    def images_apart(edition: str) -> int:
        expected = editions[edition]
        return sum(abs(expected[subset][1] - found.get(subset, (0, 0))[1]) for subset in expected)

    for edition in editions:
        if not differing(edition):
            return edition, ()
    if not editions:
        return "", ()
    nearest = min(editions, key=images_apart)
    return "", tuple(
        f"{subset}: the {nearest} edition has {_words(editions[nearest][subset])}, "
        f"found {_words(found.get(subset, (0, 0)))}."
        for subset in differing(nearest)
    )


def _words(counts: tuple[int, int]) -> str:
    people, images = counts
    return f"{people:,} people / {images:,} images"
