"""What a gallery says of itself."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, ValidationError

from ccreid.errors import ArtefactError
from ccreid.records import Plain, Record, told
from ccreid.retrieval.gallery.tables import FORMAT, META, SCHEMAS, rows_of
from ccreid.retrieval.stores.store import ID, Store

_ROW: Final = "gallery"

Keep = Literal["thumbnails", "vectors-only"]
"""What of a picture is kept beside its embedding: a small picture, or nothing."""


class Index(Record):
    """An approximate index of a gallery's embeddings, as it was measured when it was built.

    Attributes
    ----------
    crops:
        How many it was built over; those that came later are compared one by one.
    recall:
        Of the nearest `count` crops, the share that it finds, over `queries` crops drawn at random.
    at:
        When, ISO 8601 in UTC.
    """

    crops: int
    recall: float
    count: int
    queries: int
    at: str


class Settings(Record):
    """What holds for a whole gallery.

    Attributes
    ----------
    made_with:
        The model of its embeddings, see :attr:`ccreid.model.embedder.Embedder.made_with`; None before the first.
    keep:
        What of a picture is kept.
    retention_days:
        After so many days a crop expires; None for never.
    undo_days:
        So long what was removed can come back.
    calibration:
        A :class:`ccreid.retrieval.calibration.calibration.Calibration`, or None.
    audit:
        Whether every search must give its purpose, and is written down.
    moving_to:
        The model to which it is being re-embedded, or None.
    index:
        The approximate index of its embeddings, or None.
    """

    format: Literal["ccreid-gallery-1"] = "ccreid-gallery-1"
    made_with: dict[str, str] | None = None
    keep: Keep = "thumbnails"
    retention_days: int | None = Field(default=None, ge=1)
    undo_days: int = Field(default=30, ge=0)
    calibration: Plain | None = None
    audit: bool = False
    moving_to: dict[str, str] | None = None
    index: Index | None = None

    @classmethod
    def of(cls, store: Store) -> Settings | None:
        """Those of a gallery; None where the store holds none. Raises ArtefactError where another version made it."""
        if META not in store.tables():
            return None
        rows = store.get(META, [_ROW]).to_pylist()
        if not rows:
            return None
        try:
            return cls.model_validate_json(rows[0]["value"])
        except ValidationError as error:
            raise ArtefactError(
                f"{store.uri} is no gallery that this version can open ({FORMAT}): {told(error)}.",
                "Open it with the version that made it.",
            ) from error

    def keep_in(self, store: Store) -> None:
        """Write them."""
        store.add(META, rows_of(META, [{ID: _ROW, "value": self.model_dump_json()}]))


def create_tables(store: Store) -> None:
    """Make every table that is not there yet."""
    for table, schema in SCHEMAS.items():
        store.create(table, schema)
