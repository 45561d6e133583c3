"""Market-1501: junk is dropped, distractors stay."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ccreid.datasets import READERS, read_benchmark
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore
from columns import annotated
from trees import golden_tree, plant_golden


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant_golden("market1501", tmp_path)


def test_junk_is_dropped_and_distractors_stay(root: Path) -> None:
    benchmark = read_benchmark("market1501", root)
    gallery = benchmark.subset("gallery")
    assert gallery.people.tolist() == [0, 1, 3]
    given = [file for file in golden_tree("market1501")[0] if file.startswith("bounding_box_test/")]
    assert list(gallery.files) == sorted(file for file in given if "/-1_" not in file)
    assert len(given) - len(gallery) == 6
    assert benchmark.unmatched == ()  # junk bears a name of the set
    assert 0 not in benchmark.subset("query").person


def test_distractors_are_nobody(root: Path) -> None:
    gallery = read_benchmark("market1501", root).subset("gallery")
    said = {gallery.described(row)[0] for row in range(len(gallery))}
    assert said == {"distractor", "person 1", "person 3"}


def test_the_number_behind_c_is_the_camera(root: Path) -> None:
    benchmark = read_benchmark("market1501", root)
    train = benchmark.subset("train")
    assert [int(file.split("_c")[1][0]) for file in train.files] == annotated(train.camera).tolist()
    assert (train.clothes, train.tracklet) == (None, None)
    assert [(p.name, p.ignore) for p in benchmark.protocols] == [("standard", Ignore.SAME_CAMERA)]


def test_the_expected_gallery_counts_distractors_as_one_person() -> None:
    assert READERS["market1501"].editions["complete"]["gallery"] == (751, 15913)


def test_a_gallery_of_junk_alone_is_refused(root: Path) -> None:
    for image in (root / "bounding_box_test").iterdir():
        image.rename(image.with_name(f"-1_{image.name.split('_', 1)[1]}"))
    with pytest.raises(DataError, match="has no image for gallery"):
        read_benchmark("market1501", root)


def test_names_with_two_endings_are_the_sets_own(root: Path) -> None:
    """The real set holds them, six queries and sixteen gallery images of one person."""
    before = read_benchmark("market1501", root)
    for folder, camera in (("query", 6), ("bounding_box_test", 2)):
        image = next((root / folder).glob("*.jpg"))
        shutil.copyfile(image, root / folder / f"1488_c{camera}s6_023021_00.jpg.jpg")
    after = read_benchmark("market1501", root)
    assert after.unmatched == before.unmatched
    for subset in ("query", "gallery"):
        assert len(after.subset(subset)) == len(before.subset(subset)) + 1
        assert 1488 in after.subset(subset).person
