"""DeepChange: lists give tracklets, the day gives the outfit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import DataError
from ccreid.vocabulary import Ignore
from columns import annotated
from trees import plant, plant_golden


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return plant_golden("deepchange", tmp_path)


def test_an_image_is_known_by_all_its_columns(root: Path) -> None:
    gallery = read_benchmark("deepchange", root).subset("gallery")
    row = gallery.files.index("test-set-gallery/P801_C17_20200105_16_33_2543.jpg")
    columns = (gallery.person, gallery.camera, gallery.clothes, gallery.tracklet)
    assert [int(annotated(column)[row]) for column in columns] == [801, 17, 80120200105, 6382]


def test_only_the_tracklet_is_ignored_in_test_and_in_validation(root: Path) -> None:
    benchmark = read_benchmark("deepchange", root)
    (standard,), (validation,) = benchmark.protocols, benchmark.validation
    assert standard.ignore == validation.ignore == Ignore.SAME_TRACKLET
    assert (validation.query, validation.gallery) == ("val-query", "val-gallery")
    people = [set(benchmark.subset(subset).people) for subset in ("train", "val-gallery", "gallery")]
    assert sum(map(len, people)) == len(set().union(*people))


def test_more_columns_and_blank_lines_in_a_list_do_not_matter(root: Path) -> None:
    path = root / "test-set-query-bbox.txt"
    before = annotated(read_benchmark("deepchange", root).subset("query").tracklet).tolist()
    lines = path.read_text().splitlines()
    path.write_text("\ufeff" + "\r\n\r\n".join(f" {line.replace(',', ' , ')} ,12.5,x" for line in lines), "utf-8")
    assert annotated(read_benchmark("deepchange", root).subset("query").tracklet).tolist() == before


def test_an_image_that_no_list_names_is_left_out_and_told(root: Path) -> None:
    stray = "test-set-query/P801_C1_20200105_07_16_0000.jpg"
    plant(root, [stray])
    benchmark = read_benchmark("deepchange", root)
    assert stray not in benchmark.subset("query").files
    assert (
        benchmark.warnings[0] == f"1 images are left out because test-set-query-bbox.txt does not name them: {stray}."
    )


def test_a_list_that_names_a_missing_image_is_refused(root: Path) -> None:
    (root / "train-set" / "P22_C7_20200311_07_21_9061.jpg").unlink()
    with pytest.raises(DataError) as caught:
        read_benchmark("deepchange", root)
    assert caught.value.message == (
        f"{root / 'train-set-bbox.txt'} names 1 of 12 images that are not on the disk, for example "
        "train-set/P22_C7_20200311_07_21_9061.jpg."
    )
    assert "unpack it again" in caught.value.mend


def test_a_listed_image_of_another_name_is_reported_as_unmatched(root: Path) -> None:
    plant(root, ["train-set/odd.jpg"])
    with (root / "train-set-bbox.txt").open("a") as lines:
        lines.write("odd.jpg,1\n")
    benchmark = read_benchmark("deepchange", root)
    assert benchmark.unmatched == ("train-set/odd.jpg",)
    assert len(benchmark.subset("train")) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "names no image"),
        (b" \n\n", "names no image"),
        (b"P1_C1_20200105_21_49_2974.jpg\n", "line 1: 'P1_C1_20200105_21_49_2974.jpg' is not like 'P1_C17_"),
        (b"P1_C1_20200105_21_49_2974.jpg,7.5\n", "line 1: "),
        (b"P1_C1_20200105_21_49_2974.jpg,7\nP1_C1_20200105_21_49_2974.jpg,8\n", "line 2: .* is named twice"),
        (b"caf\xe9.jpg,7\n", "is not UTF-8 text: .* at byte 3"),
    ],
)
def test_a_list_of_another_kind_is_refused_by_line(root: Path, text: bytes, message: str) -> None:
    (root / "train-set-bbox.txt").write_bytes(text)
    with pytest.raises(DataError, match=rf"train-set-bbox\.txt.*{message}"):
        read_benchmark("deepchange", root)


def test_a_missing_list_is_named(root: Path) -> None:
    (root / "val-set-query-bbox.txt").unlink()
    with pytest.raises(DataError, match=r"val-set-query-bbox\.txt does not exist"):
        read_benchmark("deepchange", root)
    (root / "val-set-query-bbox.txt").mkdir()
    with pytest.raises(DataError, match=r"val-set-query-bbox\.txt cannot be read"):
        read_benchmark("deepchange", root)


def test_a_list_of_unreadable_names_alone_is_refused(root: Path) -> None:
    plant(root, ["train-set/odd.jpg"])
    (root / "train-set-bbox.txt").write_text("odd.jpg,1\n")
    with pytest.raises(DataError, match="names no image whose name can be read"):
        read_benchmark("deepchange", root)
