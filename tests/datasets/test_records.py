"""Every set is read as its authors read it, on their miniature trees; what differs on purpose is said here.

LTCC has a file of its own. `RECORDS` holds [path, person (a label in train), clothes, camera (or tracklet)].
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccreid.datasets import read_benchmark
from ccreid.vocabulary import Benchmark, Samples
from columns import annotated
from trees import RECORDS, TOP, plant_golden

THEIR_NAME = {"celeb-reid": "celeb"}
THEIR_SUBSET = {
    "query-same-clothes": "query_cloth_unchanged",
    "query-cloth-changing": "query_cloth_changed",
    "val-query": "val_query",
    "val-gallery": "val_gallery",
}
SETS = [name for name in TOP if THEIR_NAME.get(name, name) in RECORDS and name != "ltcc"]


@pytest.fixture(params=SETS)
def benchmark(request: pytest.FixtureRequest, tmp_path: Path) -> Benchmark:
    return read_benchmark(request.param, plant_golden(request.param, tmp_path))


def _records(benchmark: Benchmark, subset: str) -> list[list[Any]]:
    theirs = RECORDS[THEIR_NAME.get(benchmark.name, benchmark.name)][THEIR_SUBSET.get(subset, subset)]
    return sorted(theirs)


def _column(benchmark: Benchmark, subset: str, place: int) -> list[int]:
    return [record[place] for record in _records(benchmark, subset)]


def _same_partition(ours: Iterable[int], theirs: Iterable[int]) -> bool:
    pairs = set(zip(ours, theirs, strict=True))
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


def _together(benchmark: Benchmark) -> list[list[str]]:
    """Subsets in which the authors number clothes together."""
    test = [subset for subset in benchmark.subsets if not subset.startswith(("train", "val"))]
    val = [subset for subset in benchmark.subsets if subset.startswith("val")]
    return [["train"], test] + ([val] if val else [])


def test_all_sets_of_the_records_are_here() -> None:
    assert {THEIR_NAME.get(name, name) for name in SETS} == set(RECORDS) - {"ltcc"}


def test_subsets_are_theirs(benchmark: Benchmark) -> None:
    theirs = RECORDS[THEIR_NAME.get(benchmark.name, benchmark.name)]
    assert {THEIR_SUBSET.get(subset, subset) for subset in benchmark.subsets} == set(theirs)


def test_files_are_theirs_sorted(benchmark: Benchmark) -> None:
    for subset, samples in benchmark.subsets.items():
        ours = [f"{benchmark.root.name}/{file}" for file in samples.files]
        assert ours == [path for path, *_ in _records(benchmark, subset)]


def test_people_are_theirs(benchmark: Benchmark) -> None:
    """Test people by number, training people by label; those of Celeb-reID follow the order of a hash table."""
    for subset, samples in benchmark.subsets.items():
        theirs = _column(benchmark, subset, 1)
        if subset == "train" and benchmark.name == "celeb-reid":
            assert _same_partition(samples.person, theirs)
        elif subset in ("train", "val"):
            assert samples.identities.tolist() == theirs
        else:
            assert samples.person.tolist() == theirs


@pytest.mark.parametrize("name", ["prcc", "deepchange"])
def test_clothes_are_the_same_clothes(tmp_path: Path, name: str) -> None:
    """Over all test subsets together: a rule compares the one with the other."""
    benchmark = read_benchmark(name, plant_golden(name, tmp_path))
    for subsets in _together(benchmark):
        ours = np.concatenate([benchmark.subset(subset).clothes for subset in subsets])
        assert _same_partition(ours, [value for subset in subsets for value in _column(benchmark, subset, 2)])


def _read(name: str, parent: Path) -> tuple[Benchmark, dict[str, Samples]]:
    benchmark = read_benchmark(name, plant_golden(name, parent))
    return benchmark, dict(benchmark.subsets)


def test_cameras_of_prcc_are_theirs_counted_from_1(tmp_path: Path) -> None:
    benchmark, subsets = _read("prcc", tmp_path)
    for subset, samples in subsets.items():
        assert annotated(samples.camera).tolist() == [camera + 1 for camera in _column(benchmark, subset, 3)]
        assert samples.tracklet is None


def test_of_deepchange_tracklets_are_where_the_authors_have_cameras(tmp_path: Path) -> None:
    """Deliberate: they write the tracklet into the camera's place; here each has its own column."""
    benchmark, subsets = _read("deepchange", tmp_path)
    for subset, samples in subsets.items():
        assert annotated(samples.tracklet).tolist() == _column(benchmark, subset, 3)
        assert annotated(samples.camera).tolist() == [int(file.split("_C")[1].split("_")[0]) for file in samples.files]


def test_of_last_cameras_are_absent_and_so_are_clothes_outside_train(tmp_path: Path) -> None:
    """Deliberate: they count the images as cameras, and take the person for the clothes outside train."""
    benchmark, subsets = _read("last", tmp_path)
    assert _same_partition(annotated(subsets["train"].clothes), _column(benchmark, "train", 2))
    assert all(samples.camera is None and samples.tracklet is None for samples in subsets.values())
    assert [subset for subset, samples in subsets.items() if samples.clothes is not None] == ["train"]
    assert _column(benchmark, "gallery", 3) == [2, 3, 4, 5, 6, 7]  # the invention: a running number


def test_of_celeb_reid_people_alone_are_known(tmp_path: Path) -> None:
    """Deliberate: they make up a camera for every image, and those of query and gallery collide."""
    _, subsets = _read("celeb-reid", tmp_path)
    assert {(s.camera, s.clothes, s.tracklet) for s in subsets.values()} == {(None, None, None)}
