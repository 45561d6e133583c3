"""What became of every query under every protocol, as a table to look into."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ccreid.analysis.outfits import Garments, wears_the_same
from ccreid.evaluation.evaluate import Evaluation
from ccreid.machine.files import replacing
from ccreid.ops.ranking import NOBODY
from ccreid.vocabulary import UNKNOWN, Ids, Protocol, Samples

SCHEMA = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("person", pa.int64(), nullable=False),
        pa.field("camera", pa.int64()),
        pa.field("clothes", pa.int64()),
        pa.field("person_name", pa.string()),
        pa.field("camera_name", pa.string()),
        pa.field("clothes_name", pa.string()),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("valid", pa.bool_(), nullable=False),
        pa.field("first_rank", pa.int64()),
        pa.field("rank1", pa.float64()),
        pa.field("average_precision", pa.float64()),
        pa.field("inverse_negative_penalty", pa.float64()),
        pa.field("nearest_file", pa.string()),
        pa.field("nearest_is_right", pa.bool_()),
        pa.field("nearest_wears_the_same", pa.bool_()),
    ]
)
"""One row a query and protocol; null where something is not known or does not exist, names where the set numbers."""


def write_per_query(path: Path, evaluation: Evaluation, garments: Garments | None = None) -> None:
    """Write the table of `SCHEMA` as Parquet, whole or not at all.

    Parameters
    ----------
    path:
        Of the file.
    evaluation:
        What was scored: a row for each of its protocols and queries.
    garments:
        Outfits that people share, by file, as from :func:`ccreid.analysis.outfits.shared_outfits`. Without
        them it is not known whether another person wears the query's clothes, and the column is null there.

    Notes
    -----
    The means of ``rank1`` (1 where the right person stands first), ``average_precision`` and
    ``inverse_negative_penalty`` over a protocol's valid queries are its Rank-1, mAP and mINP. A single-shot protocol
    has a gallery of its own at each draw: these three are means over a query's draws, so ``rank1`` is the share in
    which the right person stands first, ``first_rank`` is the median, and the columns on the nearest image are null.

    Raises
    ------
    StorageError
        The file cannot be written.
    """
    tables = [_table(evaluation, protocol, garments) for protocol in evaluation.benchmark.protocols]
    table = pa.concat_tables(tables) if tables else SCHEMA.empty_table()
    with replacing(path) as temporary:
        pq.write_table(table, temporary)


def _table(evaluation: Evaluation, protocol: Protocol, garments: Garments | None) -> pa.Table:
    query = evaluation.benchmark.subset(protocol.query)
    gallery = evaluation.benchmark.subset(protocol.gallery)
    scores = evaluation.scores[protocol.name]
    valid = scores.first_rank > 0
    nearest = None if protocol.draws else scores.nearest
    columns: Mapping[str, object] = {
        "file": list(query.files),
        "person": query.person,
        "camera": _known(query.camera, len(query)),
        "clothes": _known(query.clothes, len(query)),
        **{f"{name}_name": _names(query, name) for name in ("person", "camera", "clothes")},
        "protocol": [protocol.name] * len(query),
        "valid": valid,
        "first_rank": pa.array(scores.first_rank, mask=~valid),
        "rank1": pa.array(scores.rank1, mask=~valid),
        "average_precision": pa.array(scores.average_precision, mask=~valid),
        "inverse_negative_penalty": pa.array(scores.inverse_negative_penalty, mask=~valid),
        **_of_nearest(nearest, query.person, gallery.files, gallery.person),
        "nearest_wears_the_same": None if nearest is None else wears_the_same(query, nearest, gallery, garments),
    }
    nothing = pa.nulls(len(query))
    return pa.table(
        [pa.array(nothing if (column := columns[field.name]) is None else column).cast(field.type) for field in SCHEMA],
        schema=SCHEMA,
    )


def _of_nearest(nearest: Ids | None, person: Ids, files: tuple[str, ...], gallery_person: Ids) -> dict[str, object]:
    if nearest is None:
        return {"nearest_file": None, "nearest_is_right": None}
    return {
        "nearest_file": [None if place == NOBODY else files[place] for place in nearest],
        "nearest_is_right": pa.array(gallery_person[nearest] == person, mask=nearest == NOBODY),
    }


def _names(samples: Samples, name: str) -> list[str | None] | None:
    column: Ids | None = getattr(samples, name)
    return None if column is None else [samples.names.get(name, {}).get(value) for value in column.tolist()]


def _known(column: Ids | None, count: int) -> pa.Array:
    if column is None:
        return pa.nulls(count)
    return pa.array(column, mask=np.asarray(column == UNKNOWN))
