"""Whom crops probably show, as a file of groups says it, becomes proposals in a gallery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.labels import labels_of
from ccreid.retrieval.gallery.frames import meeting
from ccreid.retrieval.gallery.naming import rejected
from ccreid.retrieval.gallery.tables import CONFIRMED, PROPOSED, UNKNOWN, Tables, among, with_columns
from ccreid.retrieval.stores.store import ID

SAID_BY, PROBABILITY = "proposed_person", "probability"
COLUMNS = (SAID_BY, PROBABILITY, "state")
"""The columns of a file of groups that come in as proposals."""

Said = Mapping[str, tuple[str, float | None]]
"""By the ids of crops whom each probably shows, by id or name, and how probable that is, None where it is not told."""


def propose_too(
    tables: Tables, put: pa.Table, crops: CropFile, new: Mapping[str, str]
) -> tuple[pa.Table, pa.Table, list[str]]:
    """What a file of crops proposes, for new ones and for those of the gallery of whom nobody has said who they show.

    Parameters
    ----------
    tables, new:
        As for :func:`proposed`.
    put:
        Rows of the crops that are enrolled.
    crops:
        The file.

    Returns
    -------
    Those rows, rows of the gallery's crops for which something else is proposed now, and sentences of warning.
    """
    said = said_by(crops)
    kept = tables.crops
    unsure = pc.and_(pc.is_null(kept["removed_at"]), pc.not_equal(kept["state"], CONFIRMED))
    there = pc.and_(
        pc.is_in(kept[ID], value_set=pa.array([*said], pa.string())),
        pc.invert(pc.is_in(kept[ID], value_set=_ids(put))),
    )
    before = kept.filter(pc.and_(unsure, there))
    open_again = with_columns(before, person=None, outfit=None, state=UNKNOWN, probability=None)
    found, strangers = proposed(tables, pa.concat_tables([put, open_again]), said, new)
    again = found.slice(len(put)).to_pylist()
    other = [now["person"] is not None and now != then for now, then in zip(again, before.to_pylist(), strict=True)]
    warnings = []
    if strangers:
        label, count = strangers.most_common(1)[0]
        warnings.append(
            f"{strangers.total()} crops are proposed to be people whom the gallery does not know, or whose name "
            f"several bear, and are kept as unknown; {count} of them '{label}'."
        )
    return found.slice(0, len(put)), found.slice(len(put)).filter(pa.array(other, pa.bool_())), warnings


def said_by(crops: CropFile) -> Said:
    """What a file of crops proposes; nothing where it has no such column."""
    if SAID_BY not in crops.table.column_names:
        return {}
    people = labels_of(crops.table, SAID_BY).to_pylist()
    numbers = PROBABILITY in crops.table.column_names and pa.types.is_floating(crops.table[PROBABILITY].type)
    likely = crops.table[PROBABILITY].to_pylist() if numbers else [None] * len(crops)
    return {
        crop: (who, probability)
        for crop, who, probability in zip(crops.ids, people, likely, strict=True)
        if who is not None
    }


def proposed(tables: Tables, rows: pa.Table, said: Said, new: Mapping[str, str]) -> tuple[pa.Table, Counter[str]]:
    """Rows of crops as they are proposed, where nobody has confirmed or rejected whom they show.

    Parameters
    ----------
    tables:
        As they stand.
    rows:
        Of crops, with their ids; those that have a person by now are among `tables` or proposed here.
    said:
        What is proposed.
    new:
        Names of the people who come in with the crops, by their ids.

    Returns
    -------
    The rows, and how many crops are proposed to be each of those whom the gallery does not know by a single name.
    """
    known = _known(tables, new)
    apart = rejected(tables)
    strangers: Counter[str] = Counter()
    person: list[str | None] = []
    for crop, own in zip(rows[ID].to_pylist(), rows["person"].to_pylist(), strict=True):
        label = said[crop][0] if crop in said and own is None else None
        who = None if label is None else known.get(label)
        if label is not None and who is None:
            strangers[label] += 1
        person.append(None if (crop, who) in apart else who)
    put = _put(rows, person, said)
    mine = among(tables.crops, "person", {who for who in person if who is not None})
    others = mine.filter(pc.and_(pc.is_null(mine["removed_at"]), pc.invert(pc.is_in(mine[ID], value_set=_ids(rows)))))
    met = meeting(pa.concat_tables([put, others]))
    return _put(rows, [None if row in met else who for row, who in enumerate(person)], said), strangers


def _known(tables: Tables, new: Mapping[str, str]) -> dict[str, str]:
    """The ids of people who are there or come in, by id, and by name where nobody else bears it."""
    present = tables.people.filter(pc.is_null(tables.people["removed_at"]))
    names = dict(zip(present[ID].to_pylist(), present["name"].to_pylist(), strict=True)) | dict(new)
    bearers = Counter(names.values())
    return {name: one for one, name in names.items() if bearers[name] == 1} | {one: one for one in names}


def _put(rows: pa.Table, person: list[str | None], said: Said) -> pa.Table:
    """The rows with the proposals in them; those for which there is none stay as they are."""
    is_proposed = pa.array([who is not None for who in person])
    likely = [None if who is None else said[crop][1] for crop, who in zip(rows[ID].to_pylist(), person, strict=True)]

    def where_proposed(values: Any, column: str) -> Any:
        return pc.if_else(is_proposed, values, rows[column])

    return with_columns(
        rows,
        person=where_proposed(pa.array(person, pa.string()), "person"),
        state=where_proposed(PROPOSED, "state"),
        probability=where_proposed(pa.array(likely, pa.float64()), "probability"),
    )


def _ids(rows: pa.Table) -> Any:
    return pa.array(rows[ID].to_pylist(), pa.string())
