#!/usr/bin/env python
"""Compose a set of made people by links: train people of one set, or part of them, and test people of another.

    python scripts/compose_people.py OUT --train SET [--people N] [--views 0-11,20] [--test OTHER]

Sets are those of `ccreid people make`. A set that is still being made gives the people who are done. The test people,
their cameras and their outfits are numbered anew, so that none of them is taken for one of training.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

Row = dict[str, str]

ANEW = {"person": 9000, "camera": 9000, "tracklet": 10**6, "wardrobe_outfit": 10**6}
"""What is added to the numbers of the test set."""


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


def of_training(folder: Path, out: Path, people: int, views: set[int] | None) -> Iterator[Row]:
    """Link the pictures of the first people of training with their masks and backgrounds."""
    images = json.loads((folder / "set.json").read_text(encoding="utf-8"))["wanted"]["images"]
    for row in rows_of(folder):
        view = int(row["tracklet"]) % images
        if row["split"] == "train" and int(row["person"]) <= people and (views is None or view in views):
            name = Path(row["file"]).stem
            for file in (row["file"], f"masks/train/{name}.png", f"backgrounds/{name}.jpg"):
                link(folder / file, out / file)
            yield row


def of_test(folder: Path, out: Path) -> Iterator[Row]:
    """Link the pictures of query and test under other numbers."""
    for row in rows_of(folder):
        if row["split"] == "train":
            continue
        _, outfit, _, number = Path(row["file"]).stem.split("_")
        anew = {name: str(int(row[name]) + more) for name, more in ANEW.items()}
        file = f"{row['split']}/{anew['person']}_{outfit}_c{anew['camera']}_{number}.jpg"
        link(folder / row["file"], out / file)
        yield row | anew | {"file": file}


def numbers(text: str) -> set[int]:
    """Those of "0-3,7"."""
    ends = [part.split("-") for part in text.split(",")]
    return {number for end in ends for number in range(int(end[0]), int(end[-1]) + 1)}


def main() -> None:
    """Read the command line and compose."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--people", type=int, default=10**9, help="so many of training, the first ones")
    parser.add_argument("--views", type=numbers, help="of each of them, by number from 0, such as 0-11,20")
    parser.add_argument("--test", type=Path, help="the set whose query and test there are to be")
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    rows = list(of_training(given.train, given.out, given.people, given.views))
    if given.test:
        rows += of_test(given.test, given.out)
    with (given.out / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} pictures of {len({row['person'] for row in rows})} people")


if __name__ == "__main__":
    main()
