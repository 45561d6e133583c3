"""A user's own folders: train/, or query/ and gallery/, or all three, with one folder a person; or those alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ccreid.datasets.listing import find_root, folders_in, images_in, is_folder, others_in, shown
from ccreid.datasets.own import LICENCE, SUBSETS, Row, number_rows
from ccreid.datasets.reader import Found, Reader
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore, Protocol

_SOURCE = "folders name people alone: no cameras, no clothes"
PROTOCOLS = (Protocol("standard", Ignore.NOTHING, source=_SOURCE),)
VALIDATION = (Protocol("validation", Ignore.NOTHING, "val-query", "val-gallery", source=_SOURCE),)


def _find(root: Path) -> Found:
    try:
        root = find_root(root, (("train",), ("query", "gallery")), "your own images")
    except DataError:
        if people := _flat(root):
            return _as_train(root, people)
        raise
    rows: list[Row] = []
    loose: list[str] = []
    warnings: list[str] = []
    for subset in SUBSETS:
        if not is_folder(root / subset):
            continue
        loose += [f"{subset}/{image}" for image in images_in(root / subset)]
        people = {person: images_in(root / subset / person) for person in folders_in(root / subset)}
        rows += [
            Row(f"{subset}/{person}/{image}", person, subset) for person, images in people.items() for image in images
        ]
        if not any(people.values()):
            raise DataError(
                f"{root / subset} holds no image in a person's folder.",
                f"Put every person's images into a folder of its own, for example {subset}/anna/1.jpg, "
                f"or remove {subset}/.",
            )
        warnings += _warn_of_folders(root / subset, people)
    found = number_rows(root, rows, root)
    return replace(found, unmatched=tuple(loose), warnings=(*warnings, *found.warnings))


def _flat(root: Path) -> dict[str, list[str]]:
    """The images by person in a folder that holds nothing but people's folders; nothing where it is another folder."""
    if not is_folder(root) or set(folders_in(root)) & set(SUBSETS):
        return {}
    people = {person: images_in(root / person) for person in folders_in(root)}
    return people if any(people.values()) else {}


def _as_train(root: Path, people: dict[str, list[str]]) -> Found:
    """People to learn from: who is asked for, and among whom, is not said."""
    rows = [Row(f"{person}/{image}", person, "train") for person, images in people.items() for image in images]
    told = "There is neither train/ nor query/ and gallery/: the folders are taken for people to train on."
    found = number_rows(root, rows, root)
    return replace(found, unmatched=tuple(images_in(root)), warnings=(told, *_warn_of_folders(root, people)))


def _warn_of_folders(folder: Path, people: dict[str, list[str]]) -> list[str]:
    """What a user may have meant to be read and is not."""
    empty = [person for person, images in people.items() if not images]
    others = others_in(folder) + [f"{person}/{file}" for person in people for file in others_in(folder / person)]
    deeper = [f"{person}/{below}" for person in people for below in folders_in(folder / person)]
    warnings = []
    if empty:
        warnings.append(f"{folder.name}: {len(empty)} people's folders hold no image: {shown(empty, most=3)}.")
    if others:
        warnings.append(
            f"{folder.name}: files are left out, because no picture that can be read has their suffixes: "
            f"{shown(others, most=3)} ({len(others)} in all). Save what is a picture as JPEG or PNG."
        )
    if deeper:
        warnings.append(f"{folder.name}: folders inside a person's folder are not read: {shown(deeper, most=3)}.")
    return warnings


READER = Reader(
    name="folder",
    title="Your own folders",
    find=_find,
    layout="train/ query/ gallery/ (train/ alone, or query/ and gallery/ alone; val-query/ and val-gallery/ if you "
    "like), one folder a person: gallery/anna/1.jpg",
    protocols=PROTOCOLS,
    validation=VALIDATION,
    editions={},
    obtain="Make it: docs/datasets.md says how.",
    licence=LICENCE,
)
