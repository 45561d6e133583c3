"""LaST (Shu et al., TCSVT 2022): people in films, without cameras; outfits are annotated in the train set only.

A name begins with the person; the last field of a training name is the outfit.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.datasets.listing import FileName, find_root, list_images, list_images_of_people, pair, present, uses_of
from ccreid.datasets.reader import Found, Reader
from ccreid.vocabulary import Ids, Ignore, Protocol, Samples

MOST_OUTFITS = 10**6

TRAIN_NAME = FileName(
    re.compile(r"(?P<person>\d{1,9})(?:_[0-9A-Za-z]{1,40}){0,8}_(?P<outfit>\d{1,6})\.jpg", re.ASCII),
    "004999_0002_01.jpg",
)
TEST_NAME = FileName(re.compile(r"(?P<person>\d{1,9})(?:_\w{1,80})?\.jpg", re.ASCII), "005001_0001_00.jpg")

_SOURCE = "Shu et al., TCSVT 2022"
PROTOCOLS = (Protocol("standard", Ignore.NOTHING, source=_SOURCE),)
VALIDATION = (Protocol("validation", Ignore.NOTHING, "val-query", "val-gallery", source=_SOURCE),)


FOLDER_OF_SUBSET = {
    "train": "train",
    "val-query": "val/query",
    "val-gallery": "val/gallery",
    "query": "test/query",
    "gallery": "test/gallery",
}


def _find(root: Path) -> Found:
    root = find_root(root, uses_of(FOLDER_OF_SUBSET), "LaST")
    there, absent = present(root, FOLDER_OF_SUBSET)
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    for subset, folder in there.items():
        find = list_images if subset.endswith("query") else list_images_of_people
        listing = find(root, folder, TRAIN_NAME if subset == "train" else TEST_NAME)
        columns: dict[str, Ids] = {}
        if subset == "train":
            columns["clothes"] = pair(listing.column("person"), listing.column("outfit"), MOST_OUTFITS)
        subsets[subset] = listing.samples(root, **columns)
        unmatched += listing.unmatched
    return Found(root, subsets, tuple(unmatched), absent=absent)


READER = Reader(
    name="last",
    title="LaST",
    find=_find,
    layout="train/004999/ {val,test}/query/ {val,test}/gallery/005001/ with names like 005001_0002_01.jpg",
    protocols=PROTOCOLS,
    validation=VALIDATION,
    editions={
        "complete": {
            "train": (5000, 71248),
            "val-query": (56, 100),
            "val-gallery": (56, 21279),
            "query": (5805, 10176),
            "gallery": (5806, 125353),
        }
    },
    obtain="Its authors give it out for research on their page.",
)
