"""LaST: outfits in train alone, people of its own for validation."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore, Protocol
from columns import annotated
from trees import plant, plant_golden


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant_golden("last", tmp_path)


def test_nothing_is_ignored_in_test_and_in_validation(root: Path) -> None:
    benchmark = read_benchmark("last", root)
    source = "Shu et al., TCSVT 2022"
    assert benchmark.protocols == (Protocol("standard", Ignore.NOTHING, source=source),)
    assert benchmark.validation == (Protocol("validation", Ignore.NOTHING, "val-query", "val-gallery", source=source),)


@pytest.mark.parametrize("name", ["000012_07.jpg", "000012_some_more_07.jpg", "000012_3_1_4_1_5_9_2_07.jpg"])
def test_the_outfit_is_the_last_field(root: Path, name: str) -> None:
    plant(root, [f"train/000012/{name}"])
    train = read_benchmark("last", root).subset("train")
    assert annotated(train.clothes)[train.files.index(f"train/000012/{name}")] == 12_000_007


def test_an_image_in_another_persons_folder_is_refused(root: Path) -> None:
    plant(root, ["test/gallery/005002/005001_0009_00.jpg"])
    with pytest.raises(DataError, match="lies in the folder of person 5002 and its name says person 5001") as caught:
        read_benchmark("last", root)
    assert str(root / "test" / "gallery" / "005002" / "005001_0009_00.jpg") in caught.value.message


def test_people_only_in_query_are_told_with_an_example(root: Path) -> None:
    plant(root, ["test/query/005009_0001_00.jpg"])
    assert read_benchmark("last", root).warnings[-1] == (
        "query: 1 of 3 people are not in gallery, for example on test/query/005009_0001_00.jpg; their queries have "
        "no right answer and are skipped."
    )


def test_a_query_of_strangers_alone_is_refused(root: Path) -> None:
    for image in (root / "val" / "query").iterdir():
        image.rename(image.with_name(image.name.replace("00500", "00700")))
    with pytest.raises(DataError, match="None of the 2 people in val-query is in val-gallery"):
        read_benchmark("last", root)
