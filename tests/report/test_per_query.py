"""The table of every query under every protocol, and who stands nearest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from ccreid.errors import StorageError
from ccreid.evaluation import rerank
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import score_similarities
from ccreid.ops.ranking import NOBODY
from ccreid.report.per_query import SCHEMA, write_per_query
from ccreid.vocabulary import Columns, Ignore, Protocol
from outfitted import made_evaluation

RULES = (Ignore.NOTHING, Ignore.SAME_CAMERA, Ignore.SAME_CAMERA | Ignore.SAME_CLOTHES)


def rows_of(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def test_every_row_says_what_the_scores_say(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    write_per_query(tmp_path / "queries.parquet", evaluation)
    table = pq.read_table(tmp_path / "queries.parquet")
    assert table.schema.equals(SCHEMA)
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    rows = table.to_pylist()
    assert len(rows) == len(query) * len(evaluation.benchmark.protocols)
    assert {row["valid"] for row in rows} == {True, False}
    for number, row in enumerate(rows):
        protocol = evaluation.benchmark.protocols[number // len(query)]
        place = number % len(query)
        scores = evaluation.scores[protocol.name]
        assert (row["protocol"], row["file"], row["person"]) == (protocol.name, query.files[place], query.person[place])
        assert row["valid"] == (scores.first_rank[place] > 0)
        if row["valid"]:
            assert row["first_rank"] == scores.first_rank[place]
            assert row["average_precision"] == scores.average_precision[place]
            assert row["inverse_negative_penalty"] == scores.inverse_negative_penalty[place]
            assert row["nearest_is_right"] == (row["first_rank"] == 1)
        else:
            assert (row["first_rank"], row["average_precision"], row["inverse_negative_penalty"]) == (None, None, None)
        nearest = gallery.files.index(row["nearest_file"])
        assert row["nearest_is_right"] == (gallery.person[nearest] == query.person[place])


def test_names_stand_beside_the_numbers(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    query = evaluation.benchmark.subset("query")
    first = int(query.person[0])
    called = replace(query, names={"person": {first: "anna"}, "camera": {1: "door"}})
    subsets = {**evaluation.benchmark.subsets, "query": called}
    named = replace(evaluation, benchmark=replace(evaluation.benchmark, subsets=subsets))
    write_per_query(tmp_path / "queries.parquet", named)
    for row in rows_of(tmp_path / "queries.parquet"):
        assert row["person_name"] == ("anna" if row["person"] == first else None)
        assert row["camera_name"] == ("door" if row["camera"] == 1 else None)
        assert row["clothes_name"] is None


def test_what_is_not_known_is_null(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    write_per_query(tmp_path / "queries.parquet", evaluation)
    rows = rows_of(tmp_path / "queries.parquet")
    assert [row["camera"] for row in rows[:3]] == [1, None, 1]
    assert all(row["nearest_wears_the_same"] is None for row in rows if not row["nearest_is_right"])
    right = [row for row in rows if row["nearest_is_right"] and row["clothes"] is not None]
    assert {row["nearest_wears_the_same"] for row in right} == {True, False}
    bare = replace(evaluation.benchmark.subset("query"), camera=None, clothes=None)
    benchmark = replace(evaluation.benchmark, subsets={**evaluation.benchmark.subsets, "query": bare})
    write_per_query(tmp_path / "queries.parquet", replace(evaluation, benchmark=benchmark))
    for row in rows_of(tmp_path / "queries.parquet"):
        assert (row["camera"], row["clothes"], row["nearest_wears_the_same"]) == (None, None, None)


def test_shared_outfits_tell_of_other_people(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    everybody = {name: "white" for samples in evaluation.benchmark.subsets.values() for name in samples.files}
    write_per_query(tmp_path / "queries.parquet", evaluation, everybody)
    assert all(row["nearest_wears_the_same"] for row in rows_of(tmp_path / "queries.parquet"))


def test_a_single_shot_protocol_has_no_one_nearest_image(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    drawn = Protocol("drawn", Ignore.NOTHING, draws=3)
    benchmark = replace(evaluation.benchmark, protocols=(drawn,))
    some = replace(evaluation, benchmark=benchmark, scores={"drawn": evaluation.scores["standard"]})
    write_per_query(tmp_path / "queries.parquet", some)
    rows = rows_of(tmp_path / "queries.parquet")
    assert any(row["average_precision"] for row in rows)
    for row in rows:
        assert (row["nearest_file"], row["nearest_is_right"], row["nearest_wears_the_same"]) == (None, None, None)


def test_no_protocol_is_an_empty_table(tmp_path: Path) -> None:
    evaluation = made_evaluation()
    write_per_query(tmp_path / "q.parquet", replace(evaluation, benchmark=replace(evaluation.benchmark, protocols=())))
    assert pq.read_table(tmp_path / "q.parquet").num_rows == 0


def test_what_stood_there_stays_when_the_write_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="is a file, not a folder"):
        write_per_query(tmp_path / "file" / "queries.parquet", made_evaluation())
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def nearest_by_sorting(evaluation: Evaluation, similarity: Any, rule: Ignore) -> list[int]:
    """The definition: sort the gallery, take the first image that is not ignored."""
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    found = []
    for row, values in enumerate(similarity):
        kept = []
        for _, place in sorted(zip((-values).tolist(), range(len(gallery)), strict=True)):
            own = query.person[row] == gallery.person[place]
            camera = Ignore.SAME_CAMERA in rule and query.same("camera", row, gallery)[place]
            clothes = Ignore.SAME_CLOTHES in rule and query.same("clothes", row, gallery)[place]
            if not (own and (camera or clothes)):
                kept.append(place)
        found.append(kept[0] if kept else NOBODY)
    return found


@pytest.mark.parametrize("reranked", [False, True])
def test_the_nearest_image_is_the_first_of_the_sorted_and_kept(reranked: bool) -> None:
    evaluation = made_evaluation()
    query, gallery = evaluation.benchmark.subset("query"), evaluation.benchmark.subset("gallery")
    queries, galleries = (evaluation.embeddings[side].vectors for side in ("query", "gallery"))
    similarity = (-rerank(queries, galleries) if reranked else queries @ galleries.T).numpy()
    for rule, scores in zip(RULES, score_similarities(similarity, query, gallery, RULES), strict=True):
        assert scores.nearest is not None
        assert scores.nearest.tolist() == nearest_by_sorting(evaluation, similarity, rule)
        valid = scores.first_rank > 0
        assert np.array_equal((gallery.person[scores.nearest] == query.person)[valid], scores.first_rank[valid] == 1)


def test_ties_go_by_gallery_index_and_nobody_may_be_left() -> None:
    query = Columns(np.array([1, 2]), camera=np.array([1, 1]))
    gallery = Columns(np.array([1, 1, 1]), camera=np.array([1, 1, 1]))
    similarity = [[0.5, 0.9, 0.9], [0.5, 0.5, 0.1]]
    free, camera = score_similarities(similarity, query, gallery, [Ignore.NOTHING, Ignore.SAME_CAMERA])
    assert [scores.nearest.tolist() for scores in (free, camera) if scores.nearest is not None] == [[1, 0], [NOBODY, 0]]
