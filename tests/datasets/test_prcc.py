"""PRCC: the letter is the camera, C is the other outfit, and val holds the training people."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import READERS, read_benchmark
from ccreid.errors import DataError
from ccreid.vocabulary import Benchmark, Ignore
from columns import annotated
from trees import plant, plant_golden


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant_golden("prcc", tmp_path)


@pytest.fixture
def benchmark(root: Path) -> Benchmark:
    return read_benchmark("prcc", root)


def test_its_four_protocols_say_what_they_are(benchmark: Benchmark) -> None:
    assert [(p.name, p.query, p.gallery, p.draws, p.ignore) for p in benchmark.protocols] == [
        ("cloth-changing multi-shot", "query-cloth-changing", "gallery", 0, Ignore.NOTHING),
        ("same-clothes multi-shot", "query-same-clothes", "gallery", 0, Ignore.NOTHING),
        ("cloth-changing single-shot", "query-cloth-changing", "gallery", 10, Ignore.NOTHING),
        ("same-clothes single-shot", "query-same-clothes", "gallery", 10, Ignore.NOTHING),
    ]


def test_a_query_wears_what_its_protocol_says(benchmark: Benchmark) -> None:
    gallery = benchmark.subset("gallery")
    for subset, same in (("query-same-clothes", True), ("query-cloth-changing", False)):
        query = benchmark.subset(subset)
        for row in range(len(query)):
            own = query.same("person", row, gallery)
            assert own.any()
            assert (query.same("clothes", row, gallery) == (own & same)).all()


def test_the_letter_is_camera_and_outfit(benchmark: Benchmark) -> None:
    train = benchmark.subset("train")
    worn = {
        (Path(file).name[0], camera, clothes % 100)
        for file, camera, clothes in zip(train.files, annotated(train.camera), annotated(train.clothes), strict=True)
    }
    assert worn == {("A", 1, 1), ("B", 2, 1), ("C", 3, 2)}


def test_val_holds_training_people_and_stands_in_no_protocol(benchmark: Benchmark) -> None:
    assert benchmark.subset("val").people.tolist() == benchmark.subset("train").people.tolist()
    assert not set(benchmark.subset("val").files) & set(benchmark.subset("train").files)
    assert benchmark.validation == ()
    assert "val" not in {side for p in benchmark.protocols for side in (p.query, p.gallery)}


def test_the_folder_rgb_will_do_and_sketches_do_not_disturb(benchmark: Benchmark, root: Path) -> None:
    plant(root / "sketch", ["train/006/A_cropped_rgb028.jpg", "test/A/008/cropped_rgb017.jpg"])
    inside = read_benchmark("prcc", root / "rgb")
    assert [f"rgb/{file}" for file in inside.subset("gallery").files] == list(benchmark.subset("gallery").files)
    assert annotated(inside.subset("val").clothes).tolist() == annotated(benchmark.subset("val").clothes).tolist()
    assert read_benchmark("prcc", root).root == root


def test_without_val_it_is_read_and_told(root: Path) -> None:
    (root / "rgb" / "val").rename(root / "elsewhere")
    benchmark = read_benchmark("prcc", root)
    assert "val" not in benchmark.subsets
    assert benchmark.absent == {"val": "rgb/val/"}


def test_each_setting_is_scored_without_the_other(root: Path) -> None:
    (root / "rgb" / "test" / "B").rename(root / "elsewhere")
    benchmark = read_benchmark("prcc", root)
    assert {protocol.name for protocol in benchmark.protocols} == {
        "cloth-changing multi-shot",
        "cloth-changing single-shot",
    }
    assert (
        "Not scored is same-clothes multi-shot, same-clothes single-shot: rgb/test/B/ is not there."
        in benchmark.warnings
    )


def test_images_in_a_folder_that_is_no_person_are_reported(root: Path) -> None:
    plant(root / "rgb" / "test" / "A", ["backup/cropped_rgb001.jpg", ".hidden/cropped_rgb001.jpg"])
    plant(root / "rgb" / "train", ["006/D_cropped_rgb001.jpg", "006/cropped_rgb001.jpg"])
    assert read_benchmark("prcc", root).unmatched == (
        "rgb/train/006/D_cropped_rgb001.jpg",
        "rgb/train/006/cropped_rgb001.jpg",
        "rgb/test/A/backup/cropped_rgb001.jpg",
    )


def test_train_names_in_the_test_folders_are_refused(root: Path) -> None:
    for image in (root / "rgb" / "test" / "B").glob("*/*.jpg"):
        image.rename(image.with_name(f"B_{image.name}"))
    with pytest.raises(DataError, match=r"like cropped_rgb017\.jpg; found for example B_cropped_rgb030\.jpg"):
        read_benchmark("prcc", root)


def test_the_expected_counts_are_those_of_the_whole_set() -> None:
    assert READERS["prcc"].editions["complete"] == {
        "train": (150, 17896),
        "val": (150, 5002),
        "query-same-clothes": (71, 3543),
        "query-cloth-changing": (71, 3873),
        "gallery": (71, 3384),
    }
