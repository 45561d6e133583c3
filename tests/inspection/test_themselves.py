"""Queries that find themselves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.inspection.themselves import self_found_queries
from trees import build_tree


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    return build_tree("folder", tmp_path)


def test_pictures_of_their_own_are_nothing_to_tell(folders: Path) -> None:
    assert self_found_queries(read_benchmark("folder", folders)) == ()


@pytest.mark.parametrize("how", ["copy", "link", "linked folder"])
def test_a_query_that_is_in_the_gallery_is_told(folders: Path, how: str) -> None:
    if how == "linked folder":
        shutil.rmtree(folders / "query")
        (folders / "query").symlink_to("gallery")
        expected = "standard: 9 of 9 queries"
    else:
        copy = folders / "gallery" / "emil" / "again.jpg"
        source = folders / "query" / "emil" / "1.jpg"
        shutil.copyfile(source, copy) if how == "copy" else copy.symlink_to(source)
        expected = "standard: 1 of 4 queries"
    (told,) = self_found_queries(read_benchmark("folder", folders))
    assert told.startswith(f"{expected} find themselves: the same picture")
    if how != "linked folder":
        assert "query/emil/1.jpg = gallery/emil/again.jpg" in told


def test_a_copy_under_another_person_is_no_right_answer(folders: Path) -> None:
    shutil.copyfile(folders / "query" / "emil" / "1.jpg", folders / "gallery" / "fritz" / "again.jpg")
    assert self_found_queries(read_benchmark("folder", folders)) == ()


def test_a_copy_that_every_rule_ignores_is_no_right_answer(tmp_path: Path) -> None:
    """As benchmarks have them: the query itself, of the query's camera, in the gallery."""
    root = build_tree("market1501", tmp_path)
    image = sorted((root / "query").glob("0001_*.jpg"))[0]
    shutil.copyfile(image, root / "bounding_box_test" / image.name)
    assert self_found_queries(read_benchmark("market1501", root)) == ()
    other = "c2" if "_c2" not in image.name else "c3"
    shutil.copyfile(image, root / "bounding_box_test" / f"0001_{other}s1_000001_00.jpg")
    (told,) = self_found_queries(read_benchmark("market1501", root))
    assert "1 of 12 queries" in told
