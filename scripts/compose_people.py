#!/usr/bin/env python
"""Compose a set of made people by links: train people of some sets, or part of them, and test people of another.

    python scripts/compose_people.py OUT --train SET... [--people N] [--views 0-11,20] [--test OTHER]

Sets are those of `ccreid people make`. A set that is still being made gives the people who are done. The people of each
further set, their cameras and their outfits are numbered anew, so that none of them is taken for one of another set.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

Row = dict[str, str]

ANEW = {"person": 9000, "looks_like": 9000, "camera": 9000, "tracklet": 10**6, "wardrobe_outfit": 10**6}
"""What is added to the numbers of a set for each one before it."""


def rows_of(folder: Path) -> Iterator[Row]:
    """The manifest of a set, or of the people who are done."""
    manifest = folder / "manifest.csv"
    if manifest.exists():
        with manifest.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
        return
    for path in sorted((folder / ".people").glob("*.json"), key=lambda path: int(path.stem)):
        for row in json.loads(path.read_text(encoding="utf-8")):
            yield {name: str(value) for name, value in row.items()}


def link(source: Path, target: Path) -> None:
    """Put a file where it is to be as well, if there is one."""
    if source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(source, target)


def of_training(folder: Path, out: Path, before: int, people: int, views: set[int] | None) -> Iterator[Row]:
    """Link the pictures of the first people of training with their masks and backgrounds."""
    images = json.loads((folder / "set.json").read_text(encoding="utf-8"))["wanted"]["images"]
    for row in rows_of(folder):
        view = int(row["tracklet"]) % images
        if row["split"] == "train" and int(row["person"]) <= people and (views is None or view in views):
            anew = numbered_anew(row, before)
            old, new = Path(row["file"]).stem, Path(anew["file"]).stem
            link(folder / row["file"], out / anew["file"])
            link(folder / f"masks/train/{old}.png", out / f"masks/train/{new}.png")
            link(folder / f"backgrounds/{old}.jpg", out / f"backgrounds/{new}.jpg")
            yield anew


def of_test(folder: Path, out: Path, before: int) -> Iterator[Row]:
    """Link the pictures of query and test."""
    for row in rows_of(folder):
        if row["split"] != "train":
            anew = numbered_anew(row, before)
            link(folder / row["file"], out / anew["file"])
            yield anew


def numbered_anew(row: Row, before: int) -> Row:
    """The row under the numbers that its set has after so many others, its file's name with them."""
    if not before:
        return row
    _, outfit, _, number = Path(row["file"]).stem.split("_")
    anew = {name: str(int(row[name]) + before * more) for name, more in ANEW.items() if row[name]}
    return row | anew | {"file": f"{row['split']}/{anew['person']}_{outfit}_c{anew['camera']}_{number}.jpg"}


def numbers(text: str) -> set[int]:
    """Those of "0-3,7"."""
    ends = [part.split("-") for part in text.split(",")]
    return {number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)}


def main() -> None:
    """Read the command line and compose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=Path, nargs="+", required=True, help="one set, or several")
    parser.add_argument("--people", type=int, default=10**9, help="so many of each training set, the first ones")
    parser.add_argument("--views", type=numbers, help="of each of them, by number from 0, such as 0-11,20")
    parser.add_argument("--test", type=Path, help="the set whose query and test there are to be")
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    rows = [
        row
        for before, folder in enumerate(given.train)
        for row in of_training(folder, given.out, before, given.people, given.views)
    ]
    if given.test:
        rows += of_test(given.test, given.out, len(given.train))
    with (given.out / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} pictures of {len({row['person'] for row in rows})} people")


if __name__ == "__main__":
    main()
