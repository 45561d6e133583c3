"""Two models compared query by query, from their tables of queries."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ccreid.analysis.intervals import ends_of, means_of_resamples
from ccreid.errors import ArtefactError
from ccreid.records import Interval, Record

COLUMNS = ("protocol", "file", "person", "valid", "rank1", "average_precision")
MEND = "Score its run again: the table is of another version, or damaged."
KEYS = ["protocol", "file", "run"]


class Paired(Record):
    """How one model differs from another under a protocol.

    Attributes
    ----------
    protocol:
        Its name.
    people:
        How many have a valid query; None in files from before that was told.
    queries:
        Pairs that were compared: queries, times the runs of each model.
    rank1, map:
        Mean differences as shares, positive where the first is better.
    rank1_interval, map_interval:
        Their 95 % intervals over query people; None where fewer than two people have a valid query.
    better, worse:
        Shares of the pairs with a higher and with a lower average precision.
    """

    protocol: str
    people: int | None = None
    queries: int
    rank1: float
    map: float
    rank1_interval: Interval | None
    map_interval: Interval | None
    better: float
    worse: float


def compare_queries(ours: Sequence[Path], theirs: Sequence[Path]) -> list[Paired]:
    """Compare the queries of some runs of one model with those of as many of another, run by run.

    Parameters
    ----------
    ours, theirs:
        Files that :func:`ccreid.report.per_query.write_per_query` wrote, one a run; those at one place belong
        together (the same seed), and hold the same queries.

    Returns
    -------
    list
        One a protocol, in the tables' order. Intervals are percentile bootstraps over people: whoever is drawn
        brings all pairs of all runs, because queries of one person, and runs on them, are alike.

    Raises
    ------
    ArtefactError
        A file cannot be read, or the two sides hold different queries.
    """
    one, other = _read(ours), _read(theirs)
    if one.select(KEYS) != other.select(KEYS) or one["valid"] != other["valid"]:
        raise ArtefactError(
            f"{ours[0]} and {theirs[0]} hold different queries.", "Score both on the same benchmark, as often."
        )
    valid = one["valid"].to_numpy()
    for paths, table in ((ours, one), (theirs, other)):
        if any(np.isnan(table[name].to_numpy()[valid]).any() for name in ("average_precision", "rank1")):
            raise ArtefactError(f"{paths[0]} or a table beside it lacks numbers of valid queries.", MEND)
    protocol, person = (one[name].to_numpy()[valid] for name in ("protocol", "person"))
    precision, hit = (
        np.subtract(*(table[name].to_numpy()[valid] for table in (one, other)))
        for name in ("average_precision", "rank1")
    )
    return [
        _paired(name, person[rows], precision[rows], hit[rows])
        for name in dict.fromkeys(protocol.tolist())
        for rows in [protocol == name]
    ]


def _paired(protocol: str, person: NDArray[np.int64], precision: NDArray[Any], hit: NDArray[Any]) -> Paired:
    resampled = means_of_resamples({"map": precision, "rank1": hit}, person)
    ends = {name: ends_of(values) for name, values in resampled.items()} if resampled else {}
    return Paired(
        protocol=protocol,
        people=len(np.unique(person)),
        queries=len(precision),
        rank1=float(hit.mean()),
        map=float(precision.mean()),
        rank1_interval=ends.get("rank1"),
        map_interval=ends.get("map"),
        better=float((precision > 0).mean()),
        worse=float((precision < 0).mean()),
    )


def _read(paths: Sequence[Path]) -> pa.Table:
    """The tables of some runs, one after another, with the number of the run."""
    tables = []
    for run, path in enumerate(paths):
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise ArtefactError(f"{path} cannot be read: {error}.", MEND) from error
        if missing := [name for name in COLUMNS if name not in table.column_names]:
            raise ArtefactError(f"{path} lacks the columns {', '.join(missing)}.", MEND)
        table = table.select(COLUMNS)
        tables.append(table.append_column("run", pa.array([run] * len(table))))
    return pa.concat_tables(tables)
