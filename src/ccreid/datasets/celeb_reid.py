"""Celeb-reID and Celeb-reID-light (Huang et al., TCSVT 2020): celebrities in the street, without cameras or clothes.

Names read ``PERSON_IMAGE_MEANINGLESS.jpg``. In the light set nobody wears one outfit twice, but no outfit is named.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.datasets.listing import FileName, find_root, list_images, present, uses_of
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.vocabulary import Ignore, Protocol

FOLDER_OF_SUBSET = {subset: subset for subset in ("train", "query", "gallery")}

NAME = FileName(
    re.compile(r"(?P<person>\d{1,9})_(?P<image>\d{1,9})_(?P<meaningless>\d{1,9})\.jpg", re.ASCII), "632_10_0.jpg"
)

PROTOCOLS = (Protocol("standard", Ignore.NOTHING, source="Huang et al., TCSVT 2020"),)


def _reader(name: str, title: str, complete: Counts) -> Reader:
    def find(root: Path) -> Found:
        root = find_root(root, uses_of(FOLDER_OF_SUBSET), title)
        there, absent = present(root, FOLDER_OF_SUBSET)
        listings = {subset: list_images(root, subset, NAME) for subset in there}
        return Found(
            root,
            {subset: listing.samples(root) for subset, listing in listings.items()},
            tuple(file for listing in listings.values() for file in listing.unmatched),
            absent=absent,
        )

    return Reader(
        name=name,
        title=title,
        find=find,
        layout="train/ query/ gallery/ with names like 632_10_0.jpg",
        protocols=PROTOCOLS,
        editions={"complete": complete},
        obtain="Its authors give it out for research on their page.",
        shared_people_numbers=False,  # each split counts from 1
    )


READER = _reader("celeb-reid", "Celeb-reID", {"train": (632, 20208), "query": (420, 2972), "gallery": (420, 11006)})
LIGHT = _reader(
    "celeb-reid-light", "Celeb-reID-light", {"train": (490, 9021), "query": (100, 887), "gallery": (100, 934)}
)
