"""Miniature trees of every data set's own layout.

`plant_golden` makes the trees that the authors' readers were run on, of empty files: reading names needs no pixels.
`build_tree` makes for every reader a tree of real, tiny pictures that a run can train on and be scored by.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parent / "golden" / "dataset_layouts.json").read_text(encoding="utf-8")
)
RECORDS: dict[str, dict[str, list[list[Any]]]] = GOLDEN["records"]

TOP = {
    "ltcc": "LTCC_ReID",
    "prcc": "prcc",
    "celeb-reid": "Celeb-reID",
    "deepchange": "DeepChange",
    "last": "last",
    "market1501": "Market-1501-v15.09.15",
}
"""The golden trees by reader."""

WIDTH_PX, HEIGHT_PX = 32, 64

Tree = tuple[list[str], dict[str, str]]
"""Images, and texts by file; both relative to the set's folder."""


def golden_tree(name: str) -> Tree:
    """The tree that the authors' reader of a set was run on."""
    top = f"{TOP[name]}/"
    files = [file.removeprefix(top) for file in GOLDEN["files"] if file.startswith(top)]
    return files, {file.removeprefix(top): text for file, text in GOLDEN["lists"].items() if file.startswith(top)}


def plant(root: Path, files: Iterable[str], texts: Mapping[str, str] | None = None) -> Path:
    """Empty files, and texts."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    for file, text in (texts or {}).items():
        (root / file).write_text(text, encoding="utf-8")
    return root


def plant_golden(name: str, parent: Path) -> Path:
    """The authors' miniature tree of a set, of empty files; returns its folder inside `parent`."""
    return plant(parent / TOP[name], *golden_tree(name))


def build_tree(name: str, target: Path) -> Path:
    """A miniature tree for a reader, with at least four training people of four or more images each.

    Under every protocol each query has a relevant image. The tree has the shape of a real download: the set's folder
    lies in `target`.

    Returns
    -------
    What to give as --data: the set's folder, or the file of the table.
    """
    files, texts = TREES[name]()
    root = target / name
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        _picture(name, file).save(root / file)
    plant(root, [], texts)
    return root / TABLE if TABLE in texts else root


def _picture(name: str, file: str) -> Image.Image:
    """Noise about a colour; the same file always shows the same."""
    noise = np.random.default_rng(zlib.crc32(f"{name}/{file}".encode()))
    colour = noise.integers(40, 216, 3)
    pixels = colour + noise.integers(-40, 40, (HEIGHT_PX, WIDTH_PX, 3))
    return Image.fromarray(pixels.astype(np.uint8))


def _with_person(files: list[str], old: str, new: str, within: str) -> list[str]:
    """The files and those of one person once more, under another name, for the files that begin with `within`."""
    return files + [file.replace(old, new) for file in files if file.startswith(within) and old in file]


def _ltcc(suffix: str) -> Tree:
    files, texts = golden_tree("ltcc")
    return [str(Path(file).with_suffix(suffix).as_posix()) for file in files], texts


def _prcc() -> Tree:
    files, texts = golden_tree("prcc")
    for split in ("train", "val"):
        files = _with_person(files, "/006/", "/020/", f"rgb/{split}/")
    return files, texts


def _deepchange() -> Tree:
    files, texts = golden_tree("deepchange")
    lines = texts["train-set-bbox.txt"].splitlines()
    for old, new in (("P1_", "P2_"), ("P22_", "P23_")):
        files = _with_person(files, f"/{old}", f"/{new}", "train-set/")
        lines += [f"{new}{line.removeprefix(old)}0" for line in lines if line.startswith(old)]
    return files, texts | {"train-set-bbox.txt": "\n".join(lines) + "\n"}


def _market1501() -> Tree:
    """As the set is given out: the images of one person end twice, and each folder holds a stray file."""
    files, texts = _golden_with("market1501", "/0007_", "/0010_")
    files = [f"{file}.jpg" if "/0003_" in file else file for file in files]
    return files, texts | {f"{folder}/Thumbs.db": "" for folder in sorted({str(Path(file).parent) for file in files})}


def _msmt17() -> Tree:
    """As the set is given out: some names have a field more at their end."""

    def images(person: int, numbers: range) -> list[str]:
        return [
            f"{person:04}/{person:04}_{number:03}_{number % 3 + 1:02}_0303morning_{8 * number:04}_0{extra}.jpg"
            for number in numbers
            for extra in ("_ex" if number == 1 else "",)
        ]

    listed = {
        "train": [image for person in range(4) for image in images(person, range(5))],
        "val": [image for person in range(4) for image in images(person, range(5, 7))],
        "query": [image for person in range(3) for image in images(person, range(2))],
        "gallery": [image for person in range(3) for image in images(person, range(2, 6))],
    }
    folder = {"train": "train", "val": "train", "query": "test", "gallery": "test"}
    texts = {
        f"list_{split}.txt": "".join(f"{image} {int(image[:4])}\n" for image in files)
        for split, files in listed.items()
    }
    return [f"{folder[split]}/{image}" for split, files in listed.items() for image in files], texts


def _vc_clothes() -> Tree:
    """Cameras 1 to 3 see one outfit, camera 4 another."""

    def images(folder: str, people: range, numbers: range) -> list[str]:
        return [
            f"{folder}/{person:04}-{camera:02}-{1 + (camera == 4):02}-{number:02}.jpg"
            for person in people
            for camera in range(1, 5)
            for number in numbers
        ]

    return (
        images("train", range(1, 5), range(2))
        + images("query", range(257, 260), range(1))
        + images("gallery", range(257, 261), range(1, 3)),
        {},
    )


PEOPLE = {"train": ("anna", "Björn 2", "0007", "x_1"), "query": ("dora", "emil"), "gallery": ("dora", "emil", "fritz")}
"""Of the user's own sets; names may be any."""


def _folder() -> Tree:
    each = {"train": 4, "query": 2, "gallery": 3}
    return [
        f"{split}/{person}/{number}.{'jpg' if number else 'png'}"
        for split, people in PEOPLE.items()
        for person in people
        for number in range(each[split])
    ], {}


TABLE = "people.csv"


def _table() -> Tree:
    """Each person before two cameras in two outfits; the query is of one camera in both outfits."""
    seen = {"train": [(c, o) for c in "12" for o in "ab"], "query": [("1", "a"), ("1", "b")]}
    seen["gallery"] = seen["train"] + [("2", "a")]
    rows = [
        (f"images/{split}-{person}-{number}.png", person, split, camera, outfit)
        for split, people in PEOPLE.items()
        for person in people
        for number, (camera, outfit) in enumerate(seen[split])
    ]
    text = "path,person,split,camera,clothes\n" + "".join(",".join(row) + "\n" for row in rows)
    return [file for file, *_ in rows], {TABLE: text}


def _golden_with(name: str, old: str, new: str) -> Tree:
    files, texts = golden_tree(name)
    return _with_person(files, old, new, ""), texts


def _people() -> Tree:
    files, _ = _ltcc(".jpg")
    rows = "".join(f"{file},{place},{place % 5}\n" for place, file in enumerate(files))
    return files, {"manifest.csv": f"file,tracklet,wardrobe_outfit\n{rows}"}


TREES: Mapping[str, Callable[[], Tree]] = {
    "ltcc": lambda: _ltcc(".png"),
    "wardrobe": lambda: _ltcc(".jpg"),
    "people": _people,
    "prcc": _prcc,
    "celeb-reid": lambda: golden_tree("celeb-reid"),
    "celeb-reid-light": lambda: golden_tree("celeb-reid"),
    "deepchange": _deepchange,
    "last": lambda: _golden_with("last", "000012", "000013"),
    "market1501": _market1501,
    "msmt17": _msmt17,
    "msmt17-trainval": _msmt17,
    "vc-clothes": _vc_clothes,
    "folder": _folder,
    "table": _table,
}
"""Every reader's tree."""
