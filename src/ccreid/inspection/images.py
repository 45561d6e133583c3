"""A look at every picture of a data set: readable, large enough, and there only once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ccreid.data.decode import content_of, read_image
from ccreid.errors import ImageError
from ccreid.inspection.finding import Finding, Side, pairs_of
from ccreid.machine.devices import default_workers
from ccreid.machine.progress import Track
from ccreid.vocabulary import Benchmark

_new_digest = partial(hashlib.blake2b, digest_size=16)


@dataclass(frozen=True)
class Picture:
    """One file as it was met: its bytes' digest and its shorter side, or what is wrong with it."""

    digest: bytes = b""
    shorter_px: int = 0
    problem: str = ""


Pictures = Mapping[Path, Picture]


def check_images(benchmark: Benchmark, sides: Sequence[Side], track: Track[Picture], smallest_px: int) -> list[Finding]:
    """Open every picture once and say which cannot be read, are tiny, or have the same bytes as others."""
    names = {
        samples.path(row): file for samples in benchmark.subsets.values() for row, file in enumerate(samples.files)
    }
    pictures = look_at_all(names, track)
    alike = [_paths_by_digest(side, pictures) for side in sides]
    return [
        _unreadable(pictures, names),
        _tiny(pictures, names, smallest_px),
        *_on_two_sides(sides, alike, names),
        *(_duplicates(side, of_side, names) for side, of_side in zip(sides, alike, strict=True)),
    ]


def look_at_all(paths: Iterable[Path], track: Track[Picture]) -> dict[Path, Picture]:
    """Decode the pictures and hash their bytes, in threads; an error while following ends it at once."""
    paths = list(paths)
    pool = ThreadPoolExecutor(default_workers() + 1)
    try:
        return dict(zip(paths, track(pool.map(_look, paths), "Reading every image", len(paths)), strict=True))
    finally:
        pool.shutdown(cancel_futures=True)


def _look(path: Path) -> Picture:
    try:
        content = content_of(path)
        return Picture(_new_digest(content).digest(), min(read_image(path, content).size))
    except ImageError as error:
        return Picture(problem=error.message)


def _unreadable(pictures: Pictures, names: Mapping[Path, str]) -> Finding:
    broken = {path: picture.problem for path, picture in pictures.items() if picture.problem}
    detail = f"All {len(pictures):,} images can be read."
    if broken:
        detail = (
            f"{len(broken):,} of {len(pictures):,} images cannot be read: replace them, or leave them out with "
            f"--set data.unreadable=skip and --skip-unreadable. The first: {next(iter(broken.values()))}"
        )
    return Finding(
        "unreadable-images",
        "error" if broken else "ok",
        len(broken),
        detail,
        examples=tuple(names[path] for path in broken),
    )


def _tiny(pictures: Pictures, names: Mapping[Path, str], smallest_px: int) -> Finding:
    tiny = [path for path, picture in pictures.items() if not picture.problem and picture.shorter_px < smallest_px]
    detail = f"No image is less than {smallest_px} pixels wide or high."
    if tiny:
        least = min(pictures[path].shorter_px for path in tiny)
        detail = (
            f"{len(tiny):,} of {len(pictures):,} images are less than {smallest_px} pixels wide or high, the smallest "
            f"{least}: they show next to nothing of a person; get larger crops or remove them."
        )
    return Finding(
        "tiny-images",
        "warning" if tiny else "ok",
        len(tiny),
        detail,
        examples=tuple(names[path] for path in tiny),
    )


@dataclass(frozen=True)
class _Copy:
    """An image among those with the same bytes."""

    path: Path
    person: int


def _paths_by_digest(side: Side, pictures: Pictures) -> dict[bytes, list[_Copy]]:
    """The readable images of a side, each once, by their bytes."""
    person_on = {
        samples.path(row): person
        for samples in side.subsets.values()
        for row, person in enumerate(samples.person.tolist())
    }
    alike: dict[bytes, list[_Copy]] = {}
    for path, person in person_on.items():
        if not pictures[path].problem:
            alike.setdefault(pictures[path].digest, []).append(_Copy(path, person))
    return alike


def _on_two_sides(
    sides: Sequence[Side], alike: Sequence[dict[bytes, list[_Copy]]], names: Mapping[Path, str]
) -> list[Finding]:
    found = []
    of_side = {side.name: copies for side, copies in zip(sides, alike, strict=True)}
    for one, other, both, severity in pairs_of(sides):
        left, right = of_side[one.name], of_side[other.name]
        common = [digest for digest in left if digest in right]
        detail = f"No image of {one.name} has the bytes of one of {other.name}."
        if common:
            detail = (
                f"{len(common):,} images are in {one.name} and in {other.name}, byte for byte: scores on them are "
                "worth nothing; take them out of one."
            )
        examples = tuple(f"{names[left[digest][0].path]} = {names[right[digest][0].path]}" for digest in common)
        found.append(Finding("images-on-two-sides", severity if common else "ok", len(common), detail, both, examples))
    return found


def _duplicates(side: Side, alike: Mapping[bytes, list[_Copy]], names: Mapping[Path, str]) -> Finding:
    several = [copies for copies in alike.values() if len(copies) > 1]
    surplus = sum(len(copies) - 1 for copies in several)
    detail = "No two images have the same bytes."
    if several:
        detail = (
            f"{surplus:,} images are copies of others, byte for byte: a copy of a query in the gallery is found by any "
            "model, and a copy in train counts twice; remove them."
        )
    contradicting = sum(len({copy.person for copy in copies}) > 1 for copies in several)
    if contradicting:
        detail += f" {contradicting:,} pictures stand under different people: at most one of their labels is right."
    examples = tuple(" = ".join(names[copy.path] for copy in copies[:2]) for copies in several)
    return Finding("duplicate-images", "warning" if several else "ok", surplus, detail, side.name, examples)
