"""VC-Clothes (Wan et al., CVPR Workshops 2020): rendered people before four cameras.

Names read ``PERSON-CAMERA-OUTFIT-INDEX.jpg``, or the same with underscores. People wear the same outfit before cameras
2 and 3 and another before camera 4, which is how the two narrower protocols choose their images.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ccreid.datasets.listing import CHECK_SET, FileName, find_root, uses_of
from ccreid.datasets.ltcc import find_outfits
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore, Protocol

FOLDER_OF_SUBSET = {subset: subset for subset in ("train", "query", "gallery")}
CAMERAS_OF_PROTOCOL = {"same-clothes": (2, 3), "cloth-changing": (3, 4)}

NAME = FileName(
    re.compile(r"(?P<person>\d{1,9})([-_])(?P<camera>\d{1,9})\2(?P<outfit>\d{1,9})\2(?P<index>\d{1,9})\.jpg", re.ASCII),
    "0295-01-01-03.jpg",
)

PROTOCOLS = (
    Protocol("standard", Ignore.SAME_CAMERA, source="Wan et al., CVPR Workshops 2020: all four cameras"),
    *(
        Protocol(
            name,
            Ignore.SAME_CAMERA,
            query=f"query-{name}",
            gallery=f"gallery-{name}",
            source=f"Wan et al., CVPR Workshops 2020: cameras {first} and {second}",
        )
        for name, (first, second) in CAMERAS_OF_PROTOCOL.items()
    ),
)

# From memory; the totals agree with the paper.
COMPLETE: Counts = {"train": (256, 9449), "query": (256, 1020), "gallery": (256, 8591)}


def _find(root: Path) -> Found:
    found = find_outfits(find_root(root, uses_of(FOLDER_OF_SUBSET), "VC-Clothes"), FOLDER_OF_SUBSET, NAME)
    subsets = dict(found.subsets)
    for name, cameras in CAMERAS_OF_PROTOCOL.items():
        for side in [side for side in ("query", "gallery") if side in found.subsets]:
            samples = subsets[side]
            chosen = np.isin(np.asarray(samples.camera), cameras)
            if not chosen.any():
                raise DataError(f"{found.root / side} has no image of the cameras {cameras}.", CHECK_SET)
            subsets[f"{side}-{name}"] = samples.select(chosen)
    return replace(found, subsets=subsets)


READER = Reader(
    name="vc-clothes",
    title="VC-Clothes",
    find=_find,
    layout="train/ query/ gallery/ with names like 0295-01-01-03.jpg (person-camera-outfit-index)",
    protocols=PROTOCOLS,
    editions={"complete": COMPLETE},
    from_memory=frozenset(COMPLETE),
    obtain="Its authors give it out for research on their page.",
)
