"""Bundles side by side: each scored on every data set, and how they differ there query by query."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ccreid.analysis.paired import compare_queries
from ccreid.errors import SettingError
from ccreid.recipe import RunFolder
from ccreid.report.compare_page import write_compare_page
from ccreid.report.schema import Difference, Matrix
from ccreid.runs import score
from ccreid.runs.watch import Follow
from ccreid.vocabulary import Benchmark

RESULT, PAGE = "compare.json", "compare.html"


def compare(bundles: Sequence[Path], benchmarks: Sequence[Benchmark], folder: Path, follow: Follow) -> Matrix:
    """Score every bundle on every benchmark, into `folder/BUNDLE/BENCHMARK`; write all in `compare.json` and a page.

    Returns
    -------
    Matrix
        Reports by the labels of bundle and benchmark, and the differences of each further bundle from the first.
        A label is the name; where several have one name, it says in which folder, too.

    Raises
    ------
    SettingError
        A bundle or a data set is named twice.
    """
    places = [_of_run(bundle) for bundle in bundles]
    labels = told_apart([place.name for place in places], [place.parent for place in places])
    sets = told_apart([benchmark.name for benchmark in benchmarks], [benchmark.root for benchmark in benchmarks])
    reports = {
        label: {
            on: score.evaluate_bundle(
                bundle, benchmark, folder / _folder(label) / _folder(on), watch=follow(f"{label} on {on}")
            )
            for on, benchmark in zip(sets, benchmarks, strict=True)
        }
        for label, bundle in zip(labels, bundles, strict=True)
    }
    matrix = Matrix(reports=reports, paired={on: _differences(labels, on, folder) for on in sets})
    matrix.write(folder / RESULT)
    write_compare_page(folder / PAGE, matrix)
    return matrix


def told_apart(names: Sequence[str], folders: Sequence[Path]) -> list[str]:
    """A label of its own for each name: the name, or with as much of its folder's end as tells it from its namesakes.

    Raises SettingError where one name stands twice with one folder.
    """
    places = [(name, folder.resolve()) for name, folder in zip(names, folders, strict=True)]
    for name, folder in places:
        if places.count((name, folder)) > 1:
            raise SettingError(f"{name} in {folder} is named twice.", "Name it once.")
    labels = [_label(name, folder, [other for of, other in places if of == name]) for name, folder in places]
    if len({_folder(label) for label in labels}) < len(labels):  # such as "a b" beside "a-b"
        raise SettingError(f"{', '.join(labels)} would share folders.", "Rename one of them.")
    return labels


def _label(name: str, folder: Path, namesakes: Sequence[Path]) -> str:
    if len(namesakes) == 1:
        return name
    least = next(
        count
        for count in range(1, len(folder.parts) + 1)
        if sum(other.parts[-count:] == folder.parts[-count:] for other in namesakes) == 1
    )
    return f"{name} in {'/'.join(folder.parts[-least:])}"


def _folder(label: str) -> str:
    return re.sub(r"[\s/\\]+", "-", label)


def _of_run(bundle: Path) -> Path:
    """The folder that names a bundle: its own, or that of the run it lies in."""
    folder = bundle.resolve()
    return folder.parent if folder == RunFolder(folder.parent).bundle else folder


def _differences(labels: Sequence[str], on: str, folder: Path) -> tuple[Difference, ...]:
    first, *others = labels
    tables: Mapping[str, Path] = {label: RunFolder(folder / _folder(label) / _folder(on)).queries for label in labels}
    return tuple(
        Difference(variant=other, against=first, **dict(paired))
        for other in others
        for paired in compare_queries([tables[other]], [tables[first]])
    )
