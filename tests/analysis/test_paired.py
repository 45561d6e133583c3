"""Two models compared query by query."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccreid.analysis.paired import compare_queries
from ccreid.errors import ArtefactError


def table(path: Path, precisions: list[float | None], ranks: list[int | None], protocol: str = "standard") -> Path:
    count = len(precisions)
    columns = {
        "protocol": [protocol] * count,
        "file": [f"{row}.jpg" for row in range(count)],
        "person": pa.array([row // 2 for row in range(count)], pa.int64()),
        "valid": [value is not None for value in precisions],
        "first_rank": pa.array(ranks, pa.int64()),
        "average_precision": pa.array(precisions, pa.float64()),
    }
    pq.write_table(pa.table(columns), path)
    return path


def test_differences_are_those_of_valid_queries(tmp_path: Path) -> None:
    ours = table(tmp_path / "a.parquet", [1.0, 0.5, None, 0.2], [1, 2, None, 3])
    theirs = table(tmp_path / "b.parquet", [0.5, 0.5, None, 0.6], [2, 2, None, 1])
    (row,) = compare_queries([ours], [theirs])
    assert (row.protocol, row.queries) == ("standard", 3)
    assert row.map == pytest.approx((0.5 + 0 - 0.4) / 3)
    assert row.rank1 == pytest.approx((1 + 0 - 1) / 3)
    assert (row.better, row.worse) == pytest.approx((1 / 3, 1 / 3))
    assert row.map_interval == pytest.approx((-0.4, 0.25))  # the two people, drawn twice each


def test_runs_are_paired_one_by_one(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((4, 6))
    paths = [table(tmp_path / f"{row}.parquet", of.tolist(), [1] * 6) for row, of in enumerate(values)]
    (row,) = compare_queries(paths[:2], paths[2:])
    assert row.queries == 12
    assert row.map == pytest.approx((values[:2] - values[2:]).mean())
    (nothing,) = compare_queries(paths, paths)
    assert (nothing.map, nothing.map_interval, nothing.better, nothing.worse) == (0, (0, 0), 0, 0)


def test_one_person_has_no_interval(tmp_path: Path) -> None:
    ours, theirs = (table(tmp_path / f"{name}.parquet", [value, value], [1, 1]) for name, value in (("a", 1), ("b", 0)))
    (row,) = compare_queries([ours], [theirs])
    assert row.map == 1
    assert row.map_interval is None
    assert row.rank1_interval is None


def test_other_queries_are_refused(tmp_path: Path) -> None:
    ours = table(tmp_path / "a.parquet", [1.0, 0.5], [1, 2])
    for wrong in (
        table(tmp_path / "b.parquet", [1.0, 0.5, 0.5], [1, 2, 1]),
        table(tmp_path / "c.parquet", [1.0, None], [1, None]),
        table(tmp_path / "d.parquet", [1.0, 0.5], [1, 2], protocol="same-clothes"),
    ):
        with pytest.raises(ArtefactError, match="different queries"):
            compare_queries([ours], [wrong])
    with pytest.raises(ArtefactError, match=r"no\.parquet cannot be read"):
        compare_queries([tmp_path / "no.parquet"], [ours])
