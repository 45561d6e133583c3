"""Embedding once, scoring every protocol, and what is written about it."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from torch import Tensor

from ccreid.analysis.published import Published
from ccreid.data.preprocess import Preprocessing
from ccreid.errors import DataError
from ccreid.evaluation import score
from ccreid.evaluation.evaluate import Evaluation, evaluate
from ccreid.evaluation.refinement import Refinement
from ccreid.model import embedder as module
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import embed
from ccreid.model.engine import TorchEngine
from ccreid.records import Counts, Intervals, ScoreIntervals
from ccreid.report.ranked_lists import draw_ranked_lists, ranked_list, telling_queries
from ccreid.report.schema import Conditions, report_of
from ccreid.report.tables import belief_table, comparison_table, percent, report_table
from ccreid.vocabulary import Benchmark, Ignore, Protocol
from coarse import pictures_in_full
from columns import annotated


@pytest.fixture(scope="module")
def evaluation(embedder: Embedder, benchmark: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return evaluate(embedder, benchmark, tmp_path_factory.mktemp("cache"))


def test_every_protocol_is_scored_as_if_alone(evaluation: Evaluation, benchmark: Benchmark) -> None:
    assert set(evaluation.scores) == {protocol.name for protocol in benchmark.protocols}
    for protocol in benchmark.protocols:
        alone = score(
            evaluation.embeddings["query"].vectors,
            evaluation.embeddings["gallery"].vectors,
            benchmark.subset("query"),
            benchmark.subset("gallery"),
            protocol.ignore,
        )
        assert alone.mean_ap == evaluation.scores[protocol.name].mean_ap
        assert np.array_equal(alone.cmc, evaluation.scores[protocol.name].cmc)


def test_embeddings_are_made_once(
    embedder: Embedder, benchmark: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def counted(*arguments: Any, doing: str, **named: Any) -> Tensor:
        made.append(doing)
        return embed(*arguments, doing=doing, **named)

    monkeypatch.setattr(module, "embed", counted)
    first = evaluate(embedder, benchmark, tmp_path)
    assert made == ["Embedding query", "Embedding gallery"]
    again = evaluate(embedder, benchmark, tmp_path)
    assert len(made) == 2
    assert again.scores["standard"].mean_ap == first.scores["standard"].mean_ap
    # Whatever embeddings depend on makes them anew.
    torch_engine = cast(TorchEngine, embedder.engine)
    for other in (
        replace(embedder, weights_hash="weights-two"),
        replace(embedder, engine=replace(torch_engine, flip=False)),
        replace(embedder, engine=replace(torch_engine, precision="bf16-mixed")),
        replace(embedder, preprocessing=Preprocessing(48, 16)),
    ):
        made.clear()
        evaluate(other, benchmark, tmp_path)
        assert len(made) == 2
    made.clear()
    fewer = replace(benchmark, subsets={**benchmark.subsets, "query": benchmark.subset("query").select([0, 2])})
    evaluate(embedder, fewer, tmp_path)
    assert made == ["Embedding query"]


def test_a_damaged_cache_is_made_anew_and_said(
    embedder: Embedder, benchmark: Benchmark, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = evaluate(embedder, benchmark, tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        again = evaluate(embedder, benchmark, tmp_path)
    assert caplog.text.count("It is made anew") == 2
    assert again.scores["standard"].mean_ap == first.scores["standard"].mean_ap


def test_a_protocol_on_an_absent_subset_is_refused(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    odd = replace(benchmark, protocols=(Protocol("odd", Ignore.NOTHING, query="probe"),))
    with pytest.raises(DataError, match="no subset 'probe'"):
        evaluate(embedder, odd, tmp_path)


def test_a_subset_without_images_is_refused_by_name(embedder: Embedder, benchmark: Benchmark, tmp_path: Path) -> None:
    empty = replace(benchmark, subsets={**benchmark.subsets, "gallery": benchmark.subset("gallery").select([])})
    with pytest.raises(DataError, match="no images in the subset 'gallery'"):
        evaluate(embedder, empty, tmp_path)


def test_rules_without_their_column_and_protocols_without_a_query_are_said(
    embedder: Embedder, benchmark: Benchmark, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    strangers = benchmark.subset("gallery").select(
        benchmark.subset("gallery").person != benchmark.subset("query").person[0]
    )
    query = replace(benchmark.subset("query").select([0]), camera=None)
    odd = replace(benchmark, subsets={"query": query, "gallery": strangers})
    with caplog.at_level(logging.WARNING):
        result = evaluate(embedder, odd, tmp_path)
    assert "annotates no camera: the rule 'same camera' ignores nothing" in caplog.text
    assert "no query has a relevant gallery image left" in caplog.text
    report = report_of(result, Conditions())
    assert report.protocols[0].map is None
    assert report.protocols[0].skipped == 1
    json.dumps(report.model_dump(mode="json"), allow_nan=False)
    assert percent(report.protocols[0].map) == "-"


def text(table: object) -> str:
    console = Console(width=200, record=True)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_the_report_says_what_a_reader_needs(evaluation: Evaluation) -> None:
    report = report_of(evaluation, Conditions(seed=3, flip_averaging=True, image_size="32 x 16", versions={"a": "1"}))
    assert report.benchmark.subsets["query"] == Counts(people=3, images=12)
    assert report.conditions.reranking is None
    row = report.protocols[1]
    assert (row.name, row.ignored) == ("cloth-changing", "same camera or same clothes")
    scores = evaluation.scores["cloth-changing"]
    assert row.map == scores.mean_ap
    assert row.cmc == {rank: scores.at(rank) for rank in (1, 5, 10, 20)}
    shown = " ".join(text(report_table(report)).split())
    for words in (
        "seed: 3",
        "flip averaging: yes",
        "reranking: none",
        "image size: 32 x 16",
        "same camera or same clothes",
    ):
        assert words in shown
    assert percent(scores.mean_ap) in shown
    assert "FIRe" in text(comparison_table({"FIRe²": report, "baseline": report}, "both"))


def test_telling_queries_go_from_best_to_worst(evaluation: Evaluation) -> None:
    scores = evaluation.scores["standard"]
    rows = telling_queries(scores, 4)
    precision = scores.average_precision[rows]
    assert len(set(rows)) == 4
    assert list(precision) == sorted(precision, reverse=True)
    assert precision[0] == np.nanmax(scores.average_precision)
    assert precision[-1] == np.nanmin(scores.average_precision)


def test_ranked_lists_frame_right_and_wrong(evaluation: Evaluation, benchmark: Benchmark, tmp_path: Path) -> None:
    protocol = benchmark.protocols[0]
    rows = telling_queries(evaluation.scores[protocol.name], 2)
    with pictures_in_full():
        draw_ranked_lists(tmp_path / "lists.png", evaluation, protocol, rows, top=48)
    with Image.open(tmp_path / "lists.png") as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((0x1B, 0x9E, 0x3E), (0xD6, 0x27, 0x28)):  # a whole ranking holds both
        assert (np.abs(pixels - colour).max(axis=1) < 12).sum() > 500
    query, gallery = benchmark.subset("query"), benchmark.subset("gallery")
    found = ranked_list(evaluation, protocol, rows[0], 48)
    shown = np.array([one.place for one in found])
    same = gallery.person[shown] == query.person[rows[0]]
    ignored = (gallery.person == query.person[rows[0]]) & (
        annotated(gallery.camera) == annotated(query.camera)[rows[0]]
    )
    assert not ignored[shown].any()
    assert len(shown) == 48 - int(ignored.sum())
    assert [one.right for one in found] == same.tolist()
    cosines = evaluation.embeddings["gallery"].vectors[shown] @ evaluation.embeddings["query"].vectors[rows[0]]
    assert [one.cosine for one in found] == pytest.approx(cosines.tolist(), abs=1e-6)
    assert int(np.flatnonzero(same)[0]) + 1 == evaluation.scores[protocol.name].first_rank[rows[0]]


def test_single_shot_protocols_give_mean_and_deviation(
    embedder: Embedder, benchmark: Benchmark, tmp_path: Path
) -> None:
    shots = replace(
        benchmark,
        protocols=(
            Protocol("multi-shot", Ignore.NOTHING),
            Protocol("single-shot", Ignore.NOTHING, draws=10),
            Protocol("single-shot, one draw", Ignore.NOTHING, draws=1),
        ),
    )
    result = evaluate(embedder, shots, tmp_path)
    assert list(result.scores) == ["multi-shot", "single-shot", "single-shot, one draw"]
    assert len(result.draws["single-shot"]) == 10
    assert result.scores["single-shot"].mean_ap == pytest.approx(
        np.mean([draw.mean_ap for draw in result.draws["single-shot"]])
    )
    assert all(len(draw.cmc) == 3 for draw in result.draws["single-shot"])  # three people, an image each
    multi, single, once = report_of(result, Conditions()).protocols
    assert multi.shots == "multi-shot"
    assert multi.deviation is None
    assert single.shots == "single-shot, mean of 10 draws"
    assert single.deviation is not None
    assert single.deviation.map == pytest.approx(np.std([d.mean_ap for d in result.draws["single-shot"]], ddof=1))
    assert once.deviation is not None
    assert once.deviation.map is None
    assert "±" in text(report_table(report_of(result, Conditions())))


def test_reranking_is_another_ranking_and_is_named(
    embedder: Embedder, benchmark: Benchmark, evaluation: Evaluation, tmp_path: Path
) -> None:
    reranked = evaluate(embedder, benchmark, tmp_path, refinement=Refinement(reranking=True))
    assert reranked.scores["standard"].mean_ap != evaluation.scores["standard"].mean_ap
    report = report_of(reranked, Conditions())
    assert report.conditions.reranking == "k-reciprocal (k1 20, k2 6, lambda 0.3)"
    assert "reranking: k-reciprocal" in text(report_table(report))


def test_intervals_and_the_results_of_others_stand_beside(evaluation: Evaluation) -> None:
    theirs = Published(method="FIRe²", kind="paper", rank1=(75.9, 75.9), map=(39.9, 39.9), source="its table 1")
    rerun = Published(method="FIRe²", kind="re-run", rank1=(72.6, 73.4), source="a log")
    ours = ScoreIntervals(rank1=(0.5, 0.6))
    report = report_of(evaluation, Conditions()).model_copy(
        update={
            "intervals": Intervals(level=0.95, resamples=9, unit="people", protocols={"standard": ours}),
            "published": {"standard": (theirs, rerun)},
        }
    )
    shown = " ".join(text(belief_table(report)).split())
    for words in ("ours, 95 % interval", "50.0 to 60.0", "its authors", "75.9", "independent re-runs", "72.6 to 73.4"):
        assert words in shown
