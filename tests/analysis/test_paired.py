"""Two models compared query by query."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccreid.analysis.paired import compare_queries
from ccreid.errors import ArtefactError
from ccreid.report.per_query import write_per_query
from ccreid.report.schema import Conditions, report_of
from ccreid.vocabulary import Ignore, Protocol
from outfitted import scored, walked_evaluation


def table(path: Path, precisions: list[float | None], ranks: list[int | None], protocol: str = "standard") -> Path:
    count = len(precisions)
    columns = {
        "protocol": [protocol] * count,
        "file": [f"{row}.jpg" for row in range(count)],
        "person": pa.array([row // 2 for row in range(count)], pa.int64()),
        "valid": [value is not None for value in precisions],
        "rank1": pa.array([None if rank is None else float(rank == 1) for rank in ranks], pa.float64()),
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


def test_differences_are_those_of_the_reported_numbers(tmp_path: Path) -> None:
    """Under every protocol, also where each draw leaves other queries without an answer."""
    columns = ("camera", "clothes", "tracklet")
    drawn = [
        Protocol(f"{ignored.sentence}, drawn", ignored, draws=4) for ignored in (Ignore.NOTHING, Ignore.SAME_CAMERA)
    ]
    reports, tables = [], []
    for seed in (0, 1):
        made = walked_evaluation(columns, seed)
        protocols = (*made.benchmark.protocols, *drawn)
        evaluation = scored(replace(made.benchmark, protocols=protocols), made.embeddings)
        times = sum(draw.first_rank > 0 for draw in evaluation.draws["same camera, drawn"])
        assert len(set(np.asarray(times).tolist())) > 1  # so a mean of the draws' means would be another number
        reports.append(report_of(evaluation, Conditions()))
        tables.append(tmp_path / f"{seed}.parquet")
        write_per_query(tables[-1], evaluation)
    paired = {row.protocol: row for row in compare_queries(tables[:1], tables[1:])}
    means = (
        pq.read_table(tables[0])
        .group_by("protocol")
        .aggregate([("rank1", "mean"), ("average_precision", "mean"), ("inverse_negative_penalty", "mean")])
    )
    of_queries = {row["protocol"]: row for row in means.to_pylist()}
    for ours, theirs in zip(*(report.protocols for report in reports), strict=True):
        assert of_queries[ours.name]["rank1_mean"] == pytest.approx(ours.at(1), abs=1e-12)
        assert of_queries[ours.name]["average_precision_mean"] == pytest.approx(ours.map, abs=1e-12)
        assert of_queries[ours.name]["inverse_negative_penalty_mean"] == pytest.approx(ours.minp, abs=1e-12)
        differences = paired[ours.name]
        for found, one, other in (
            (differences.rank1, ours.at(1), theirs.at(1)),
            (differences.map, ours.map, theirs.map),
        ):
            assert one is not None
            assert other is not None
            assert found == pytest.approx(one - other, abs=1e-12)
    assert any(0 < row["rank1"] < 1 for row in pq.read_table(tables[0]).to_pylist() if row["valid"])


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
    old = tmp_path / "old.parquet"
    pq.write_table(pq.read_table(ours).drop_columns(["rank1"]), old)
    with pytest.raises(ArtefactError, match=r"old\.parquet lacks the columns rank1"):
        compare_queries([ours], [old])
    hollow = pq.read_table(ours)
    place = hollow.column_names.index("average_precision")
    pq.write_table(hollow.set_column(place, "average_precision", pa.nulls(len(hollow), pa.float64())), old)
    with pytest.raises(ArtefactError, match="lacks numbers of valid queries"):
        compare_queries([ours], [old])
    with pytest.raises(ArtefactError, match=r"no\.parquet cannot be read"):
        compare_queries([tmp_path / "no.parquet"], [ours])
