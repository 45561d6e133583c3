"""LTCC (Qian et al., ACCV 2020): 152 people, 12 cameras, 478 outfits.

Names read ``PERSON_OUTFIT_cCAMERA_FRAME.png``. The lists in ``info/`` are unreliable and not used.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.datasets.listing import FileName, find_root, list_images, pair, present, uses_of
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.vocabulary import Ignore, Protocol, Samples

FOLDER_OF_SUBSET = {"train": "train", "query": "query", "gallery": "test"}

PROTOCOLS = (
    Protocol("standard", Ignore.SAME_CAMERA, source="Qian et al., ACCV 2020"),
    Protocol("cloth-changing", Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES, source="Qian et al., ACCV 2020"),
    Protocol(
        "same-clothes", Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES, source="the code of CAL (Gu et al., CVPR 2022)"
    ),
)

COMPLETE: Counts = {"train": (77, 9576), "query": (75, 493), "gallery": (75, 7050)}


def find_ltcc_layout(root: Path, title: str, suffix: str) -> Found:
    """Find a set with LTCC's folders and names; only the ending of the names is a parameter."""
    root = find_root(root, uses_of(FOLDER_OF_SUBSET), title)
    grammar = FileName(
        re.compile(
            rf"(?P<person>\d{{1,9}})_(?P<outfit>\d{{1,9}})_c(?P<camera>\d{{1,9}})_(?P<frame>\d{{1,18}})\.{suffix}",
            re.ASCII,
        ),
        f"094_1_c9_015833.{suffix}",
    )
    return find_outfits(root, FOLDER_OF_SUBSET, grammar)


def find_outfits(root: Path, folder_of_subset: dict[str, str], grammar: FileName) -> Found:
    """Read plain folders of names with the parts person, camera and outfit (numbered within a person)."""
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    there, absent = present(root, folder_of_subset)
    for subset, folder in there.items():
        listing = list_images(root, folder, grammar)
        clothes = pair(listing.column("person"), listing.column("outfit"))
        subsets[subset] = listing.samples(root, camera=listing.column("camera"), clothes=clothes)
        unmatched += listing.unmatched
    return Found(root, subsets, tuple(unmatched), absent=absent)


READER = Reader(
    name="ltcc",
    title="LTCC",
    find=lambda root: find_ltcc_layout(root, "LTCC", "png"),
    layout="train/ query/ test/ with names like 094_1_c9_015833.png",
    protocols=PROTOCOLS,
    editions={"complete": COMPLETE},
    obtain="It is given out by its authors for research against a signed form.",
)
