"""Market-1501 (Zheng et al., ICCV 2015): six cameras, no change of clothes.

Names read ``PERSON_cCAMERAsSEQUENCE_FRAME_BOX.jpg``. Person -1 is junk, which belongs to nobody and is dropped;
person 0 are distractors, which stay in the gallery. The set as it is given out has six queries and sixteen gallery
images of person 1488 that end in ``.jpg.jpg``; without them a person is missing.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.datasets.listing import FileName, find_root, list_images, present, uses_of
from ccreid.datasets.reader import Found, Reader
from ccreid.vocabulary import DISTRACTOR, Ignore, Protocol, Samples

FOLDER_OF_SUBSET = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}

JUNK = -1
NAMES = {"person": {0: DISTRACTOR}}

NAME = FileName(
    re.compile(
        r"(?P<person>-1|\d{1,9})_c(?P<camera>\d{1,9})s(?P<sequence>\d{1,9})_(?P<frame>\d{1,9})_(?P<box>\d{1,9})\.jpg",
        re.ASCII,
    ),
    "0002_c1s1_000451_03.jpg",
)


def _find(root: Path) -> Found:
    root = find_root(root, uses_of(FOLDER_OF_SUBSET), "Market-1501")
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    there, absent = present(root, FOLDER_OF_SUBSET)
    for subset, folder in there.items():
        listing = list_images(root, folder, NAME)
        samples = listing.samples(root, camera=listing.column("camera"), names=NAMES)
        subsets[subset] = samples.select(samples.person != JUNK)
        unmatched += listing.unmatched
    return Found(root, subsets, tuple(unmatched), absent=absent)


READER = Reader(
    name="market1501",
    title="Market-1501",
    find=_find,
    layout="bounding_box_train/ query/ bounding_box_test/ with names like 0002_c1s1_000451_03.jpg",
    protocols=(Protocol("standard", Ignore.SAME_CAMERA, source="Zheng et al., ICCV 2015"),),
    # The gallery's people are the 750 of the query and "0", the 2,798 distractors.
    editions={"complete": {"train": (751, 12936), "query": (750, 3368), "gallery": (751, 15913)}},
    obtain="Its authors give it out for research on their page.",
)
