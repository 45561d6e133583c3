"""A gallery moves to another model: embedded anew beside the old embeddings, which hold until all are there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ccreid.data.crops import Crop
from ccreid.data.decode import content_of
from ccreid.errors import ImageError, SettingError
from ccreid.machine.progress import Track, untracked
from ccreid.retrieval.crops.models import differing
from ccreid.retrieval.gallery.journal import MOVE
from ccreid.retrieval.gallery.kept import Kept
from ccreid.retrieval.gallery.tables import CROPS, vectors_schema, vectors_table
from ccreid.retrieval.stores.store import ID, VECTOR

BLOCK = 256
"""So many crops are embedded before they are kept; whoever is killed loses no more."""

Embed = Callable[[list[Path | Crop]], NDArray[np.float32]]


@dataclass(frozen=True)
class Moved:
    """How far a gallery has moved.

    Attributes
    ----------
    embedded, there:
        Crops that were embedded now, and that had been already.
    gone:
        The pictures that are not where they were, or are others by now.
    done:
        Whether the gallery is of the new model; else the old one holds on, and what was embedded is kept.
    """

    embedded: int
    there: int
    gone: tuple[str, ...]
    done: bool


def move(
    gallery: Kept,
    embed: Embed,
    made_with: Mapping[str, str],
    *,
    leave_behind: bool = False,
    track: Track[Sequence[dict[str, Any]]] = untracked,
) -> Moved:
    """Embed every crop of a gallery anew from its picture; people, outfits and decisions stay as they are.

    It goes on where an earlier call ended, however it did. Until all crops are there, searches use the old embeddings.

    Parameters
    ----------
    embed:
        Gives the embeddings (N, D) of pictures, in their order, of unit length.
    made_with:
        Of those embeddings.
    leave_behind:
        Whether to end although pictures are gone: their crops stay, and are not found any more.
    track:
        Follows the crops, so many at a time.

    Raises
    ------
    SettingError
        The gallery is of that model already, or empty.
    """
    table = vectors_table(made_with)
    with gallery.writing():
        own = gallery.settings.made_with
        if own is None or not gallery.store.count(CROPS):
            raise SettingError(f"{gallery.store.uri} is empty: it is of no model yet.", "Add to it with any bundle.")
        if not differing(own, made_with):
            raise SettingError(f"{gallery.store.uri} is of that model already.", "Nothing has to be done.")
        gallery.change_settings(moving_to=dict(made_with))
    todo, there = _missing(gallery, table)
    gone: list[str] = []
    embedded = 0
    blocks = [todo[start : start + BLOCK] for start in range(0, len(todo), BLOCK)]
    for block in track(blocks, "Embedding anew", len(blocks)):
        present = [crop for crop in block if _is_there(crop)]
        gone += [crop["path"] for crop in block if crop not in present]
        if present:
            vectors = embed([_picture(crop) for crop in present])
            embedded += _keep(gallery, table, [crop[ID] for crop in present], vectors)
    if gone and not leave_behind:
        return Moved(embedded, there, tuple(gone), done=False)
    with gallery.writing():
        late = {crop["path"] for crop in _missing(gallery, table)[0]} - set(gone)  # enrolled in the meantime
        if not late and table in gallery.store.tables():
            gallery.move_to(made_with)
            gallery.journal.record(
                MOVE, f"{embedded + there} crops are embedded with another model.", who=gallery.who, at=gallery.at
            )
            return Moved(embedded, there, tuple(gone), done=True)
    return Moved(embedded, there, (*gone, *sorted(late)), done=False)


def _missing(gallery: Kept, table: str) -> tuple[list[dict[str, Any]], int]:
    """The crops that a table of embeddings lacks, and how many it has."""
    store = gallery.store
    crops = store.get(CROPS, columns=[ID, "path", "sha256", "box"])
    if table not in store.tables():
        return crops.to_pylist(), 0
    has = store.get(table, columns=[ID])[ID].combine_chunks()
    lacks = crops.filter(pc.invert(pc.is_in(crops[ID], value_set=has)))
    return lacks.to_pylist(), len(crops) - len(lacks)


def _keep(gallery: Kept, table: str, ids: list[str], vectors: NDArray[np.float32]) -> int:
    """Keep embeddings of crops that have not been forgotten while they were made."""
    store = gallery.store
    with store.writing():
        store.create(table, vectors_schema(vectors.shape[1]))
        still = set(store.get(CROPS, ids, [ID])[ID].to_pylist())
        rows = [row for row, one in enumerate(ids) if one in still]
        flat = pa.array(np.ascontiguousarray(vectors[rows], np.float32).ravel())
        column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
        store.add(table, pa.table({ID: [ids[row] for row in rows], VECTOR: column}))
    return len(rows)


def _is_there(crop: dict[str, Any]) -> bool:
    try:
        digest: str = crop["sha256"]
        return hashlib.sha256(content_of(Path(crop["path"]))).hexdigest() == digest
    except ImageError:
        return False


def _picture(crop: dict[str, Any]) -> Path | Crop:
    path = Path(crop["path"])
    return path if crop["box"] is None else Crop(path, tuple(crop["box"]))
