"""People and crops as users name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.gallery.tables import Tables, among, having
from ccreid.retrieval.stores.store import ID

_SHOWN = 5


def person_of(tables: Tables, named: str) -> dict[str, Any]:
    """The row of a person, who is named by id, or by a name that nobody else bears.

    Raises
    ------
    DataError
        There is nobody, or there are several.
    """
    people = tables.people
    for column in (ID, "name"):
        rows = having(people, column, named).to_pylist()
        if len(rows) > 1:
            raise DataError(
                f"{len(rows)} people are called '{named}': {_listed([row[ID] for row in rows])}.",
                "Name the one that is meant by its id.",
            )
        if rows:
            return dict(rows[0])
    raise DataError(f"There is nobody called '{named}'.", "See `ccreid gallery people`.")


def crops_of(tables: Tables, person: str) -> pa.Table:
    """The crops of a person, by id: those that are proposed or were removed among them."""
    return having(tables.crops, "person", person)


def outfits_of(tables: Tables, person: str, named: Sequence[str]) -> pa.Table:
    """Some of a person's outfits, named by id or name. Raises DataError where there is no such outfit."""
    rows = having(tables.outfits, "person", person)
    wanted = pa.array(list(named), pa.string())
    found = rows.filter(pc.or_(pc.is_in(rows[ID], value_set=wanted), pc.is_in(rows["name"], value_set=wanted)))
    missing = set(named) - {*found[ID].to_pylist(), *found["name"].to_pylist()}
    if missing:
        raise DataError(
            f"There is no outfit '{sorted(missing)[0]}' of {person}.",
            f"There are {_listed(rows['name'].to_pylist())}." if len(rows) else "Its crops are of no known outfit.",
        )
    return found


def crops_named(tables: Tables, ids: Sequence[str]) -> pa.Table:
    """The crops with some ids; the beginning of an id is enough where no other begins so.

    Raises
    ------
    DataError
        A crop is not there, or several begin so.
    """
    every = tables.crops[ID]
    found: dict[str, None] = {}
    for one in ids:
        begin = every.filter(pc.starts_with(every, one)).to_pylist() if one else []
        exact = [one] if one in begin else begin
        if len(exact) != 1:
            what = f"{len(exact)} crops begin with '{one}'." if exact else f"There is no crop '{one}'."
            raise DataError(what, "See `ccreid gallery show PERSON`.")
        found[exact[0]] = None
    return among(tables.crops, ID, found)


def rejected(tables: Tables) -> set[tuple[str, str]]:
    """Pairs of the ids of a crop and a person of which somebody has said that the one does not show the other."""
    kept = tables.rejections
    return set(zip(kept["crop"].to_pylist(), kept["person"].to_pylist(), strict=True))


def _listed(names: Sequence[str]) -> str:
    shown = sorted(names)[:_SHOWN]
    return ", ".join(shown) + (f" and {len(names) - len(shown)} more" if len(names) > len(shown) else "")
