"""LTCC is read as its authors read it, apart from what they read wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccreid.datasets import read_benchmark
from ccreid.datasets.ltcc import FOLDER_OF_SUBSET
from ccreid.errors import DataError
from ccreid.vocabulary import Benchmark, Ignore
from columns import annotated
from trees import RECORDS, plant_golden

SUBSETS = pytest.mark.parametrize("subset", FOLDER_OF_SUBSET)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant_golden("ltcc", tmp_path)


@pytest.fixture
def benchmark(root: Path) -> Benchmark:
    return read_benchmark("ltcc", root)


def _records(subset: str) -> list[Any]:
    """The authors' records in the order of ours: [path, person, clothes, camera]."""
    return sorted(RECORDS["ltcc"][subset])


def _same_partition(ours: Iterable[int], theirs: Iterable[int]) -> bool:
    pairs = set(zip(ours, theirs, strict=True))
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


@SUBSETS
def test_the_files_are_theirs_sorted(benchmark: Benchmark, root: Path, subset: str) -> None:
    samples = benchmark.subset(subset)
    assert [f"{root.name}/{file}" for file in samples.files] == [path for path, *_ in _records(subset)]
    assert list(samples.files) == sorted(samples.files)
    assert samples.root == root
    assert all(samples.path(row).is_file() for row in range(len(samples)))


@SUBSETS
def test_cameras_are_theirs_counted_from_1(benchmark: Benchmark, subset: str) -> None:
    assert annotated(benchmark.subset(subset).camera).tolist() == [camera + 1 for *_, camera in _records(subset)]


def test_two_digit_cameras_are_read_whole(benchmark: Benchmark) -> None:
    assert annotated(benchmark.subset("train").camera).max() == 12


@SUBSETS
def test_people_are_the_same_people(benchmark: Benchmark, subset: str) -> None:
    assert _same_partition(benchmark.subset(subset).person, [person for _, person, *_ in _records(subset)])


def test_training_labels_and_test_people_are_theirs(benchmark: Benchmark) -> None:
    assert benchmark.subset("train").identities.tolist() == [label for _, label, *_ in _records("train")]
    for subset in ("query", "gallery"):
        assert benchmark.subset(subset).person.tolist() == [person for _, person, *_ in _records(subset)]


@pytest.mark.parametrize("subsets", [["train"], ["query", "gallery"]], ids=["train", "query and gallery"])
def test_clothes_are_the_same_clothes(benchmark: Benchmark, subsets: list[str]) -> None:
    """Over query and gallery together: a rule compares the one with the other."""
    ours = np.concatenate([benchmark.subset(subset).clothes for subset in subsets])
    theirs = [clothes for subset in subsets for _, _, clothes, _ in _records(subset)]
    assert _same_partition(ours, theirs)


def test_clothes_can_still_be_read_as_person_and_outfit(benchmark: Benchmark) -> None:
    train = benchmark.subset("train")
    row = train.files.index("train/094_2_c9_004980.png")
    assert (train.person[row], annotated(train.clothes)[row], annotated(train.camera)[row]) == (94, 9402, 9)


@SUBSETS
def test_no_tracklets_are_invented(benchmark: Benchmark, subset: str) -> None:
    assert benchmark.subset(subset).tracklet is None


def test_the_three_settings_are_three_protocols(benchmark: Benchmark) -> None:
    assert {protocol.name: protocol.ignore for protocol in benchmark.protocols} == {
        "standard": Ignore.SAME_CAMERA,
        "cloth-changing": Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES,
        "same-clothes": Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES,
    }
    assert {(protocol.query, protocol.gallery, protocol.draws) for protocol in benchmark.protocols} == {
        ("query", "gallery", 0)
    }
    assert set(benchmark.subsets) == {"train", "query", "gallery"}
    assert benchmark.name == "ltcc"
    assert "research" in benchmark.licence


def _labels(benchmark: Benchmark) -> dict[str, Any]:
    return {
        name: (
            samples.files,
            samples.person.tolist(),
            annotated(samples.clothes).tolist(),
            annotated(samples.camera).tolist(),
        )
        for name, samples in benchmark.subsets.items()
    }


def test_the_root_may_be_the_parent(benchmark: Benchmark, root: Path) -> None:
    from_parent = read_benchmark("ltcc", root.parent)
    assert from_parent.root == root
    assert _labels(from_parent) == _labels(benchmark)


@pytest.mark.parametrize("parent", ["my_code/9_9_c9_x", "1_c2_3/001_1_c1_000001.png", "a_b_c"])
def test_a_parent_folder_cannot_change_a_label(benchmark: Benchmark, tmp_path: Path, parent: str) -> None:
    """The authors search the whole path: below my_code/ every image of theirs wears one outfit."""
    assert _labels(read_benchmark("ltcc", plant_golden("ltcc", tmp_path / parent))) == _labels(benchmark)


def test_counts_that_differ_draw_a_warning_for_each_subset(benchmark: Benchmark) -> None:
    assert benchmark.edition == ""
    assert benchmark.warnings == (
        "train: the complete edition has 77 people / 9,576 images, found 4 people / 72 images.",
        "query: the complete edition has 75 people / 493 images, found 2 people / 36 images.",
        "gallery: the complete edition has 75 people / 7,050 images, found 3 people / 54 images.",
    )


def test_strays_are_ignored_and_unmatched_images_reported(benchmark: Benchmark, root: Path) -> None:
    for folder in FOLDER_OF_SUBSET.values():
        for stray in ("Thumbs.db", ".DS_Store", "list.txt"):
            (root / folder / stray).touch()
    (root / "info").mkdir()
    (root / "query" / "005_1_c7_009123 (1).png").touch()
    (root / "test" / "005_1_c7_009123.jpg").touch()
    again = read_benchmark("ltcc", root)
    assert _labels(again) == _labels(benchmark)
    assert again.unmatched == ("query/005_1_c7_009123 (1).png", "test/005_1_c7_009123.jpg")
    assert benchmark.unmatched == ()


def test_images_of_another_set_in_the_same_folders_are_refused(root: Path) -> None:
    for image in (root / "test").iterdir():
        image.rename(image.with_name(image.name.replace("_c", "_s")))
    with pytest.raises(DataError, match=r"like 094_1_c9_015833\.png; found for example 005_1_s2_006814\.png") as caught:
        read_benchmark("ltcc", root)
    assert str(root / "test") in caught.value.message


def test_an_outfit_beyond_99_is_refused_not_given_to_another_person(root: Path) -> None:
    (root / "train" / "003_100_c1_000001.png").touch()
    with pytest.raises(DataError, match="Person 3 has the outfit number 100"):
        read_benchmark("ltcc", root)


def test_another_layout_is_refused(root: Path) -> None:
    (root / "test").rename(root / "bounding_box_test")
    (root / "train").rename(root / "bounding_box_train")
    lacks = "not the layout of LTCC: it lacks train/, test/ and holds bounding_box_test/, bounding_box_train/"
    with pytest.raises(DataError, match=lacks):
        read_benchmark("ltcc", root)
