"""Mistakes in a gallery are mended: who is who, who is called what, who can be found.

The sentences that changes bring with them stay in the journal: they tell people by their ids, and never by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.gallery.changes import Change
from ccreid.retrieval.gallery.frames import meeting
from ccreid.retrieval.gallery.naming import crops_named, crops_of, outfits_of, person_of
from ccreid.retrieval.gallery.tables import (
    CONFIRMED,
    CROPS,
    OPERATION,
    OUTFITS,
    PEOPLE,
    PROPOSED,
    REJECTIONS,
    UNKNOWN,
    Tables,
    among,
    having,
    rows_of,
    with_columns,
)
from ccreid.retrieval.stores.store import ID


def merge(tables: Tables, others: Sequence[str], into: str) -> Change:
    """Make people part of another, who keeps name and id; their names and notes are kept in the note.

    Raises
    ------
    DataError
        Somebody is not there or is that very person, both are in one frame, or a crop of one was rejected as another.
    """
    person = person_of(tables, into)
    gone = [person_of(tables, other) for other in others]
    if person[ID] in {other[ID] for other in gone}:
        raise DataError(f"{_called(person)} cannot become part of themselves.", "Name two people.")
    if len({other[ID] for other in gone}) < len(gone) or not gone:
        raise DataError("Somebody is named twice, or nobody is.", "Name each once who becomes part of another.")
    _check_present(person, *gone)
    ids = [one[ID] for one in (person, *gone)]
    crops = with_columns(among(tables.crops, "person", ids), person=person[ID])
    rejections = with_columns(among(tables.rejections, "person", ids), person=person[ID])
    _check_may_join(crops, rejections)
    new_rejections = _rejections(set(rejections["crop"].to_pylist()), person[ID])
    moved = [
        row | {"person": person[ID], "name": f"{row['name']} ({other['name']})"}
        for other in gone
        for row in having(tables.outfits, "person", other[ID]).to_pylist()
    ]
    notes = [person["note"], *(part for other in gone for part in (f"Also called {other['name']}.", other["note"]))]
    return Change(
        "merge",
        f"{' and '.join(one[ID] for one in gone)} {'is' if len(gone) == 1 else 'are'} now part of {person[ID]}.",
        {
            PEOPLE: rows_of(PEOPLE, [person | {"note": " ".join(note for note in notes if note)}]),
            OUTFITS: pa.concat_tables([having(tables.outfits, "person", person[ID]), rows_of(OUTFITS, moved)]),
            REJECTIONS: new_rejections,
            CROPS: crops,
        },
        {
            PEOPLE: tuple(other[ID] for other in gone),
            REJECTIONS: tuple(sorted({*_ids(among(tables.rejections, "person", ids))} - {*_ids(new_rejections)})),
        },
    )


def split(
    tables: Tables,
    named: str,
    *,
    outfits: Sequence[str] = (),
    crops: Sequence[str] = (),
    name: str | None = None,
    at: str,
    draw: Callable[[], str],
) -> Change:
    """Make some of a person's outfits, or crops, another person's.

    Parameters
    ----------
    named:
        The person.
    outfits, crops:
        What goes: outfits with all their crops, by name or id; single crops by id.
    name:
        Of the new person; None takes the old one's with "(2)" behind it.
    at, draw:
        As in :func:`ccreid.retrieval.gallery.enrolment.enrol`.

    Raises
    ------
    DataError
        One of them is not there or not the person's, or nothing would go or stay.
    """
    person = person_of(tables, named)
    _check_present(person)
    own = crops_of(tables, person[ID])
    by_outfit = pc.is_in(own["outfit"], value_set=_one(outfits_of(tables, person[ID], outfits)[ID]))
    by_hand = crops_named(tables, crops)
    if strangers := set(_ids(by_hand)) - set(_ids(own)):
        raise DataError(f"The crop {sorted(strangers)[0]} is none of {_called(person)}.", "See `ccreid gallery show`.")
    goes = own.filter(pc.or_(by_outfit, pc.is_in(own[ID], value_set=_one(by_hand[ID]))))
    if not 0 < len(goes) < len(own):
        what = "None" if not len(goes) else "All"
        raise DataError(f"{what} of the {len(own)} crops of {_called(person)} would go.", "Name some of them.")
    new = {
        **person,
        ID: f"p-{draw()}",
        "name": name or f"{person['name']} (2)",
        "note": "",
        "created_at": at,
    }
    worn = [row for row in having(tables.outfits, "person", person[ID]).to_pylist() if row[ID] in _ids(goes, "outfit")]
    stay = own.filter(pc.invert(pc.is_in(own[ID], value_set=_one(goes[ID]))))
    # An outfit that some crops stay in is two from now on.
    becomes = {row[ID]: f"o-{draw()}" if row[ID] in _ids(stay, "outfit") else row[ID] for row in worn}
    return Change(
        "split",
        f"{len(goes)} crops of {person[ID]} are now those of {new[ID]}.",
        {
            PEOPLE: rows_of(PEOPLE, [person, new]),
            OUTFITS: rows_of(
                OUTFITS,
                [row | {ID: becomes[row[ID]], "person": new[ID]} for row in worn]
                + [row for row in worn if becomes[row[ID]] != row[ID]],
            ),
            CROPS: with_columns(
                goes,
                person=new[ID],
                outfit=pa.array([becomes.get(one) for one in goes["outfit"].to_pylist()], pa.string()),
            ),
        },
    )


def dress(tables: Tables, crops: Sequence[str], outfit: str | None, *, draw: Callable[[], str]) -> Change:
    """Say in which outfit crops show their people; an outfit that no crop is left of is no more.

    Parameters
    ----------
    outfit:
        By name, or by the id of one of the person's; one that they were not seen in yet is new. None is no known one.
    draw:
        As in :func:`ccreid.retrieval.gallery.enrolment.enrol`.

    Raises
    ------
    DataError
        A crop is not there, nobody has confirmed whom it shows, or the name is empty.
    """
    rows = crops_named(tables, crops)
    if outfit is not None and not outfit.strip():
        raise DataError("The name of the outfit is empty.", "Give one, or say that it is not known.")
    for row in rows.to_pylist():
        if row["state"] != CONFIRMED:
            raise DataError(
                f"It is not confirmed whom the crop {row[ID]} shows, and outfits are people's.",
                "Say first who it is: ccreid gallery confirm CROP --person NAME",
            )
    kept = tables.outfits.to_pylist()
    worn: dict[str, str | None] = {}
    new = []
    for person in sorted(set(_ids(rows, "person"))):
        own = [one for one in kept if one["person"] == person]
        same = [one[ID] for key in (ID, "name") for one in own if one[key] == outfit]
        worn[person] = None if outfit is None else same[0] if same else f"o-{draw()}"
        if outfit is not None and not same:
            new.append({ID: worn[person], "person": person, "name": outfit, OPERATION: ""})
    dressed = with_columns(rows, outfit=pa.array([worn[one] for one in _ids(rows, "person")], pa.string()))
    others = tables.crops.filter(pc.invert(pc.is_in(tables.crops[ID], value_set=_one(rows[ID]))))
    left = {*_ids(others, "outfit"), *_ids(dressed, "outfit")}
    bare = tuple(sorted({*_ids(rows, "outfit")} - left - {None}))
    referred = _referred(tables, pa.concat_tables([rows, dressed]))
    outfits = [
        one for one in kept if one[ID] not in bare and one[ID] in {*_ids(rows, "outfit"), *_ids(dressed, "outfit")}
    ]
    return Change(
        "outfit",
        f"{len(rows)} crops of {', '.join(sorted(worn))} show {'no known' if outfit is None else 'another'} outfit.",
        {PEOPLE: referred[PEOPLE], OUTFITS: rows_of(OUTFITS, [*outfits, *new]), CROPS: dressed},
        {OUTFITS: bare},
    )


def rename(tables: Tables, named: str, name: str) -> Change:
    """Call a person otherwise. Raises DataError where there is no such person, or no name."""
    person = person_of(tables, named)
    if not name.strip():
        raise DataError("The new name is empty.", "Give one.")
    return _person_change("rename", f"{person[ID]} has another name.", person | {"name": name})


def annotate(tables: Tables, named: str, note: str) -> Change:
    """Write a person's note anew. Raises DataError where there is no such person."""
    person = person_of(tables, named)
    return _person_change("note", f"{person[ID]} has another note.", person | {"note": note})


def hide(tables: Tables, named: str, *, hidden: bool = True) -> Change:
    """Keep a person out of every search, or let them be found again. Raises DataError where there is no such person."""
    person = person_of(tables, named)
    what = "is hidden: no search finds them" if hidden else "can be found again"
    return _person_change("hide" if hidden else "unhide", f"{person[ID]} {what}.", person | {"hidden": hidden})


def reject(tables: Tables, crops: Sequence[str]) -> Change:
    """Say that crops do not show the person whom they are taken for; they never come to that person unasked.

    Raises DataError where a crop is not there or is taken for nobody.
    """
    rows = crops_named(tables, crops)
    for row in rows.to_pylist():
        if row["person"] is None:
            raise DataError(f"The crop {row[ID]} is taken for nobody.", "Name crops that are somebody's.")
    pairs = list(zip(_ids(rows), _ids(rows, "person"), strict=True))
    return Change(
        "reject",
        f"{len(rows)} crops do not show {', '.join(sorted(set(_ids(rows, 'person'))))}.",
        {
            **_referred(tables, rows),
            REJECTIONS: pa.concat_tables([_rejections({crop}, person) for crop, person in pairs]),
            CROPS: with_columns(rows, person=None, outfit=None, state=UNKNOWN, probability=None),
        },
    )


def confirm(tables: Tables, crops: Sequence[str], named: str | None = None) -> Change:
    """Say that crops show the person who is proposed, or somebody who is named; a rejection of that is no more.

    Raises DataError where a crop is not there, or nobody is proposed or named, or the person is in its frame already.
    """
    rows = crops_named(tables, crops)
    person = None if named is None else person_of(tables, named)
    if person is not None:
        _check_present(person)
        changes = pc.fill_null(pc.not_equal(rows["person"], person[ID]), True)
        rows = with_columns(rows, person=person[ID], outfit=pc.if_else(changes, None, rows["outfit"]))
    for row in rows.to_pylist():
        if row["person"] is None:
            raise DataError(f"Nobody is proposed for the crop {row[ID]}.", "Say who it is: --person NAME")
    rows = with_columns(rows, state=CONFIRMED, probability=None)
    rest = among(tables.crops, "person", set(_ids(rows, "person")))
    rest = rest.filter(pc.invert(pc.is_in(rest[ID], value_set=_one(rows[ID]))))
    _check_may_join(pa.concat_tables([rows, rest]), tables.rejections.slice(0, 0))
    pairs = {_rejection(crop, one) for crop, one in zip(_ids(rows), _ids(rows, "person"), strict=True)}
    return Change(
        "confirm",
        f"{len(rows)} crops show {', '.join(sorted(set(_ids(rows, 'person'))))}.",
        {**_referred(tables, rows), CROPS: rows},
        {REJECTIONS: tuple(sorted(pairs & set(_ids(tables.rejections))))},
    )


def propose(tables: Tables, crops: Sequence[str], named: str, probability: float) -> Change:
    """Note that crops are probably somebody; who is confirmed, or was rejected as that person, stays as they are.

    Raises DataError where a crop or the person is not there.
    """
    person = person_of(tables, named)
    _check_present(person)
    rows = crops_named(tables, crops)
    taken = {row["crop"] for row in having(tables.rejections, "person", person[ID]).to_pylist()}
    free = pc.and_(
        pc.not_equal(rows["state"], CONFIRMED),
        pc.invert(pc.is_in(rows[ID], value_set=pa.array(sorted(taken), pa.string()))),
    )
    rows = with_columns(
        rows.filter(free), person=person[ID], outfit=None, state=PROPOSED, probability=float(probability)
    )
    return Change(
        "propose",
        f"{len(rows)} crops may show {person[ID]}.",
        {**_referred(tables, rows), CROPS: rows} if len(rows) else {},
    )


def _person_change(verb: str, what: str, row: dict[str, Any]) -> Change:
    return Change(verb, what, {PEOPLE: rows_of(PEOPLE, [row])})


def _called(person: dict[str, Any]) -> str:
    return f"{person['name']} ({person[ID]})"


def _check_present(*people: dict[str, Any]) -> None:
    for person in people:
        if person["removed_at"] is not None:
            raise DataError(f"{_called(person)} was removed on {person['removed_at'][:10]}.", "Undo that first.")


def _check_may_join(crops: pa.Table, rejections: pa.Table) -> None:
    """Whether crops may be one person's. Raises DataError where two are of one frame, or one was rejected."""
    claimed = crops.filter(pc.and_(pc.is_null(crops["removed_at"]), pc.equal(crops["state"], CONFIRMED)))
    paths, ids = claimed["path"].to_pylist(), _ids(claimed)
    for one, other in sorted(meeting(claimed).items()):
        raise DataError(
            f"The crops {ids[one]} ({paths[one]}) and {ids[other]} ({paths[other]}) are of one frame: "
            "they cannot be one person.",
            "Reject the crop that shows somebody else first: ccreid gallery reject CROP",
        )
    if both := set(_ids(rejections, "crop")) & set(ids):
        raise DataError(
            f"The crop {sorted(both)[0]} was rejected as one of them and is the other's.",
            "Say whom it shows first: ccreid gallery confirm CROP --person NAME, or ccreid gallery reject CROP",
        )


def _referred(tables: Tables, crops: pa.Table) -> dict[str, pa.Table]:
    """The people and outfits of some crops, as they are."""
    people = set(_ids(crops, "person")) | set(_ids(among(tables.crops, ID, _ids(crops)), "person"))
    return {
        PEOPLE: among(tables.people, ID, people - {None}),
        OUTFITS: among(tables.outfits, ID, set(_ids(among(tables.crops, ID, _ids(crops)), "outfit")) - {None}),
    }


def _rejection(crop: str, person: str) -> str:
    return f"{crop}/{person}"


def _rejections(crops: set[str], person: str) -> pa.Table:
    return rows_of(
        REJECTIONS,
        [{ID: _rejection(crop, person), "crop": crop, "person": person, OPERATION: ""} for crop in sorted(crops)],
    )


def _ids(rows: pa.Table, column: str = ID) -> list[Any]:
    found: list[Any] = rows[column].to_pylist()
    return found


def _one(column: Any) -> Any:
    return column.combine_chunks()
