"""LTCC (Qian et al., ACCV 2020): 152 people, 12 cameras, 478 outfits.

Names read ``PERSON_OUTFIT_cCAMERA_FRAME.png``. The lists in ``info/`` are unreliable and not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from ccreid.datasets.listing import FileName, find_root, list_images, pair
from ccreid.datasets.reader import Counts, Reader, recognise
from ccreid.vocabulary import Benchmark, Ignore, Protocol, Samples

FOLDER_OF_SUBSET = {"train": "train", "query": "query", "gallery": "test"}

PROTOCOLS = (
    Protocol("standard", Ignore.SAME_CAMERA),
    Protocol("cloth-changing", Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES),
    Protocol("same-clothes", Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES),
)

COMPLETE: Counts = {"train": (77, 9576), "query": (75, 493), "gallery": (75, 7050)}


def read_ltcc_layout(
    root: Path, *, name: str, title: str, suffix: str, editions: Mapping[str, Counts], licence: str
) -> Benchmark:
    """Read a set with LTCC's folders, names and rules; only the ending of the names is a parameter."""
    root = find_root(root, list(FOLDER_OF_SUBSET.values()), title)
    grammar = FileName(
        re.compile(
            rf"(?P<person>\d{{1,9}})_(?P<outfit>\d{{1,9}})_c(?P<camera>\d{{1,9}})_(?P<frame>\d{{1,18}})\.{suffix}",
            re.ASCII,
        ),
        f"094_1_c9_015833.{suffix}",
    )
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    for subset, folder in FOLDER_OF_SUBSET.items():
        listing = list_images(root, folder, grammar)
        persons = listing.column("person")
        subsets[subset] = Samples(
            person=persons,
            camera=listing.column("camera"),
            clothes=pair(persons, listing.column("outfit")),
            root=root,
            files=listing.files,
        )
        unmatched += listing.unmatched
    edition, warnings = recognise(subsets, editions)
    return Benchmark(
        name=name,
        root=root,
        subsets=subsets,
        protocols=PROTOCOLS,
        edition=edition,
        unmatched=tuple(unmatched),
        warnings=warnings,
        licence=licence,
    )


def _read(root: Path) -> Benchmark:
    return read_ltcc_layout(
        root,
        name=READER.name,
        title=READER.title,
        suffix="png",
        editions=READER.editions,
        licence="research only, no redistribution",
    )


READER = Reader(
    name="ltcc",
    title="LTCC",
    read=_read,
    layout="train/ query/ test/ with names like 094_1_c9_015833.png",
    editions={"complete": COMPLETE},
    obtain="It is given out by its authors for research against a signed form.",
)
