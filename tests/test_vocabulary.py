"""Columns and what is unknown in them, samples, rules and benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccreid.errors import DataError
from ccreid.vocabulary import (
    COLUMN_NAMES,
    COLUMN_OF_RULE,
    DISTRACTOR,
    UNKNOWN,
    Benchmark,
    Columns,
    Ignore,
    Pictures,
    Protocol,
    Samples,
)

OPTIONAL = [name for name in COLUMN_NAMES if name != "person"]


def _columns(**columns: object) -> Columns:
    return Columns.of({"person": [1, 1, 2], **columns})


# What a column may be


def test_a_column_that_is_not_annotated_is_none() -> None:
    columns = _columns()
    assert columns.person.tolist() == [1, 1, 2]
    assert (columns.camera, columns.clothes, columns.tracklet) == (None, None, None)
    assert len(columns) == 3


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_single_value_may_be_missing(name: str) -> None:
    column = getattr(_columns(**{name: [4, None, 0]}), name)
    assert column.dtype == np.int64
    assert column.tolist() == [4, UNKNOWN, 0]


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("missing", [[None] * 3, [UNKNOWN] * 3, np.array([None] * 3)])
def test_a_column_without_any_value_is_no_column(name: str, missing: object) -> None:
    assert getattr(_columns(**{name: missing}), name) is None


def test_an_empty_set_keeps_its_columns() -> None:
    columns = Columns.of({"person": [], "camera": []})
    assert len(columns) == 0
    assert columns.camera is not None
    assert columns.camera.dtype == np.int64


@pytest.mark.parametrize("person", [None, [None, None], [3, None], np.array([3, UNKNOWN])])
def test_every_image_needs_its_person(person: Any) -> None:
    with pytest.raises(DataError, match="'person' has a missing value"):
        Columns(person=person, camera=np.array([1, 2]))


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("count", [0, 2, 4])
def test_columns_are_of_one_length(name: str, count: int) -> None:
    with pytest.raises(DataError, match=f"'{name}' has {count} values and 'person' has 3"):
        _columns(**{name: [7] * count})


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ([1.0, 2.0, 3.0], "holds float64"),
        ([1, float("nan"), 3], "holds float64"),
        ([1.5, None, 3], "holds float64"),
        (["a", "b", "c"], "holds <U1"),
        (["a", None, "c"], "holds <U"),
        ([True, False, True], "holds bool"),
        ([2**70, 1, 2], "holds object"),
        (np.array([2**63, 1, 2], dtype=np.uint64), "beyond int64"),  # it would wrap round to UNKNOWN
        ([[1], [2], [3]], r"shape \(3, 1\)"),
        (5, r"shape \(\)"),
        ([[1, 2], [3], None], "no plain column"),
    ],
)
@pytest.mark.parametrize("name", COLUMN_NAMES)
def test_what_is_no_column_of_whole_numbers_is_refused_by_name(name: str, column: object, what: str) -> None:
    with pytest.raises(DataError, match=what) as caught:
        _columns(**{name: column})
    assert f"'{name}'" in caught.value.message


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int64, np.uint64])
def test_whole_numbers_of_any_width_are_taken(dtype: type[np.integer[Any]]) -> None:
    column = _columns(camera=np.array([1, 2, 3], dtype=dtype)).camera
    assert column is not None
    assert column.dtype == np.int64
    assert column.tolist() == [1, 2, 3]


def test_columns_are_copies_that_cannot_be_written() -> None:
    given_ids = np.array([1, 2, 3])
    columns = Columns(person=given_ids)
    given_ids[0] = 9
    assert columns.person.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        columns.person[0] = 9


# Where columns come from

TABLE = np.array([(5, 1), (6, 2)], dtype=[("person", np.int64), ("camera", np.int64)])


@pytest.mark.parametrize(
    "source",
    [
        {"person": [5, 6], "camera": [1, 2]},
        {"person": (5, 6), "camera": (1, 2), "tracklet": None, "weather": "fine"},
        SimpleNamespace(person=[5, 6], camera=[1, 2]),
        SimpleNamespace(person=np.array([5, 6]), camera=np.array([1, 2]), clothes=None),
        TABLE,
    ],
    ids=["dict", "dict with more", "namespace", "namespace of arrays", "numpy table"],
)
def test_columns_are_read_off_keys_or_attributes(source: object) -> None:
    columns = Columns.of(source)
    assert columns.person.tolist() == [5, 6]
    assert columns.camera is not None
    assert columns.camera.tolist() == [1, 2]
    assert (columns.clothes, columns.tracklet) == (None, None)


def test_columns_and_samples_are_their_own_source() -> None:
    columns = _columns()
    samples = Samples(person=np.array([1]), files=("a.png",))
    assert Columns.of(columns) is columns
    assert Columns.of(samples) is samples


@pytest.mark.parametrize("source", [{}, {"camera": [1]}, SimpleNamespace(), [1, 2], "person", None, np.arange(3)])
def test_a_source_without_people_is_refused(source: object) -> None:
    with pytest.raises(DataError, match="'person' is missing"):
        Columns.of(source)


# Same and different

Relation = Callable[[Columns, str, int, Columns], Any]


def test_same_and_different_are_read_value_by_value() -> None:
    query, gallery = _columns(camera=[4, 5, 6]), Columns.of({"person": [1, 1, 2, 9], "camera": [4, 5, 4, 6]})
    assert query.same("camera", 0, gallery).tolist() == [True, False, True, False]
    assert query.different("camera", 0, gallery).tolist() == [False, True, False, True]
    assert query.same("person", 2, gallery).tolist() == [False, False, True, False]


@pytest.mark.parametrize("related", [Columns.same, Columns.different])
def test_unknown_is_neither_the_same_nor_different(related: Relation) -> None:
    columns = _columns(camera=[4, None, None])
    assert not related(columns, "camera", 1, columns).any()  # unknown against 4, against itself, against unknown
    assert related(columns, "camera", 0, columns)[1:].tolist() == [False, False]


@pytest.mark.parametrize("related", [Columns.same, Columns.different])
def test_a_column_that_one_side_lacks_relates_nothing(related: Relation) -> None:
    with_camera, without = _columns(camera=[4, 5, 6]), _columns()
    for one, other in ((with_camera, without), (without, with_camera), (without, without)):
        result = related(one, "camera", 0, other)
        assert result.dtype == np.bool_
        assert result.tolist() == [False] * 3


values = st.one_of(st.none(), st.integers(-2, 2))


@given(st.lists(values, min_size=1, max_size=6), st.lists(values, min_size=1, max_size=6))
def test_relations_follow_the_definition(mine: list[int | None], theirs: list[int | None]) -> None:
    query = Columns.of({"person": [0] * len(mine), "clothes": mine})
    gallery = Columns.of({"person": [0] * len(theirs), "clothes": theirs})
    for row, value in enumerate(mine):
        known = [value is not None and other is not None for other in theirs]
        same = [k and value == other for k, other in zip(known, theirs, strict=True)]
        different = [k and value != other for k, other in zip(known, theirs, strict=True)]
        assert query.same("clothes", row, gallery).tolist() == same
        assert query.different("clothes", row, gallery).tolist() == different


# Samples


def _samples() -> Samples:
    return Samples(
        person=np.array([30, 10, 30, 20]),
        camera=np.array([1, 2, 3, UNKNOWN]),
        root=Path("/data"),
        files=("a.png", "sub/b.png", "c.png", "d.png"),
    )


@pytest.mark.parametrize(
    "rows",
    [[2, 0], (2, 0), np.array([2, 0]), np.array([-2, -4])],
    ids=["list", "tuple", "array", "from the end"],
)
def test_select_takes_rows_in_the_order_asked_for(rows: Any) -> None:
    chosen = _samples().select(rows)
    assert isinstance(chosen, Samples)
    assert chosen.files == ("c.png", "a.png")
    assert chosen.person.tolist() == [30, 30]
    assert chosen.camera is not None
    assert chosen.camera.tolist() == [3, 1]
    assert (chosen.clothes, chosen.root) == (None, Path("/data"))


@pytest.mark.parametrize("mask", [[True, False, False, True], np.array([True, False, False, True])])
def test_select_takes_a_mask(mask: Any) -> None:
    chosen = _samples().select(mask)
    assert chosen.files == ("a.png", "d.png")
    assert chosen.camera is not None
    assert chosen.camera.tolist() == [1, UNKNOWN]


@pytest.mark.parametrize("rows", [[], (), np.array([]), np.array([], dtype=bool), np.zeros(4, dtype=bool)])
def test_select_may_leave_nothing(rows: Any) -> None:
    chosen = _samples().select(rows)
    assert len(chosen) == 0
    assert chosen.files == ()
    assert chosen.camera is not None  # still annotated, of no image
    assert chosen.identities.tolist() == []


def test_select_of_images_without_a_value_leaves_no_column() -> None:
    assert _samples().select([3]).camera is None


@pytest.mark.parametrize("rows", [[4], [-5], np.array([True, False])])
def test_select_beyond_the_images_is_an_error(rows: Any) -> None:
    with pytest.raises(IndexError):
        _samples().select(rows)


def test_identities_are_contiguous_in_the_order_of_people() -> None:
    samples = _samples()
    assert samples.people.tolist() == [10, 20, 30]
    assert samples.identities.tolist() == [2, 0, 2, 1]
    assert samples.identities.dtype == np.int64
    assert samples.select([0, 3]).identities.tolist() == [1, 0]  # anew for every selection


@given(st.lists(st.integers(-(10**6), 10**6), max_size=20))
def test_identities_number_the_people_from_0(person: list[int]) -> None:
    samples = Samples(person=np.array(person, dtype=np.int64), files=tuple(map(str, range(len(person)))))
    order = sorted(set(person))
    assert samples.identities.tolist() == [order.index(number) for number in person]


def test_pictures_need_nothing_but_their_place() -> None:
    pictures = Pictures(Path("/data"), ("a.png", "sub/b.png", "c.png"))
    assert len(pictures) == 3
    assert pictures.path(1) == Path("/data/sub/b.png")
    chosen = pictures.select([2, 0])
    assert type(chosen) is Pictures
    assert (chosen.root, chosen.files) == (Path("/data"), ("c.png", "a.png"))
    assert pictures.select(np.array([False, True, False])).files == ("sub/b.png",)
    assert len(pictures.select([])) == 0
    with pytest.raises(IndexError):
        pictures.select([3])


def test_samples_are_pictures_and_columns() -> None:
    samples = _samples()
    assert isinstance(samples, Pictures)
    assert isinstance(samples, Columns)


def test_a_path_lies_below_the_root() -> None:
    assert _samples().path(1) == Path("/data/sub/b.png")


@pytest.mark.parametrize("files", [(), ("a.png",), ("a.png", "b.png", "c.png")])
def test_every_image_needs_a_file(files: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=f"{len(files)} files and 2 people"):
        Samples(person=np.array([1, 2]), files=files)


# Rules, benchmarks


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (Ignore.NOTHING, "nothing"),
        (Ignore.SAME_CAMERA, "same camera"),
        (Ignore.SAME_CLOTHES | Ignore.SAME_CAMERA, "same camera or same clothes"),
        (Ignore.SAME_CAMERA | Ignore.OTHER_CLOTHES, "same camera or other clothes"),
        (Ignore.SAME_TRACKLET, "same tracklet"),
    ],
)
def test_a_rule_says_itself_in_words(rule: Ignore, sentence: str) -> None:
    assert rule.sentence == sentence


def test_every_flag_has_its_words_and_its_column() -> None:
    assert set(COLUMN_OF_RULE) == set(Ignore)
    assert set(COLUMN_OF_RULE.values()) == set(OPTIONAL) - {"garments"}
    assert len({flag.sentence for flag in Ignore}) == len(Ignore)


def test_a_benchmark_names_the_subsets_it_has() -> None:
    samples = _samples()
    benchmark = Benchmark(
        name="set",
        root=Path("/data"),
        subsets={"train": samples, "val": samples},
        protocols=(Protocol("p", Ignore.NOTHING),),
    )
    assert benchmark.subset("val") is samples
    with pytest.raises(DataError, match="set has no subset 'query'; it has train, val") as caught:
        benchmark.subset("query")
    assert "/data" in caught.value.mend


def test_two_protocols_of_one_name_would_be_one_in_every_report() -> None:
    twice = (Protocol("standard", Ignore.SAME_CAMERA), Protocol("standard", Ignore.SAME_CLOTHES))
    with pytest.raises(DataError, match="several protocols 'standard'"):
        Benchmark("own", Path(), {}, twice)


def test_what_is_known_of_an_image_is_said_by_name() -> None:
    samples = Samples(
        person=np.array([0, 1, 2]),
        camera=np.array([4, UNKNOWN, 5]),
        clothes=np.array([7, 8, UNKNOWN]),
        files=("a", "b", "c"),
        names={"person": {0: "anna", 1: DISTRACTOR}, "camera": {4: "door"}},
    )
    assert [samples.described(row) for row in range(3)] == [
        ("person anna", "clothes 7", "camera door"),
        ("distractor", "clothes 8"),
        ("person 2", "camera 5"),
    ]
    assert samples.select([2, 0]).described(1) == ("person anna", "clothes 7", "camera door")


def test_unknown_values_are_not_counted_among_the_values() -> None:
    columns = Columns.of({"person": [1, 1, 2], "camera": [5, None, 3], "clothes": [None, None, None]})
    cameras = columns.distinct("camera")
    assert cameras is not None
    assert (cameras.tolist(), columns.unknown("camera")) == ([3, 5], 1)
    assert (columns.distinct("clothes"), columns.unknown("clothes")) == (None, 3)
