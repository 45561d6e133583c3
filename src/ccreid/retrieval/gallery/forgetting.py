"""People leave a gallery: for a while, or for good and provably."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import DataError
from ccreid.retrieval.gallery.changes import Change
from ccreid.retrieval.gallery.naming import crops_named, person_of
from ccreid.retrieval.gallery.tables import (
    BEFORE,
    CROPS,
    OUTFITS,
    PEOPLE,
    REJECTIONS,
    THUMBNAILS,
    VECTORS,
    Tables,
    among,
    with_columns,
)
from ccreid.retrieval.stores.store import ID, VECTOR, Erasure, Store

REMOVE = "remove"

DERIVED: Mapping[str, str] = {
    "embeddings, crops, thumbnails, metadata, names, notes, outfits, rejections": "see above",
    "what undoing would have brought back": "see above",
    "the index of the store": "in a folder rebuilt without them; on a server when that compacts",
    "means of cameras, comparison with other people": "made anew at every search; not kept",
    "the calibration kept in the gallery": "holds no crop; fit it anew if it was fitted on this gallery",
    "journal and audit": "stay: operations, dates and ids; neither names nor embeddings",
    "pictures, crops.parquet, pages and tables of ccreid group, exports": "not under ccreid's control: delete them",
    "backups and copies of the gallery, other galleries": "not under ccreid's control: delete them",
}
"""What is made from a person's crops, and what becomes of it once they are forgotten."""


@dataclass(frozen=True)
class Forgotten:
    """What was erased for good.

    Attributes
    ----------
    people, crops:
        Ids of those people, and how many crops.
    proofs:
        By table, what was looked at afterwards and what was found.
    """

    people: tuple[str, ...]
    crops: int
    proofs: Mapping[str, Erasure]

    @property
    def proven(self) -> bool:
        """Whether nothing is left anywhere in the store, and all of it was looked at."""
        return all(proof.physically_gone for proof in self.proofs.values())


def remove(tables: Tables, people: Sequence[str], crops: Sequence[str], *, at: str) -> Change:
    """Take people with all their crops, or single crops, out of every search; it can be taken back.

    Raises DataError where somebody or a crop is not there, or was removed already.
    """
    rows = [person_of(tables, named) for named in people]
    for row in rows:
        if row["removed_at"] is not None:
            raise DataError(f"{row['name']} ({row[ID]}) was removed already, on {row['removed_at'][:10]}.", "")
    ids = [row[ID] for row in rows]
    own = among(tables.crops, "person", ids)
    several = pa.concat_tables([own, *([crops_named(tables, crops)] if crops else [])])
    present = several.filter(pc.is_null(several["removed_at"]))
    gone = among(tables.crops, ID, set(present[ID].to_pylist()))
    touched = among(tables.people, ID, {*ids, *gone["person"].to_pylist()} - {None})
    is_removed = pc.is_in(touched[ID], value_set=pa.array(ids, pa.string()))
    return Change(
        REMOVE,
        f"{len(gone)} crops were removed{', with ' + ', '.join(ids) if ids else ''}.",
        {
            PEOPLE: with_columns(touched, removed_at=pc.if_else(is_removed, at, touched["removed_at"])),
            OUTFITS: among(tables.outfits, ID, set(gone["outfit"].to_pylist()) - {None}),
            CROPS: with_columns(gone, removed_at=at),
        },
    )


def overdue(tables: Tables, now: datetime, undo_days: int, retention_days: int | None) -> tuple[list[str], list[str]]:
    """The people and crops whose time is up.

    Those are crops that were removed so long ago that they cannot come back, or enrolled longer ago than is kept; and
    people who are left without any, or were removed so long ago.
    """
    crops, people = tables.crops, tables.people
    removed = (now - timedelta(days=undo_days)).isoformat(timespec="seconds")
    late = pc.fill_null(pc.less(crops["removed_at"], removed), False)
    if retention_days is not None:
        kept = (now - timedelta(days=retention_days)).isoformat(timespec="seconds")
        late = pc.or_(late, pc.less(crops["enrolled_at"], kept))
    gone = crops.filter(late)
    left = crops.filter(pc.invert(late))
    bare = pc.and_(
        pc.is_in(people[ID], value_set=_whole(gone["person"])),
        pc.invert(pc.is_in(people[ID], value_set=_whole(left["person"]))),
    )
    of_people = people.filter(pc.or_(bare, pc.fill_null(pc.less(people["removed_at"], removed), False)))
    return of_people[ID].to_pylist(), gone[ID].to_pylist()


def crops_to_forget(tables: Tables, people: Iterable[str]) -> list[str]:
    """The crops of people, by their ids: confirmed, proposed and removed ones."""
    found: list[str] = among(tables.crops, "person", people)[ID].to_pylist()
    return found


def erase(store: Store, tables: Tables, people: Sequence[str], crops: Sequence[str]) -> Forgotten:
    """Erase people, and crops, with all that is kept of them.

    The crops themselves go last, because they alone tell whose embeddings and thumbnails have to go: whoever is killed
    before that begins anew.
    """
    outfits = among(tables.outfits, "person", people)[ID].to_pylist()
    rejections = tables.rejections.filter(
        pc.or_(
            pc.is_in(tables.rejections["person"], value_set=pa.array(people, pa.string())),
            pc.is_in(tables.rejections["crop"], value_set=pa.array(crops, pa.string())),
        )
    )[ID].to_pylist()
    proofs: dict[str, Erasure] = {}
    for table in (one for one in store.tables() if one.startswith(VECTORS)):
        embedded = store.get(table, crops)
        vectors = np.array(embedded[VECTOR].to_pylist(), np.float32) if len(embedded) else None
        proofs[table] = store.erase(table, crops, vectors)
    once_gone: tuple[tuple[str, Sequence[str]], ...] = (
        (THUMBNAILS, crops),
        (BEFORE, _earlier(store, people, {*people, *crops, *outfits, *rejections})),
        (REJECTIONS, rejections),
        (OUTFITS, outfits),
        (CROPS, crops),
        (PEOPLE, people),
    )
    for table, ids in once_gone:
        proofs[table] = store.erase(table, ids)
    return Forgotten(tuple(people), len(crops), proofs)


def _earlier(store: Store, people: Sequence[str], ids: set[str]) -> list[str]:
    """What is kept of earlier states and tells of these people or crops, or of people who became part of them."""
    kept = [(row, json.loads(row["content"])) for row in store.get(BEFORE).to_pylist()]
    there = set(store.get(PEOPLE, columns=[ID])[ID].to_pylist())
    merged = {content.get("person") for row, content in kept if row["row"] in ids} - there - {None}
    told = {*people, *merged}
    return [
        row[ID]
        for row, content in kept
        if row["row"] in ids or row["row"] in merged or content.get("person") in told or content.get("crop") in ids
    ]


def _whole(column: Any) -> Any:
    return column.combine_chunks()
