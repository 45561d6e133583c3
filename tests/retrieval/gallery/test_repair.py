"""Mistakes are mended, one operation each, and every operation can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccreid.errors import CcreidError, DataError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.tables import UNDOABLE
from ccreid.retrieval.stores.store import ID
from crop_files import crop_file, nameless
from retrieval.memory_store import MemoryStore

PEOPLE = ["Ada", "Ada", "Ada", "Bo", "Bo", "Cy", None]
OUTFITS = ["red", "red", "blue", "red", None, None, None]


@pytest.fixture
def gallery() -> Gallery:
    return filled()


def filled() -> Gallery:
    gallery = Gallery.create(MemoryStore(), who="tester")
    gallery.add(crop_file(PEOPLE, outfit=OUTFITS))
    return gallery


def held(gallery: Gallery) -> dict[str, list[dict[str, Any]]]:
    tables = gallery.tables()
    return {table: tables.of(table).to_pylist() for table in UNDOABLE}


def who_is_who(gallery: Gallery) -> dict[str, tuple[str | None, str | None, str]]:
    """Of each crop, by the number in its path: the names of person and outfit, and its state."""
    tables = gallery.tables()
    names = {row[ID]: row["name"] for table in (tables.people, tables.outfits) for row in table.to_pylist()}
    return {
        row["path"].removeprefix("pictures/crop-").removesuffix(".jpg"): (
            names.get(row["person"]),
            names.get(row["outfit"]),
            row["state"],
        )
        for row in tables.crops.to_pylist()
    }


def crop_of(gallery: Gallery, number: int) -> str:
    return str(next(row[ID] for row in gallery.tables().crops.to_pylist() if f"-{number}." in row["path"]))


def row_of(gallery: Gallery, name: str) -> dict[str, Any]:
    return next(row for row in gallery.tables().people.to_pylist() if row["name"] == name)


def test_a_merge_says_who_is_part_of_whom_and_keeps_names_and_notes(gallery: Gallery) -> None:
    gallery.note("Bo", "limps")
    gallery.note("Ada", "tall")
    bo, ada = row_of(gallery, "Bo"), row_of(gallery, "Ada")
    before = held(gallery)
    assert gallery.merge(["Bo"], "Ada").what == f"{bo[ID]} is now part of {ada[ID]}."
    kept = row_of(gallery, "Ada")
    assert kept[ID] == ada[ID]
    assert kept["note"] == "tall Also called Bo. limps"
    whole = who_is_who(gallery)
    assert whole["3"] == ("Ada", "red (Bo)", "confirmed")
    assert whole["4"] == ("Ada", None, "confirmed")
    assert whole["0"] == ("Ada", "red", "confirmed")
    with pytest.raises(DataError, match="nobody called 'Bo'"):
        gallery.hide("Bo")
    gallery.undo()
    assert held(gallery) == before


def test_several_can_become_part_of_one(gallery: Gallery) -> None:
    assert "are now part of" in gallery.merge(["Bo", "Cy"], "Ada").what
    assert gallery.tables().people.num_rows == 1


@pytest.mark.parametrize(
    ("others", "into", "told"),
    [
        (["Ada"], "Ada", "cannot become part of themselves"),
        (["Bo", "Ada"], "Ada", "cannot become part of themselves"),
        (["Bo", "Bo"], "Ada", "twice"),
        ([], "Ada", "nobody is"),
        (["Di"], "Ada", "nobody called 'Di'"),
    ],
)
def test_a_merge_that_makes_no_sense_is_refused(gallery: Gallery, others: list[str], into: str, told: str) -> None:
    before = held(gallery)
    with pytest.raises(DataError, match=told):
        gallery.merge(others, into)
    assert held(gallery) == before


def test_people_of_one_frame_are_not_merged() -> None:
    gallery = Gallery.create(MemoryStore())
    gallery.add(crop_file(["Ada", "Bo"], frame=[4, 4], camera=[1, 1]))
    with pytest.raises(DataError, match="are of one frame"):
        gallery.merge(["Bo"], "Ada")
    bo = crop_of(gallery, 1)
    with pytest.raises(DataError, match="are of one frame"):
        gallery.confirm([bo], "Ada")
    gallery.reject([bo])
    gallery.merge(["Bo"], "Ada")


def test_a_rejected_crop_stays_rejected_through_merges(gallery: Gallery) -> None:
    crop = crop_of(gallery, 5)
    gallery.reject([crop])
    assert who_is_who(gallery)["5"] == (None, None, "unknown")
    gallery.add(crop_file(PEOPLE, outfit=OUTFITS))
    assert who_is_who(gallery)["5"] == (None, None, "unknown")
    gallery.add(crop_file(["Cy"], first=20))
    gallery.merge(["Cy"], "Ada")
    found = gallery.add(crop_file(["Ada"], first=5))
    assert "was rejected as" in found.refused[0].reasons[0]
    gallery.propose([crop], "Ada", 0.9)
    assert who_is_who(gallery)["5"] == (None, None, "unknown")
    gallery.confirm([crop], "Ada")
    assert who_is_who(gallery)["5"] == ("Ada", None, "confirmed")
    assert gallery.tables().rejections.num_rows == 0


def test_whoever_was_told_apart_by_a_crop_is_not_merged(gallery: Gallery) -> None:
    crop = crop_of(gallery, 3)
    gallery.reject([crop])
    gallery.confirm([crop], "Cy")
    with pytest.raises(DataError, match="was rejected as one of them"):
        gallery.merge(["Bo"], "Cy")


def test_a_person_is_split_by_outfit(gallery: Gallery) -> None:
    before = held(gallery)
    gallery.split("Ada", outfits=["blue"], name="Eve")
    assert who_is_who(gallery)["2"] == ("Eve", "blue", "confirmed")
    assert who_is_who(gallery)["0"] == ("Ada", "red", "confirmed")
    assert len(gallery.snapshot().people) == 4
    gallery.undo()
    assert held(gallery) == before


def test_a_person_is_split_by_hand_and_a_shared_outfit_becomes_two(gallery: Gallery) -> None:
    gallery.split("Ada", crops=[crop_of(gallery, 1)[:12]])
    assert who_is_who(gallery)["1"] == ("Ada (2)", "red", "confirmed")
    assert who_is_who(gallery)["0"] == ("Ada", "red", "confirmed")
    assert sorted(gallery.tables().outfits["name"].to_pylist()) == ["blue", "red", "red", "red"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"outfits": ["red", "blue"]}, "All of the 3 crops"),
        ({}, "None of the 3 crops"),
        ({"outfits": ["green"]}, "no outfit 'green'"),
        ({"crops": ["nothing"]}, "no crop 'nothing'"),
        ({"crops": [""]}, "no crop ''"),
    ],
)
def test_a_split_that_makes_no_sense_is_refused(gallery: Gallery, arguments: Any, told: str) -> None:
    with pytest.raises(DataError, match=told):
        gallery.split("Ada", **arguments)
    with pytest.raises(DataError, match="is none of Ada"):
        gallery.split("Ada", crops=[crop_of(gallery, 3)])


def test_hidden_and_removed_people_are_not_found_and_come_back(gallery: Gallery) -> None:
    ada = row_of(gallery, "Ada")[ID]
    gallery.hide("Ada")
    assert ada not in gallery.snapshot().people
    gallery.hide("Ada", hidden=False)
    assert ada in gallery.snapshot().people
    gallery.remove(["Ada"])
    assert ada not in gallery.snapshot().people
    assert len(gallery.snapshot()) == 4
    with pytest.raises(DataError, match="was removed"):
        gallery.merge(["Bo"], "Ada")
    gallery.undo()
    assert ada in gallery.snapshot().people
    gallery.remove(crops=[crop_of(gallery, 0)])
    assert len(gallery.snapshot()) == 6
    assert gallery.add(crop_file(PEOPLE, outfit=OUTFITS)).added == 1, "what is enrolled again is back"
    assert len(gallery.snapshot()) == 7


def test_proposals_are_told_apart_from_what_is_confirmed(gallery: Gallery) -> None:
    unknown, confirmed = crop_of(gallery, 6), crop_of(gallery, 5)
    gallery.propose([unknown, confirmed], "Ada", 0.75)
    assert who_is_who(gallery)["6"] == ("Ada", None, "proposed")
    assert who_is_who(gallery)["5"][0] == "Cy"
    assert len(gallery.snapshot().confirmed) == 6
    gallery.confirm([unknown])
    assert who_is_who(gallery)["6"] == ("Ada", None, "confirmed")
    assert gallery.propose([unknown], "Cy", 0.9) is None


def test_a_crop_is_put_into_another_outfit_and_back(gallery: Gallery) -> None:
    before = held(gallery)
    first, third = crop_of(gallery, 0), crop_of(gallery, 2)
    entry = gallery.dress([third], "red")
    assert who_is_who(gallery)["2"] == ("Ada", "red", "confirmed")
    assert {row["name"] for row in gallery.tables().outfits.to_pylist()} == {"red"}  # in blue nobody is left
    assert (entry.verb, entry.what) == ("outfit", f"1 crops of {row_of(gallery, 'Ada')[ID]} show another outfit.")
    gallery.dress([first, crop_of(gallery, 3)], "plaid")  # of two people, each of whom has one of that name now
    assert [who_is_who(gallery)[crop][1] for crop in "013"] == ["plaid", "red", "plaid"]
    assert len({row[ID] for row in gallery.tables().outfits.to_pylist() if row["name"] == "plaid"}) == 2
    gallery.dress([first], None)
    assert who_is_who(gallery)["0"] == ("Ada", None, "confirmed")
    for _ in range(3):
        gallery.undo()
    assert held(gallery) == before
    with pytest.raises(DataError, match="not confirmed whom the crop"):
        gallery.dress([crop_of(gallery, 6)], "red")
    with pytest.raises(DataError, match="name of the outfit is empty"):
        gallery.dress([first], " ")


def test_nobody_is_called_by_nothing(gallery: Gallery) -> None:
    with pytest.raises(DataError, match="new name is empty"):
        gallery.rename("Ada", " ")
    gallery.rename("Ada", "Bo")
    with pytest.raises(DataError, match="2 people are called 'Bo'"):
        gallery.rename("Bo", "Cy")


def names(gallery: Gallery) -> list[str]:
    """Ids in the order of names: they themselves are drawn anew each time."""
    rows = gallery.tables().people.to_pylist()
    return [row[ID] for row in sorted(rows, key=lambda row: (row["name"], row["note"], row["operation"]))]


def ids(gallery: Gallery) -> list[str]:
    return sorted(gallery.tables().crops[ID].to_pylist())


def one(of: list[str], number: int) -> str:
    return of[number % len(of)] if of else "nothing"


Act = Callable[[Gallery, int, int], object]
ACTS: dict[str, Act] = {
    "add": lambda g, a, b: g.add(crop_file(["Ada", "new", None], first=a * 3, outfit=["red", "green", None])),
    "merge": lambda g, a, b: g.merge([one(names(g), a)], one(names(g), b)),
    "split": lambda g, a, b: g.split(one(names(g), a), crops=[one(ids(g), b)]),
    "outfit": lambda g, a, b: g.split(one(names(g), a), outfits=["red"]),
    "dress": lambda g, a, b: g.dress([one(ids(g), a)], ["red", "plaid", None][b % 3]),
    "take over": lambda g, a, b: g.add(
        nameless(["x", "y"], first=a % 9, proposed_person=[one(names(g), b), "new"], probability=[0.6, None])
    ),
    "rename": lambda g, a, b: g.rename(one(names(g), a), f"name {b}"),
    "hide": lambda g, a, b: g.hide(one(names(g), a), hidden=b % 2 == 0),
    "reject": lambda g, a, b: g.reject([one(ids(g), a)]),
    "confirm": lambda g, a, b: g.confirm([one(ids(g), a)], one(names(g), b)),
    "propose": lambda g, a, b: g.propose([one(ids(g), a)], one(names(g), b), 0.5),
    "remove": lambda g, a, b: g.remove([one(names(g), a)]),
    "undo": lambda g, a, b: g.undo(),
}


SOME_ACTS = st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 50), st.integers(0, 50)), max_size=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SOME_ACTS)
def test_after_any_operations_undoing_all_gives_what_was(acts: list[tuple[str, int, int]]) -> None:
    empty = Gallery.create(MemoryStore())
    gallery = filled()
    states = [held(empty), held(gallery)]
    for name, first, second in acts:
        entries = len(gallery.journal.entries())
        try:
            ACTS[name](gallery, first, second)
        except CcreidError:  # it makes no sense just now
            assert len(gallery.journal.entries()) == entries
        if len(gallery.journal.entries()) > entries:
            if name == "undo":
                states.pop()
            else:
                states.append(held(gallery))
        assert held(gallery) == states[-1]
        check_whole(gallery)
    while len(states) > 1:
        gallery.undo()
        states.pop()
        assert held(gallery) == states[-1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 50), st.integers(0, 50)), max_size=8), st.data()
)
def test_any_operation_is_taken_back_or_something_rests_on_it(
    acts: list[tuple[str, int, int]], data: st.DataObject
) -> None:
    gallery = filled()
    for name, first, second in acts:
        with suppress(CcreidError):  # it makes no sense just now
            ACTS[name](gallery, first, second)
    for number in data.draw(st.permutations([entry.number for entry in gallery.journal.entries()])):
        before = held(gallery)
        try:
            gallery.undo(number)
        except DataError:
            assert held(gallery) == before
        check_whole(gallery)


def check_whole(gallery: Gallery) -> None:
    """Nothing refers to what is not there."""
    tables = gallery.tables()
    people, crops = set(tables.people[ID].to_pylist()), set(tables.crops[ID].to_pylist())
    worn_by = {row[ID]: row["person"] for row in tables.outfits.to_pylist()}
    assert set(worn_by.values()) <= people
    for row in tables.crops.to_pylist():
        assert row["person"] is None or row["person"] in people
        assert row["outfit"] is None or worn_by[row["outfit"]] == row["person"]
        assert (row["state"] == "unknown") == (row["person"] is None)
    for row in tables.rejections.to_pylist():
        assert row["crop"] in crops
        assert row["person"] in people
