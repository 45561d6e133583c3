"""What a reader of a data set is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ccreid.errors import DataError, SettingError
from ccreid.vocabulary import Benchmark, Ignore, Protocol, Samples, in_force

Counts = Mapping[str, tuple[int, int]]
"""People and images by subset."""

RESEARCH_ONLY = "research only, no redistribution"


@dataclass(frozen=True)
class Found:
    """What was found on the disk.

    Attributes
    ----------
    root, subsets, unmatched, warnings, absent:
        As in a benchmark.
    editions:
        The editions that have this layout; None where the layout tells nothing.
    """

    root: Path
    subsets: Mapping[str, Samples]
    unmatched: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)
    editions: Collection[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One row of the table of readers.

    Attributes
    ----------
    name, title:
        What a user types and what a person reads.
    find:
        Turns names on disk into samples.
    layout:
        What the folder holds, in one line.
    protocols:
        Every way in which the set is scored, known before it is read. Of a set of the user's own, those remain that
        its columns allow (see :func:`as_annotated`).
    validation:
        How a model is selected, where the set has validation people of its own.
    editions:
        Expected counts by edition; other counts draw a warning.
    from_memory:
        Subsets whose expected counts were written down from memory, which the warning says.
    obtain:
        How one gets the data, and under which terms.
    licence:
        Terms of use, in one line.
    shared_people_numbers:
        Whether the same number in train and test is the same person.
    synthetic:
        Whether no real person is shown.
    bundled:
        A folder inside the package that is read when the user names none.
    """

    name: str
    title: str
    find: Callable[[Path], Found]
    layout: str
    protocols: tuple[Protocol, ...]
    obtain: str
    validation: tuple[Protocol, ...] = ()
    editions: Mapping[str, Counts]
    from_memory: Collection[str] = ()
    licence: str = RESEARCH_ONLY
    shared_people_numbers: bool = True
    synthetic: bool = False
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

    def read(self, root: Path) -> Benchmark:
        """Read the set from a folder. Raises DataError where it is not there, or not what was expected."""
        found = self.find(root)
        for subset, samples in found.subsets.items():
            if not len(samples):
                raise DataError(f"{found.root} has no image for {subset}.", "Unpack the set again.")
        editions = self.editions
        if found.editions is not None:
            editions = {name: counts for name, counts in editions.items() if name in found.editions}
        edition, differing = recognise(found.subsets, editions, self.from_memory)
        protocols = as_annotated(self.protocols, found.subsets)
        validation = as_annotated(self.validation, found.subsets)
        return Benchmark(
            name=self.name,
            root=found.root,
            subsets=found.subsets,
            protocols=protocols,
            validation=validation,
            edition=edition,
            unmatched=found.unmatched,
            layout=self.layout,
            absent=found.absent,
            warnings=(
                *found.warnings,
                *differing,
                *_not_scored(self.protocols, found),
                *_people_only_in_query([*protocols, *validation], found.subsets),
            ),
            licence=self.licence,
            synthetic=self.synthetic,
            shared_people_numbers=self.shared_people_numbers,
        )


def count(subsets: Mapping[str, Samples]) -> dict[str, tuple[int, int]]:
    """People and images of every subset."""
    return {name: (len(samples.people), len(samples)) for name, samples in subsets.items()}


def recognise(
    subsets: Mapping[str, Samples], editions: Mapping[str, Counts], from_memory: Collection[str] = ()
) -> tuple[str, tuple[str, ...]]:
    """Which edition has these counts, or a warning for each subset that differs where none has.

    Only the subsets that are there and that an edition counts are compared. Where no edition fits, the warnings are
    against the one that is nearest in images: ("", ("train: the complete edition has ..., found ...", ...)). A warning
    says where the expected count is `from_memory`.

    Returns
    -------
    edition, warnings:
        ("complete", ()) for example; ("", ()) where no counts are known.
    """
    found = count(subsets)

    def differing(edition: str) -> list[str]:
        return [
            subset for subset, expected in editions[edition].items() if subset in found and found[subset] != expected
        ]

    def images_apart(edition: str) -> int:
        expected = editions[edition]
        return sum(abs(expected[subset][1] - found[subset][1]) for subset in expected if subset in found)

    for edition in editions:
        if not differing(edition):
            return edition, ()
    if not editions:
        return "", ()
    nearest = min(editions, key=images_apart)
    return "", tuple(
        f"{subset}: the {nearest} edition has {_words(editions[nearest][subset])}"
        f"{' (from memory, never checked)' if subset in from_memory else ''}, "
        f"found {_words(found[subset])}."
        for subset in differing(nearest)
    )


def as_annotated(protocols: Sequence[Protocol], subsets: Mapping[str, Samples]) -> tuple[Protocol, ...]:
    """The protocols that the subsets allow, with the parts of their rules whose columns are annotated.

    A protocol whose subsets are absent is left out, and so is one that is about clothes where none are annotated.
    """
    allowed: list[Protocol] = []
    for protocol in protocols:
        if not {protocol.query, protocol.gallery} <= set(subsets):
            continue
        rule = in_force(protocol.ignore, subsets[protocol.query], subsets[protocol.gallery])
        if not protocol.ignore & ~rule & (Ignore.SAME_CLOTHES | Ignore.OTHER_CLOTHES):
            allowed.append(replace(protocol, ignore=rule))
    return tuple(allowed)


def _not_scored(protocols: Sequence[Protocol], found: Found) -> list[str]:
    """A warning for the protocols whose folders are not there, where others can be scored."""
    lost = [p for p in protocols if not {p.query, p.gallery} <= found.subsets.keys()]
    if not lost or len(lost) == len(protocols):
        return []
    folders = dict.fromkeys(found.absent[side] for p in lost for side in (p.query, p.gallery) if side in found.absent)
    return [f"Not scored is {', '.join(p.name for p in lost)}: {', '.join(folders)} is not there."]


def _people_only_in_query(protocols: Sequence[Protocol], subsets: Mapping[str, Samples]) -> list[str]:
    """A warning for each query subset with people who are not in its gallery. Raises DataError where nobody is."""
    warnings = []
    for query, gallery in dict.fromkeys((protocol.query, protocol.gallery) for protocol in protocols):
        asked = subsets[query]
        lonely = np.setdiff1d(asked.people, subsets[gallery].people)
        if not lonely.size:
            continue
        example = asked.files[int(np.flatnonzero(asked.person == lonely[0])[0])]
        if lonely.size == asked.people.size:
            raise DataError(
                f"None of the {lonely.size} people in {query} is in {gallery}; one of them is on {example}.",
                f"Give the people of {query} images in {gallery}, under the same names.",
            )
        warnings.append(
            f"{query}: {lonely.size} of {asked.people.size} people are not in {gallery}, for example on {example}; "
            "their queries have no right answer and are skipped."
        )
    return warnings


def _words(counts: tuple[int, int]) -> str:
    people, images = counts
    return f"{people:,} people / {images:,} images"
