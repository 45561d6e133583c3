"""Crops put together with what is known of them, and the names of their groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ccreid.errors import ArtefactError, DataError
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.grouping.decisions import Decisions
from ccreid.retrieval.grouping.grouping import Groups, Joining, Pairs, group_crops
from ccreid.retrieval.grouping.pile import Likely, Pile, group_names, grouped, likely_merges, pile
from ccreid.vocabulary import UNKNOWN
from crop_files import nameless

PEOPLE = [person for person in range(5) for _ in range(6)]


def again(heap: Pile) -> CropFile:
    groups = group_crops(heap.crops.vectors, heap.known, Joining(eps=0.5))
    return grouped(heap, groups, group_names(heap, groups))


def column(file: CropFile, name: str) -> list[str | None]:
    values: list[str | None] = file.table[name].to_pylist()
    return values


@pytest.fixture(scope="module")
def before() -> CropFile:
    return again(pile([nameless(PEOPLE)]))


def test_a_new_group_is_called_after_one_of_its_crops(before: CropFile) -> None:
    names = column(before, "group")
    assert len(set(names)) == 5
    for name in set(names):
        ids = [one for one, its in zip(before.ids, names, strict=True) if its == name]
        assert name == f"g-{min(ids)[:8]}"
    assert set(column(before, "state")) == {"unknown"}


def test_groups_keep_their_names_when_crops_come(before: CropFile) -> None:
    heap = pile([nameless([4, 3, 2, 1, 0, 1], first=100)], before)
    assert heap.new == 6
    after = again(heap)
    names = dict(zip(after.ids, column(after, "group"), strict=True))
    assert all(names[one] == name for one, name in zip(before.ids, column(before, "group"), strict=True))
    assert set(names.values()) == set(column(before, "group"))


def test_crops_come_in_any_order_and_twice(before: CropFile) -> None:
    heap = pile([nameless(PEOPLE), nameless(PEOPLE)], before)
    assert heap.crops.ids == before.ids
    assert heap.new == 0


def test_a_name_makes_crops_confirmed_and_new_ones_proposed(before: CropFile) -> None:
    name = column(before, "group")[0]
    assert name is not None
    after = again(pile([nameless([0, 0, 1], first=100)], before, decisions=Decisions(names={name: "anna"})))
    rows = list(zip(column(after, "person"), column(after, "state"), column(after, "proposed_person"), strict=True))
    assert rows[:6] == 6 * [("anna", "confirmed", None)]
    assert rows[30:32] == 2 * [(None, "proposed", "anna")]
    assert rows[32] == (None, "unknown", None)


def test_who_was_confirmed_stays_who_he_is() -> None:
    people = [*["ben"] * 2, *[None] * 28]
    before = again(pile([nameless(PEOPLE, person=people)]))
    name = column(before, "group")[0]
    assert name is not None
    assert column(before, "proposed_person")[2:6] == 4 * ["ben"]
    after = again(pile([], before, decisions=Decisions(names={name: "anna"})))
    assert column(after, "person")[:6] == ["ben", "ben", "anna", "anna", "anna", "anna"]
    assert column(after, "group")[0] != column(after, "group")[2]


def test_a_person_that_a_later_file_tells_is_taken(before: CropFile) -> None:
    heap = pile([nameless(PEOPLE[:6], person=["anna"] * 6)], before)
    assert (heap.known.person[:6] != UNKNOWN).all()
    assert (heap.known.person[6:] == UNKNOWN).all()


def test_merged_groups_are_one_and_called_as_the_first(before: CropFile) -> None:
    one, other, third = (str(column(before, "group")[row]) for row in (0, 6, 12))
    after = again(pile([], before, decisions=Decisions(merged=[(one, other), (other, third)])))
    assert column(after, "group")[:18] == 18 * [one]


def test_what_is_apart_is_never_joined_again(before: CropFile) -> None:
    name = str(column(before, "group")[0])
    out = before.ids[3]
    heap = pile([], before, decisions=Decisions(taken_out=[out]))
    after = again(heap)
    assert column(after, "group")[3] != name
    assert column(after, "group")[0] == name
    again_later = again(pile([], after, heap.apart))
    assert column(again_later, "group")[3] != name


def test_groups_that_are_apart_stay_so_when_all_else_would_join_them() -> None:
    alike = again(pile([nameless([0] * 6)]))
    halves = pile([], CropFile(alike.table.set_column(
        alike.table.column_names.index("group"), "group", [["a"] * 3 + ["b"] * 3]
    ), alike.made_with), decisions=Decisions(apart=[("a", "b")]))  # fmt: skip
    names = column(again(halves), "group")
    assert set(names[:3]) == {"a"}
    assert set(names[3:]) == {"b"}


def test_two_crops_of_one_picture_are_two_people() -> None:
    known = pile([nameless([0] * 6, boxes=True)]).known
    assert known.frame.tolist() == [0, 0, 1, 1, 2, 2]
    frames = pile([nameless([0] * 4, camera=[1, 1, 2, 2], frame=[5, 5, 5, None])]).known.frame
    assert frames[0] == frames[1] != frames[2]
    assert frames[3] == UNKNOWN


def test_another_model_is_refused(before: CropFile) -> None:
    with pytest.raises(ArtefactError, match="made with another model"):
        pile([nameless([0], made_with={"weights": "others"})], before)


@pytest.mark.parametrize(
    "decided",
    [
        {"names": {"g-none": "x"}},
        {"merged": [("g-none", "g-no")]},
        {"apart": [("g-none", "g-no")]},
        {"taken_out": ["ff"]},
    ],
)
def test_decisions_about_what_is_not_there_are_refused(before: CropFile, decided: dict[str, object]) -> None:
    with pytest.raises(DataError, match="not in what was grouped before"):
        pile([], before, decisions=Decisions.model_validate(decided))


def test_nothing_to_group_is_told() -> None:
    with pytest.raises(DataError, match="no crops"):
        pile([])
    empty = nameless([0])
    with pytest.raises(DataError, match="no crops"):
        pile([replace(empty, table=empty.table.slice(0, 0))])
    assert np.array_equal(pile([empty]).known.group, [UNKNOWN])


def test_a_probable_pair_with_a_confirmed_group_proposes_its_person() -> None:
    """Of groups 0 and 1 somebody has said who they are; 2 is probably the one, more probably the other, 3 nobody."""
    heap = pile([nameless([0, 0, 1, 2, 2, 3, 4], person=["anna", None, "ben", None, None, None, None])])
    groups = Groups(np.array([0, 0, 1, 2, 2, 3, 4]), np.eye(5, dtype=np.float32), np.zeros(5))
    first, second = np.array([2, 2, 3, 4, 1]), np.array([0, 1, 0, 2, 0])
    pairs = Pairs(first, second, np.zeros(5, np.float32))
    found = likely_merges(heap, groups, pairs, np.array([0.6, 0.9, 0.4, 0.99, 0.8]))
    assert found.person == [None, None, "ben", None, None]
    assert found.probability[2] == 0.9
    other = Likely([None, "zoe", "zoe", "zoe", None], np.array([np.nan, 0.99, 0.7, 0.8, np.nan]))
    table = grouped(heap, groups, list("vwxyz"), [found, other]).table
    assert column(CropFile(table, heap.crops.made_with), "proposed_person") == [
        *[None, "anna", None, "ben", "ben", "zoe", None]
    ]
    assert table["probability"].to_pylist() == [None, None, None, 0.9, 0.9, 0.8, None]
    assert table["state"].to_pylist() == ["confirmed", "proposed", "confirmed", *["proposed"] * 3, "unknown"]
