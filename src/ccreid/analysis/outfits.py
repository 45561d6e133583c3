"""Who wears the same clothes as whom, across people."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from ccreid.ops.ranking import NOBODY
from ccreid.vocabulary import UNKNOWN, Benchmark, Ids, Samples

logger = logging.getLogger(__name__)

Garments = Mapping[str, str]
"""Outfit by file, by its path in the data set or by its bare name; two people may wear the same one."""

MANIFESTS = ("info/manifest.csv", "manifest.csv")
FILE, OUTFIT, FOLDER = "file", "global_outfit", "split"


def shared_outfits(benchmark: Benchmark) -> Garments | None:
    """Outfits that people share, from what the reader knows of garments or a manifest in the data set's folder.

    The clothes column of a data set numbers clothes within a person: it does not say that two people are dressed
    alike. The column of garments does, and so does ``info/manifest.csv`` or ``manifest.csv`` with the columns ``file``
    and ``global_outfit``, and ``split`` where the bare names of files repeat between folders.

    Returns
    -------
    Garments or None
        None where there is neither; a manifest that cannot be read is left aside with a warning.
    """
    worn = {
        file: str(outfit)
        for samples in benchmark.subsets.values()
        if samples.garments is not None
        for file, outfit in zip(samples.files, samples.garments, strict=True)
        if outfit != UNKNOWN
    }
    if worn:
        return worn
    for name in MANIFESTS:
        path = benchmark.root / name
        if not path.is_file():
            continue
        try:
            with path.open(encoding="utf-8-sig", newline="") as stream:
                return _outfits(list(csv.DictReader(stream)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            logger.warning("%s cannot be read and is left aside: %s.", path, error)
    return None


def outfit_codes(garments: Garments, sides: Sequence[Samples]) -> list[Ids]:
    """A number for the outfit of every image, the same numbers on all sides: (N,) each, UNKNOWN where not given."""
    numbers: dict[str, int] = {}

    def code(file: str) -> int:
        outfit = garments.get(file) or garments.get(PurePosixPath(file).name)
        return UNKNOWN if outfit is None else numbers.setdefault(outfit, len(numbers))

    return [np.array([code(file) for file in samples.files], dtype=np.int64) for samples in sides]


def wears_the_same(query: Samples, places: Ids, gallery: Samples, garments: Garments | None) -> list[bool | None]:
    """Whether a gallery image shows each query's clothes; None where it is not known.

    Parameters
    ----------
    query, gallery:
        The images of both sides.
    places:
        (Q,) a gallery image for each query, or `NOBODY`.
    garments:
        Outfits that people share. Where they say nothing of an image, the clothes column decides for the
        query's own person and nothing is known of anybody else's.
    """
    mine, theirs = outfit_codes(garments, (query, gallery)) if garments else (None, None)
    found: list[bool | None] = []
    for row, place in enumerate(places):
        if place == NOBODY:
            found.append(None)
        elif mine is not None and theirs is not None and _both_known(mine[row], theirs[place]):
            found.append(bool(mine[row] == theirs[place]))
        elif query.clothes is None or gallery.clothes is None or gallery.person[place] != query.person[row]:
            found.append(None)
        else:
            known = _both_known(query.clothes[row], gallery.clothes[place])
            found.append(bool(query.clothes[row] == gallery.clothes[place]) if known else None)
    return found


def _both_known(left: np.int64, right: np.int64) -> bool:
    return bool(left != UNKNOWN and right != UNKNOWN)


def known_equal(value: np.int64, column: Ids) -> NDArray[np.bool_]:
    """Which values of a column are known to equal a value that may itself be unknown: (N,) bool."""
    if value == UNKNOWN:
        return np.zeros(len(column), dtype=np.bool_)
    equal: NDArray[np.bool_] = column == value
    return equal


def _outfits(rows: Sequence[Mapping[str, str]]) -> Garments | None:
    if not rows or not {FILE, OUTFIT} <= set(rows[0]):
        return None
    named = [row for row in rows if row[FILE] and row[OUTFIT]]
    by_path = {f"{row[FOLDER]}/{row[FILE]}": row[OUTFIT] for row in named if row.get(FOLDER)}
    by_name: dict[str, set[str]] = {}
    for row in named:
        by_name.setdefault(row[FILE], set()).add(row[OUTFIT])
    # A bare name that stands for two outfits says nothing; its path may.
    return {name: min(outfits) for name, outfits in by_name.items() if len(outfits) == 1} | by_path
