"""Folders are found and named, and only base names decide what an image is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ccreid.datasets.listing import FileName, find_root, list_images, pair
from ccreid.errors import DataError

FOLDERS = [["train", "query"]]
"""Both are needed for the one use."""
NAME = FileName(re.compile(r"(?P<person>\d{1,9})_c(?P<camera>\d{1,9})\.jpg", re.ASCII), "12_c3.jpg")


def _plant(root: Path, *files: str) -> Path:
    """Reading names needs no pixels: empty files will do."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def test_the_root_is_the_set_or_its_parent(tmp_path: Path) -> None:
    inside = _plant(tmp_path / "a_set", "train/1_c1.jpg", "query/1_c2.jpg")
    _plant(tmp_path, "b_other/train/x.jpg", "notes.txt")
    assert find_root(inside, FOLDERS, "Set") == inside
    assert find_root(tmp_path, FOLDERS, "Set") == inside


def test_a_set_is_itself_though_another_lies_in_it(tmp_path: Path) -> None:
    _plant(tmp_path, "train/1_c1.jpg", "query/1_c2.jpg", "copy/train/1_c1.jpg", "copy/query/1_c2.jpg")
    assert find_root(tmp_path, FOLDERS, "Set") == tmp_path


def test_two_candidates_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("first", "second"):
        _plant(tmp_path / name, "train/1_c1.jpg", "query/1_c2.jpg")
    with pytest.raises(DataError, match="several sets with the layout of Set: first, second") as caught:
        find_root(tmp_path, FOLDERS, "Set")
    assert "one of them" in caught.value.mend


def test_a_missing_folder_is_named_with_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        find_root(tmp_path / "nowhere", FOLDERS, "Set")
    assert caught.value.message == f"{tmp_path / 'nowhere'} does not exist."
    assert caught.value.mend == "Point --data at the folder of Set that holds train/, query/."


@pytest.mark.parametrize("below", ["", "/deeper"])
def test_a_file_is_no_folder(tmp_path: Path, below: str) -> None:
    _plant(tmp_path, "set.zip")
    with pytest.raises(DataError, match=r"set\.zip.* is not a folder"):
        find_root(Path(f"{tmp_path / 'set.zip'}{below}"), FOLDERS, "Set")


def test_a_wrong_folder_is_told_by_what_it_lacks_and_what_it_holds(tmp_path: Path) -> None:
    _plant(tmp_path, "train/1_c1.jpg", "gallery/1_c1.jpg", "readme.txt")
    with pytest.raises(DataError) as caught:
        find_root(tmp_path, FOLDERS, "Set")
    assert caught.value.message == (
        f"{tmp_path} has not the layout of Set: it lacks query/ and holds gallery/, readme.txt, train/."
    )


def test_an_empty_folder_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it lacks train/, query/ and holds nothing"):
        find_root(tmp_path, FOLDERS, "Set")


def test_a_full_folder_is_not_listed_to_the_end(tmp_path: Path) -> None:
    _plant(tmp_path, *(f"{row:02}.jpg" for row in range(30)))
    with pytest.raises(DataError, match=r"holds 00\.jpg, .*07\.jpg and 22 more\."):
        find_root(tmp_path, FOLDERS, "Set")


def test_a_closed_neighbour_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = _plant(tmp_path / "set", "train/1_c1.jpg", "query/1_c2.jpg")
    (tmp_path / "lost+found").mkdir()
    is_dir = Path.is_dir

    def guarded(self: Path) -> bool:
        if self.parent.name == "lost+found":
            raise PermissionError(13, "Permission denied")
        return is_dir(self)

    monkeypatch.setattr(Path, "is_dir", guarded)
    assert find_root(tmp_path, FOLDERS, "Set") == inside


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _plant(tmp_path, "train/1_c1.jpg")

    def closed(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(DataError, match="train cannot be read: Permission denied"):
        list_images(tmp_path, "train", NAME)


def test_names_become_columns_in_sorted_order(tmp_path: Path) -> None:
    listing = list_images(_plant(tmp_path, "train/2_c1.jpg", "train/10_c4.jpg", "train/1_c3.jpg"), "train", NAME)
    assert listing.files == ("train/10_c4.jpg", "train/1_c3.jpg", "train/2_c1.jpg")
    assert listing.column("person").tolist() == [10, 1, 2]
    assert listing.column("camera").tolist() == [4, 3, 1]
    assert listing.column("camera").dtype == np.int64
    assert listing.unmatched == ()


def test_what_is_no_image_is_passed_over(tmp_path: Path) -> None:
    _plant(tmp_path, "train/1_c1.jpg", "train/Thumbs.db", "train/.DS_Store", "train/._1_c1.jpg", "train/list.txt")
    _plant(tmp_path, "train/2_c2.jpg/inside.jpg")  # a folder, whatever it is called
    listing = list_images(tmp_path, "train", NAME)
    assert listing.files == ("train/1_c1.jpg",)
    assert listing.unmatched == ()


@pytest.mark.parametrize(
    "name",
    [
        "1_c1 (copy).jpg",
        "x1_c1.jpg",
        "1_c1.jpg.png",
        "1_c1.tif",
        "1_c1.JFIF",
        "1_c1.JPG",
        "-1_c1.jpg",
        "1_c.jpg",
        "1234567890_c1.jpg",
        "١_c1.jpg",
    ],
)
def test_an_image_of_another_name_is_reported_and_not_read(tmp_path: Path, name: str) -> None:
    listing = list_images(_plant(tmp_path, "train/5_c6.jpg", f"train/{name}"), "train", NAME)
    assert listing.files == ("train/5_c6.jpg",)
    assert listing.unmatched == (f"train/{name}",)


def test_no_match_at_all_shows_an_example_of_both(tmp_path: Path) -> None:
    _plant(tmp_path, "train/person1.jpg", "train/person2.jpg")
    with pytest.raises(DataError) as caught:
        list_images(tmp_path, "train", NAME)
    assert caught.value.message == (
        f"No image in {tmp_path / 'train'} bears a name like 12_c3.jpg; found for example person1.jpg, person2.jpg."
    )


def test_a_folder_without_images_says_so(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"like 12_c3\.jpg; it holds no image at all"):
        list_images(_plant(tmp_path, "train/notes.txt"), "train", NAME)


ids = hnp.arrays(np.int64, 8, elements=st.integers(0, 10**9))
outfits = hnp.arrays(np.int64, 8, elements=st.integers(0, 99))


@given(ids, outfits)
def test_two_people_never_share_clothes(persons: np.ndarray, worn: np.ndarray) -> None:
    clothes = pair(persons, worn)
    assert clothes.tolist() == [100 * person + outfit for person, outfit in zip(persons, worn, strict=True)]
    assert len(set(clothes)) == len(set(zip(persons, worn, strict=True)))


def test_an_outfit_number_that_would_be_another_persons_is_refused() -> None:
    persons = np.array([3, 4, 5])
    assert pair(persons, np.array([1, 99, 2])).tolist() == [301, 499, 502]
    assert pair(persons, np.array([1, 999, 2]), 1000).tolist() == [3001, 4999, 5002]
    with pytest.raises(DataError, match="Person 4 has the outfit number 100, which is not below 100"):
        pair(persons, np.array([1, 100, 2]))


def test_no_image_has_no_clothes() -> None:
    assert pair(np.array([], dtype=np.int64), np.array([], dtype=np.int64)).tolist() == []
