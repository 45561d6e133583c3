"""PRCC (Yang, Wu and Zheng, TPAMI 2021): 221 people before three cameras; A and B see one outfit, C another.

Test names carry no camera: they lie in its folder. ``val/`` holds other images of the *training* people, so that it
stands in no protocol.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ccreid.datasets.listing import FileName, Listing, Uses, find_layout, list_images_of_people, pair, present
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.vocabulary import Ids, Ignore, Protocol, Samples

A, B, C = 1, 2, 3
CAMERA_OF_TEST = {"query-same-clothes": B, "query-cloth-changing": C, "gallery": A}

FOLDER_OF_SUBSET = {
    "train": "train",
    "val": "val",
    "query-same-clothes": "test/B",
    "query-cloth-changing": "test/C",
    "gallery": "test/A",
}
_USES = (("train",), ("test/A", "test/B"), ("test/A", "test/C"))
LAYOUTS: dict[Uses, str] = {
    tuple(tuple(f"{top}{folder}" for folder in use) for use in _USES): top for top in ("rgb/", "")
}
"""By the folder above: the set's own, or its part in colour alone."""

TRAIN_NAME = FileName(
    re.compile(r"(?P<camera>[ABC])_cropped_rgb(?P<frame>\d{1,9})\.jpg", re.ASCII), "A_cropped_rgb028.jpg"
)
TEST_NAME = FileName(re.compile(r"cropped_rgb(?P<frame>\d{1,9})\.jpg", re.ASCII), "cropped_rgb017.jpg")

SINGLE_SHOT_DRAWS = 10
"""How often the gallery of one image a person is drawn."""

_PAPER = "Yang et al., TPAMI 2021: one random image of A a person, ten times"
_CODE = "all of A, as in the code of CAL (Gu et al., CVPR 2022) and of FIRe²"
PROTOCOLS = tuple(
    Protocol(f"{setting} {shots}", Ignore.NOTHING, query=f"query-{setting}", draws=draws, source=source)
    for shots, draws, source in (("multi-shot", 0, _CODE), ("single-shot", SINGLE_SHOT_DRAWS, _PAPER))
    for setting in ("cloth-changing", "same-clothes")
)

# From memory; the totals agree with the paper.
COMPLETE: Counts = {
    "train": (150, 17896),
    "val": (150, 5002),
    "query-same-clothes": (71, 3543),
    "query-cloth-changing": (71, 3873),
    "gallery": (71, 3384),
}


def _find(root: Path) -> Found:
    root, layout = find_layout(root, list(LAYOUTS), "PRCC")
    there, absent = present(root, {subset: f"{LAYOUTS[layout]}{folder}" for subset, folder in FOLDER_OF_SUBSET.items()})
    subsets: dict[str, Samples] = {}
    unmatched: list[str] = []
    for subset, folder in there.items():
        camera = CAMERA_OF_TEST.get(subset)
        listing = list_images_of_people(root, folder, TRAIN_NAME if camera is None else TEST_NAME)
        cameras = listing.column("camera") if camera is None else np.full(len(listing.files), camera)
        subsets[subset] = _samples(root, listing, cameras)
        unmatched += listing.unmatched
    return Found(root, subsets, tuple(unmatched), absent=absent)


def _samples(root: Path, listing: Listing, camera: Ids) -> Samples:
    outfit = np.where(camera == C, 2, 1)
    return listing.samples(root, camera=camera, clothes=pair(listing.column("person"), outfit))


READER = Reader(
    name="prcc",
    title="PRCC",
    find=_find,
    layout="rgb/train/005/A_cropped_rgb028.jpg, rgb/val/ likewise, rgb/test/A/001/cropped_rgb017.jpg (A, B and C)",
    protocols=PROTOCOLS,
    editions={"complete": COMPLETE},
    from_memory=frozenset(COMPLETE),
    obtain="Its authors give it out for research on their page.",
)
