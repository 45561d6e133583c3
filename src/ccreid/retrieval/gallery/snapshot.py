"""A gallery in memory as it stood at one moment: what searches look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ccreid.errors import ArtefactError
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.open_set import Found, Rate
from ccreid.retrieval.calibration.person_scores import Enrolled, Mask, Prepared
from ccreid.retrieval.calibration.strangers import as_strangers, rate_here
from ccreid.retrieval.crops.labels import as_labels
from ccreid.retrieval.gallery.metadata import told_by
from ccreid.retrieval.gallery.tables import CONFIRMED, JOURNAL, UNDOABLE, Tables
from ccreid.retrieval.stores.store import ID, VECTOR, Store
from ccreid.vocabulary import UNKNOWN, Ids

Floats = NDArray[np.float32]

OWN = (ID, "person", "outfit", "state", "probability", "path", "height_px", "width_px", "enrolled_at")
"""Columns of the gallery's own that conditions may name; the user's stand beside them."""

_TRIES = 10

Read = TypeVar("Read")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The crops that can be found, with their embeddings.

    Attributes
    ----------
    tables:
        All that the gallery holds, removed and hidden ones among it.
    columns:
        The columns of N crops that conditions may name (`OWN`, where an outfit is told by its name, and the user's), in
        the order of their ids. Crops that were removed, or whose person was removed or is hidden, are not among them.
    vectors:
        (N, D) of unit length.
    outfit_ids:
        (N,) of text, null where a crop has no outfit.
    """

    tables: Tables
    columns: pa.Table
    vectors: Floats
    outfit_ids: Any
    _strangers: dict[tuple[str, str | None], Found | None] = field(default_factory=dict, init=False, repr=False)
    _rates: dict[tuple[str, str | None, float], Rate | None] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.vectors)

    @cached_property
    def confirmed(self) -> Ids:
        """(M,) rows of the crops whose person is confirmed: they alone say who is who."""
        return np.flatnonzero(np.asarray(pc.equal(self.columns["state"], CONFIRMED)))

    @cached_property
    def people(self) -> list[str]:
        """The ids of the P people with a confirmed crop, sorted."""
        return sorted(pc.unique(self.columns["person"].take(pa.array(self.confirmed))).to_pylist())

    @cached_property
    def outfits(self) -> list[str]:
        """The ids of the outfits that confirmed crops show, sorted."""
        worn = pc.unique(self.outfit_ids.take(pa.array(self.confirmed)))
        return sorted(worn.drop_null().to_pylist())

    @cached_property
    def cameras(self) -> list[str]:
        """The names of the cameras, sorted; a camera's number is its place here."""
        if "camera" not in self.columns.column_names:
            return []
        return sorted(pc.unique(as_labels(self.columns["camera"])).drop_null().to_pylist())

    @cached_property
    def prepared(self) -> Prepared:
        """Their confirmed crops, ready to be compared with. Raises DataError where there are none."""
        return Prepared.of(self.enrolled)

    def rate_here(
        self, calibration: Calibration, threshold: float, where: str | None, allowed: Mask | None
    ) -> Rate | None:
        """The FPIR of a threshold among the people enrolled, who are searched for once by calibration and condition.

        `allowed` are the confirmed crops that fulfil the condition, see
        :func:`ccreid.retrieval.calibration.strangers.as_strangers`. None where too few people are enrolled.
        """
        by = f"{calibration.cohort.model_dump_json()} {calibration.likelihood.model_dump_json()}"
        if (by, where) not in self._strangers:
            self._strangers[by, where] = as_strangers(calibration, self.enrolled, self.prepared, allowed)
        found = self._strangers[by, where]
        if (by, where, threshold) not in self._rates:
            self._rates[by, where, threshold] = None if found is None else rate_here(found, threshold)
        return self._rates[by, where, threshold]

    @property
    def enrolled(self) -> Enrolled:
        """Their confirmed crops."""
        rows = pa.array(self.confirmed)
        return Enrolled(
            self.vectors[self.confirmed],
            _codes(self.columns["person"].take(rows), self.people),
            _codes(self.outfit_ids.take(rows), self.outfits),
            self.camera_codes(as_labels(self.columns["camera"].take(rows))) if self.cameras else None,
            np.asarray(self.columns["height_px"].take(rows)).astype(np.int64),
        )

    def camera_codes(self, cameras: Any) -> Ids:
        """The numbers of cameras, given as :func:`as_labels`; `UNKNOWN` for those that the gallery does not know."""
        return _codes(cameras, self.cameras)

    @cached_property
    def names(self) -> dict[str, str]:
        """The people's names by their ids."""
        return names_of(self.tables.people)


def names_of(people: pa.Table) -> dict[str, str]:
    """People's names by their ids."""
    return dict(zip(people[ID].to_pylist(), people["name"].to_pylist(), strict=True))


class Snapshots:
    """Gives the latest snapshot of a gallery, read anew only where the store has changed."""

    def __init__(self, store: Store, settled: Callable[[Tables], Tables]) -> None:
        self._store = store
        self._settled = settled
        self._versions: tuple[str, ...] = ()
        self._last: Snapshot | None = None

    def tables(self) -> Tables:
        """What the gallery holds, from one moment."""
        return self._consistent(UNDOABLE, self._read)[1]

    def latest(self, vectors: str | None) -> Snapshot:
        """The latest, with the embeddings of a table; of none where none were added yet."""
        names = (*UNDOABLE, vectors) if vectors else UNDOABLE

        def read() -> Snapshot:
            return _snapshot(self._read(), self._store.get(vectors) if vectors else None)

        if self._last is not None and self._versions == self._versions_of(names):
            return self._last
        self._versions, found = self._consistent(names, read)
        self._last = found
        return found

    def _read(self) -> Tables:
        return self._settled(Tables(**{table: self._store.get(table) for table in UNDOABLE}))

    def _versions_of(self, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(self._store.version(name) for name in (*names, JOURNAL))

    def _consistent(self, names: Sequence[str], read: Callable[[], Read]) -> tuple[tuple[str, ...], Read]:
        """What is read while nothing is written."""
        for _ in range(_TRIES):
            before = self._versions_of(names)
            found = read()
            if before == self._versions_of(names):
                return before, found
        raise ArtefactError(
            f"{self._store.uri} changed {_TRIES} times while it was read.", "Wait until whoever writes it is done."
        )


def _snapshot(tables: Tables, embedded: pa.Table | None) -> Snapshot:
    crops = seen_crops(tables)
    if embedded is None:
        crops, vectors = crops.slice(0, 0), np.empty((0, 0), dtype=np.float32)
    else:
        place = pc.index_in(crops[ID], value_set=_whole(embedded[ID]))
        crops = crops.filter(pc.is_valid(place))
        order = np.asarray(place.drop_null())
        vectors = _vectors(embedded)
        if not np.array_equal(order, np.arange(len(vectors))):
            vectors = vectors[order]
    return Snapshot(tables, columns_of(crops, tables.outfits), vectors, _whole(crops["outfit"]))


def seen_crops(tables: Tables) -> pa.Table:
    """The crops that a search may find: neither removed nor of a person who was removed or is hidden."""
    crops = tables.crops
    hidden = tables.people.filter(pc.or_(tables.people["hidden"], pc.is_valid(tables.people["removed_at"])))[ID]
    of_hidden = pc.is_in(crops["person"], value_set=_whole(hidden))
    return crops.filter(pc.and_(pc.is_null(crops["removed_at"]), pc.invert(of_hidden)))


def columns_of(crops: pa.Table, outfits: pa.Table) -> pa.Table:
    """What a condition may name of crops: their own columns, the outfit by its name, and all that is known of them."""
    own = {name: _whole(crops[name]) for name in OWN}
    place = pc.index_in(own["outfit"], value_set=_whole(outfits[ID]))
    own["outfit"] = _whole(outfits["name"]).take(place)
    theirs = told_by(crops["metadata"].to_pylist())
    return pa.table(own | {f"{name}_" if name in own else name: column for name, column in theirs.items()})


def _codes(values: Any, names: Sequence[Any]) -> Ids:
    column = _whole(values)
    place = pc.index_in(column, value_set=pa.array(names, column.type)).cast(pa.int64())  # UNKNOWN is no int32
    codes: Ids = np.asarray(pc.fill_null(place, UNKNOWN))
    return codes


def _vectors(embedded: pa.Table) -> Floats:
    column = _whole(embedded[VECTOR])
    vectors: Floats = column.flatten().to_numpy().reshape(len(column), column.type.list_size)
    return vectors


def _whole(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
