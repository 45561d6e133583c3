"""MSMT17 (Wei et al., CVPR 2018), as V1 and as V2 with blurred faces: 15 cameras, no change of clothes.

Lists name the images and their people: ``0000/0000_000_01_0303morning_0015_0.jpg 0``. Test people are numbered from 0
again. The val images are of the *training* people: they stand in no protocol, and in train only on request.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ccreid.datasets.filelist import FileList, read_list, warn_of_unlisted
from ccreid.datasets.listing import FileName, Listing, find_layout, is_folder, list_images_of_people
from ccreid.datasets.reader import Counts, Found, Reader
from ccreid.vocabulary import Ignore, Protocol, Samples

LAYOUTS = {(("train",), ("test",)): "V1", (("mask_train_v2",), ("mask_test_v2",)): "V2"}

NAME = FileName(
    re.compile(r"(?P<person>\d{1,9})_(?P<image>\d{1,9})_(?P<camera>\d{1,9})(?:_[0-9A-Za-z]{1,40}){1,8}\.jpg", re.ASCII),
    "0000_000_01_0303morning_0015_0.jpg",
)
EXAMPLE = "0000/0000_000_01_0303morning_0015_0.jpg 0"
LINE = re.compile(r"(?P<file>\S+)\s+(?P<number>\d{1,9})", re.ASCII)

PROTOCOLS = (Protocol("standard", Ignore.SAME_CAMERA, source="Wei et al., CVPR 2018"),)

TEST: Counts = {"query": (3060, 11659), "gallery": (3060, 82161)}
WITHOUT_VAL: Counts = {"train": (1041, 30248), "val": (1041, 2373)} | dict(TEST)  # train and val from memory
WITH_VAL: Counts = {"train": (1041, 32621)} | dict(TEST)


def _find(root: Path, *, val_in_train: bool) -> Found:
    root, layout = find_layout(root, list(LAYOUTS), "MSMT17")
    ((train,), (test,)) = layout
    sides = {train: ("train", "val"), test: ("query", "gallery")}
    subsets: dict[str, Samples] = {}
    unmatched: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    absent: dict[str, str] = {}
    for folder, names in sides.items():
        if not is_folder(root / folder):
            absent |= dict.fromkeys(names, f"{folder}/")
            continue
        lists = {name: read_list(root / f"list_{name}.txt", folder, LINE, EXAMPLE) for name in names}
        listing = list_images_of_people(root, folder, NAME)
        # Each list by itself in any case, so that the one with missing images is the one that is named.
        subsets |= {name: _samples(root, listing, file_list) for name, file_list in lists.items()}
        if folder == train and val_in_train:
            known = lists["train"]
            both = FileList(known.path, {**known.numbers, **lists["val"].numbers})
            subsets = {"train": _samples(root, listing, both)}
        unmatched += listing.unmatched
        warnings += warn_of_unlisted(listing, *lists.values())
    return Found(root, subsets, unmatched, warnings, absent, editions=[LAYOUTS[(train,), (test,)]])


def _samples(root: Path, listing: Listing, file_list: FileList) -> Samples:
    chosen, person = file_list.choose(listing)
    return chosen.samples(root, person=person, camera=chosen.column("camera"))


_row = partial(
    Reader,
    layout="train/ test/ (V1) or mask_train_v2/ mask_test_v2/ (V2), and list_{train,val,query,gallery}.txt",
    protocols=PROTOCOLS,
    obtain="It is given out by its authors for research against a signed form.",
    shared_people_numbers=False,  # each split counts from 0
)

READER = _row(
    name="msmt17",
    title="MSMT17",
    find=partial(_find, val_in_train=False),
    editions=dict.fromkeys(LAYOUTS.values(), WITHOUT_VAL),
    from_memory=frozenset({"train", "val"}),
)
WITH_VAL_READER = _row(
    name="msmt17-trainval",
    title="MSMT17, trained on train and val",
    find=partial(_find, val_in_train=True),
    editions=dict.fromkeys(LAYOUTS.values(), WITH_VAL),
)
