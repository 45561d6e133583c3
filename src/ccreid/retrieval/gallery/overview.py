"""What a gallery holds, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ccreid.retrieval.gallery.tables import CONFIRMED, PROPOSED, UNKNOWN, Tables, having
from ccreid.retrieval.stores.store import ID


@dataclass(frozen=True)
class PersonLine:
    """A person in a list.

    Attributes
    ----------
    person, name, note:
        Id, name and note.
    outfits, confirmed, proposed:
        How many outfits, and crops that are surely or probably theirs; removed ones do not count.
    state:
        `hidden`, `removed` or nothing.
    """

    person: str
    name: str
    note: str
    outfits: int
    confirmed: int
    proposed: int
    state: str


def overview(tables: Tables) -> list[PersonLine]:
    """Everybody, by name."""
    crops = tables.crops.select(["person", "state", "removed_at"]).to_pylist()
    counts = Counter((row["person"], row["state"]) for row in crops if row["removed_at"] is None)
    outfits = Counter(tables.outfits["person"].to_pylist())
    lines = [
        PersonLine(
            row[ID],
            row["name"],
            row["note"],
            outfits[row[ID]],
            counts[row[ID], CONFIRMED],
            counts[row[ID], PROPOSED],
            "removed" if row["removed_at"] else "hidden" if row["hidden"] else "",
        )
        for row in tables.people.to_pylist()
    ]
    return sorted(lines, key=lambda line: (line.name, line.person))


@dataclass(frozen=True)
class Proposal:
    """A crop that is proposed to be somebody, and how probable that is; None where it was not told."""

    crop: str
    person: str
    name: str
    probability: float | None
    path: str


def proposals(tables: Tables, person: str | None = None) -> list[Proposal]:
    """What is proposed and open, of one person (by id) or of everybody; the most probable first."""
    names = {row[ID]: row["name"] for row in tables.people.to_pylist()}
    found = [
        Proposal(row[ID], row["person"], names[row["person"]], row["probability"], row["path"])
        for row in having(tables.crops, "state", PROPOSED).to_pylist()
        if row["removed_at"] is None and person in (None, row["person"])
    ]
    return sorted(found, key=lambda one: (-(one.probability or 0), one.name, one.crop))


def counts(tables: Tables) -> dict[str, int]:
    """How many of what, by its name; what was removed is told apart."""
    crops = tables.crops.select(["state", "removed_at"]).to_pylist()
    states = Counter("removed" if row["removed_at"] else row["state"] for row in crops)
    people = tables.people.to_pylist()
    gone = sum(row["removed_at"] is not None for row in people)
    return {
        "People": len(people) - gone,
        "Hidden people": sum(row["hidden"] and row["removed_at"] is None for row in people),
        "Removed people": gone,
        "Outfits": tables.outfits.num_rows,
        "Confirmed crops": states[CONFIRMED],
        "Proposed crops": states[PROPOSED],
        "Unknown crops": states[UNKNOWN],
        "Removed crops": states["removed"],
    }
