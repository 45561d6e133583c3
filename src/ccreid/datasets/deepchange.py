"""DeepChange (Xu and Zhu, ICCV 2023): a year before 17 cameras; a person wears one outfit a day.

Names read ``P<person>_C<camera>_<day>_...jpg``; beside each folder lies a list with lines ``file,tracklet[,...]``.
"""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.datasets.filelist import read_list, warn_of_unlisted
from ccreid.datasets.listing import FileName, find_root, list_images, pair, present, uses_of
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.vocabulary import Ignore, Protocol, Samples

FOLDER_OF_SUBSET = {
    "train": "train-set",
    "val-query": "val-set-query",
    "val-gallery": "val-set-gallery",
    "query": "test-set-query",
    "gallery": "test-set-gallery",
}

NAME = FileName(
    re.compile(r"P(?P<person>\d{1,9})_C(?P<camera>\d{1,9})_(?P<day>\d{1,8})(?:_[0-9A-Za-z]{1,40}){0,8}\.jpg", re.ASCII),
    "P1_C17_20200105_11_03_3003.jpg",
)
LINE = re.compile(r"(?P<file>[^,]+?)\s*,\s*(?P<number>\d{1,18})\s*(?:,.*)?", re.ASCII)

DAYS = 10**8
"""Above every day: a day is written as eight digits."""

_SOURCE = "Xu and Zhu, ICCV 2023: only the query's own tracklet is ignored"
PROTOCOLS = (Protocol("standard", Ignore.SAME_TRACKLET, source=_SOURCE),)
VALIDATION = (Protocol("validation", Ignore.SAME_TRACKLET, "val-query", "val-gallery", source=_SOURCE),)

# From memory; the totals agree with the paper.
COMPLETE: Counts = {
    "train": (450, 75083),
    "val-query": (150, 4976),
    "val-gallery": (150, 17865),
    "query": (521, 17527),
    "gallery": (521, 62956),
}


def _find(root: Path) -> Found:
    root = find_root(root, uses_of(FOLDER_OF_SUBSET), "DeepChange")
    there, absent = present(root, FOLDER_OF_SUBSET)
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    warnings: list[str] = []
    for subset, folder in there.items():
        on_disk = list_images(root, folder, NAME)
        file_list = read_list(root / f"{folder}-bbox.txt", folder, LINE, "P1_C17_20200105_11_03_3003.jpg,6969")
        listing, tracklet = file_list.choose(on_disk)
        subsets[subset] = listing.samples(
            root,
            camera=listing.column("camera"),
            clothes=pair(listing.column("person"), listing.column("day"), DAYS),
            tracklet=tracklet,
        )
        unmatched += listing.unmatched
        warnings += warn_of_unlisted(on_disk, file_list)
    return Found(root, subsets, tuple(unmatched), tuple(warnings), absent)


READER = Reader(
    name="deepchange",
    title="DeepChange",
    find=_find,
    layout="train-set/ {val,test}-set-{query,gallery}/ with names like P1_C17_20200105_11_03_3003.jpg, "
    "and <folder>-bbox.txt",
    protocols=PROTOCOLS,
    validation=VALIDATION,
    editions={"complete": COMPLETE},
    from_memory=frozenset(COMPLETE),
    obtain="It is given out by its authors for research against a signed form.",
)
