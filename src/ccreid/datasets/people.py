"""Synthetic people who change clothes, as ``ccreid people make`` writes them (LTCC's layout, no real person)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from ccreid.datasets.ltcc import PROTOCOLS, find_ltcc_layout
from ccreid.datasets.reader import Found, Reader
from ccreid.datasets.table_file import read_rows
from ccreid.errors import DataError

MANIFEST = "manifest.csv"


def find_people(root: Path) -> Found:
    """Read a set by its names, and tracklets and garments by its manifest, which must name the same pictures."""
    found = find_ltcc_layout(root, "synthetic people", "jpg")
    manifest = found.root / MANIFEST
    if not manifest.is_file():
        raise DataError(
            f"{found.root} has no {MANIFEST}: it is not finished.", "Repeat `ccreid people make`: it goes on."
        )
    rows = read_rows(manifest, ("file", "tracklet", "wardrobe_outfit"), "Make the set anew.")[1]
    told = {_stem(row["file"]): (int(row["tracklet"]), int(row["wardrobe_outfit"])) for _, row in rows}
    there = {_stem(file) for samples in found.subsets.values() for file in samples.files}
    absent = {folder.rstrip("/") for folder in found.absent.values()}
    if differing := sorted(there ^ {stem for stem in told if stem.split("/")[0] not in absent}):
        one = differing[0]
        raise DataError(
            f"{manifest} and the pictures disagree: {one} is {'not in it' if one in there else 'in it alone'}.",
            "It was changed: make the set anew, or read it as wardrobe, whose layout it has.",
        )
    subsets = {}
    for subset, samples in found.subsets.items():
        columns = np.array([told[_stem(file)] for file in samples.files], np.int64).reshape(-1, 2)
        subsets[subset] = replace(samples, tracklet=columns[:, 0], garments=columns[:, 1])
    return replace(found, subsets=subsets)


def _stem(file: str) -> str:
    """A file's folder and name without its ending, which may stand twice."""
    return file.split(".", 1)[0]


READER = Reader(
    name="people",
    title="Synthetic people",
    find=find_people,
    layout="manifest.csv, train/ query/ test/ with names like 001_2_c3_000004.jpg: as `ccreid people make` writes it",
    protocols=PROTOCOLS,
    editions={},
    obtain="Make it: ccreid people make --out DIR",
    licence="CC0 1.0, synthetic people",
    synthetic=True,
)
