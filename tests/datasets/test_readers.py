"""The table of readers: names, folders and the counts that tell an edition."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ccreid.datasets import READERS, find_reader, read_benchmark
from ccreid.datasets.reader import Counts, as_annotated, count, recognise
from ccreid.errors import SettingError
from ccreid.vocabulary import Ignore, Protocol, Samples

GOLDEN = Path(__file__).parent.parent / "golden"


def _samples(people: int, images: int) -> Samples:
    return Samples(person=np.arange(images) % people, files=tuple(f"{row}.png" for row in range(images)))


@pytest.mark.parametrize("name", READERS)
def test_every_reader_is_found_by_its_name_and_says_what_it_reads(name: str) -> None:
    reader = find_reader(name)
    assert reader.name == name == name.lower()
    assert reader.title
    assert reader.layout
    assert reader.obtain
    assert reader.licence
    assert set(reader.from_memory) <= {subset for counts in reader.editions.values() for subset in counts}
    for counts in reader.editions.values():
        assert all(0 < people <= images for people, images in counts.values())


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [
        ("wardrob", "wardrobe"),
        ("LTCC", "ltcc"),
        ("ltcc_reid", "ltcc"),
        ("market-1501", "market1501"),
        ("MSMT17", "msmt17"),
        ("Wardrobe", "wardrobe"),
    ],
)
def test_an_unknown_name_draws_the_nearest(typed: str, nearest: str) -> None:
    with pytest.raises(SettingError, match=f"no data set called '{typed}'") as caught:
        read_benchmark(typed)
    assert f"Did you mean '{nearest}'?" in caught.value.mend
    assert all(name in caught.value.mend for name in READERS)


def test_a_name_unlike_any_draws_the_list_alone() -> None:
    with pytest.raises(SettingError) as caught:
        find_reader("zzz")
    assert caught.value.mend == f"Known are {', '.join(sorted(READERS))}."


def test_a_set_that_is_not_bundled_says_how_to_get_it() -> None:
    with pytest.raises(SettingError, match="LTCC does not come with the package") as caught:
        read_benchmark("ltcc")
    assert "--data" in caught.value.mend
    assert READERS["ltcc"].obtain in caught.value.mend


def test_a_folder_that_is_given_goes_before_the_bundled_one(tmp_path: Path) -> None:
    reader = find_reader("wardrobe")
    assert reader.root(tmp_path) == tmp_path
    assert reader.root(None) == reader.bundled


def test_count_tells_people_from_images() -> None:
    assert count({"train": _samples(3, 10), "query": _samples(1, 2)}) == {"train": (3, 10), "query": (1, 2)}


EDITIONS: dict[str, Counts] = {
    "complete": {"train": (30, 90), "query": (20, 40)},
    "compact": {"train": (3, 9), "query": (2, 4)},
}


@pytest.mark.parametrize("edition", EDITIONS)
def test_an_edition_is_known_by_its_counts(edition: str) -> None:
    subsets = {name: _samples(*counts) for name, counts in EDITIONS[edition].items()}
    assert recognise(subsets, EDITIONS) == (edition, ())
    assert recognise(subsets | {"val": _samples(1, 1)}, EDITIONS) == (edition, ())  # a subset nobody counted


def test_counts_that_differ_draw_a_warning_for_that_subset() -> None:
    subsets = {"train": _samples(30, 89), "query": _samples(20, 40)}
    assert recognise(subsets, EDITIONS) == (
        "",
        ("train: the complete edition has 30 people / 90 images, found 30 people / 89 images.",),
    )


def test_people_that_differ_draw_a_warning_too() -> None:
    subsets = {"train": _samples(29, 90), "query": _samples(20, 40)}
    assert recognise(subsets, EDITIONS)[1] == (
        "train: the complete edition has 30 people / 90 images, found 29 people / 90 images.",
    )


def test_the_warnings_are_against_the_nearest_edition() -> None:
    subsets = {"train": _samples(3, 8)}  # and of the query, which is not there, nothing is said
    assert recognise(subsets, EDITIONS)[1] == (
        "train: the compact edition has 3 people / 9 images, found 3 people / 8 images.",
    )


def test_large_counts_are_written_as_people_read_them() -> None:
    _, (warning,) = recognise({"train": _samples(1, 1)}, {"complete": {"train": (1000, 71248)}})
    assert "1,000 people / 71,248 images" in warning


def test_a_set_without_known_counts_has_no_edition() -> None:
    assert recognise({"train": _samples(3, 9)}, {}) == ("", ())


def test_a_count_from_memory_says_so() -> None:
    subsets = {"train": _samples(30, 89), "query": _samples(20, 41)}
    _, warnings = recognise(subsets, EDITIONS, {"query"})
    assert ["from memory" in warning for warning in warnings] == [False, True]


def _annotated(**columns: Any) -> Samples:
    return Samples(person=np.array([1, 2]), files=("1.jpg", "2.jpg"), **columns)


EVERY_RULE = Ignore.SAME_CAMERA | Ignore.SAME_TRACKLET


@pytest.mark.parametrize(
    ("query", "gallery", "rule"),
    [
        ({"camera": [1, 2], "tracklet": [1, 2]}, {"camera": [1, 2], "tracklet": [1, 2]}, EVERY_RULE),
        ({"camera": [1, 2]}, {"camera": [1, 2]}, Ignore.SAME_CAMERA),
        ({"camera": [1, 2]}, {"tracklet": [1, 2]}, Ignore.NOTHING),
        ({"tracklet": [1, 2]}, {"camera": [1, 2], "tracklet": [1, 2]}, Ignore.SAME_TRACKLET),
    ],
)
def test_of_a_rule_remains_what_both_sides_annotate(
    query: dict[str, list[int]], gallery: dict[str, list[int]], rule: Ignore
) -> None:
    subsets = {"query": _annotated(**query), "gallery": _annotated(**gallery)}
    (protocol,) = as_annotated([Protocol("standard", EVERY_RULE, source="here")], subsets)
    assert protocol == Protocol("standard", rule, source="here")


@pytest.mark.parametrize("rule", [Ignore.SAME_CLOTHES, Ignore.OTHER_CLOTHES])
def test_without_clothes_there_is_no_protocol_about_them(rule: Ignore) -> None:
    known = {"query": _annotated(clothes=[1, 2]), "gallery": _annotated(clothes=[1, 2])}
    assert [protocol.ignore for protocol in as_annotated([Protocol("clothes", rule)], known)] == [rule]
    assert as_annotated([Protocol("clothes", rule)], known | {"gallery": _annotated()}) == ()


def test_without_its_subsets_there_is_no_protocol() -> None:
    validation = Protocol("validation", Ignore.NOTHING, "val-query", "val-gallery")
    subsets = {"val-query": _annotated()}
    assert as_annotated([validation], subsets) == ()
    assert as_annotated([validation], subsets | {"val-gallery": _annotated()}) == (validation,)


@pytest.mark.shared
def test_the_golden_values_are_those_that_were_given(shared: Path) -> None:
    given = {path.name: path.read_bytes() for path in (shared / "golden").iterdir()}
    given["SOURCE.md"] = given.pop("README.md")  # ours says where they come from
    ours = {path.name: path.read_bytes() for path in GOLDEN.iterdir() if path.name != "README.md"}
    assert sorted(ours) == sorted(given)
    assert [name for name in ours if ours[name] != given[name]] == []
