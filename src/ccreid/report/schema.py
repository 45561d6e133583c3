"""What evaluations found, with the conditions under which it was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import stdev
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from ccreid.analysis.paired import Paired
from ccreid.analysis.published import Published
from ccreid.analysis.reliance import Reliance
from ccreid.analysis.supplement import Supplement
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores
from ccreid.evaluation.refinement import CAMERA_IMAGES
from ccreid.ops import reranking
from ccreid.ops.centralising import NEIGHBOURS
from ccreid.records import BenchmarkCard, Intervals, Measures, ProtocolScores, Record, Scored
from ccreid.vocabulary import Protocol, in_force

RANKS = (1, 5, 10, 20)
TEST_SET = "ON THE TEST SET"
"""Begins how the epoch was selected when it was selected on the numbers reported; every score is then stamped."""
RERANKING = f"k-reciprocal (k1 {reranking.K1}, k2 {reranking.K2}, lambda {reranking.SHARE})"
CAMERA_MEANS = f"taken off, of cameras with {CAMERA_IMAGES} images or more"
CENTRALISATION = f"to {NEIGHBOURS} mutual neighbours"


class Conditions(Record):
    """Under which conditions something was scored; None, and left out of the file, where that says nothing.

    Attributes
    ----------
    reranking:
        How the gallery was re-ranked; None, which is said, where it was not.
    camera_means, centralisation:
        How embeddings were freed of their cameras, and drawn to their neighbours, before they were ranked.
    recipe, bundle:
        Name of the run's recipe; of the bundle that was scored.
    seed, epochs:
        Of the training; over several seeds, which.
    selection:
        How the epoch was selected.
    processes:
        How many trained it together.
    scored_on:
        Who was scored, where it is not the test people.
    image_size, flip_averaging, precision:
        Of the network's input; whether the mirror image's embedding was added; what the network computed in.
    weights:
        How their hash begins.
    versions, machine:
        What it was scored with.
    """

    reranking: str | None = None
    camera_means: str | None = None
    centralisation: str | None = None
    bundle: str | None = None
    recipe: str | None = None
    seed: int | str | None = None
    epochs: int | None = None
    selection: str | None = None
    processes: int | None = None
    scored_on: str | None = None
    image_size: str | None = None
    flip_averaging: bool | None = None
    precision: str | None = None
    weights: str | None = None
    versions: dict[str, str] | None = None
    machine: str | None = None

    @model_serializer(mode="wrap")
    def _known(self, whole: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in whole(self).items() if value is not None or name == "reranking"}


class ScoredBenchmark(Scored):
    """The scores of a benchmark under some conditions."""

    benchmark: BenchmarkCard
    conditions: Conditions


class Report(ScoredBenchmark):
    """Everything that a reader of the numbers needs.

    Attributes
    ----------
    warnings:
        What a reader must know before believing a number.
    intervals, published, withheld, reliance:
        As in a supplement.
    """

    mend = "Score the run's bundle again."

    format: Literal[1] = 1
    warnings: tuple[str, ...] = ()
    intervals: Intervals | None = None
    published: dict[str, tuple[Published, ...]] = Field(default_factory=dict)
    withheld: str = ""
    reliance: Reliance | None = None


class Summary(ScoredBenchmark):
    """The means of a recipe's scores over some seeds, with the deviations over them."""

    recipe: str
    seeds: tuple[int, ...]


class Variant(Scored):
    """One variant of an ablation.

    Attributes
    ----------
    changes:
        The settings that it changes, as ``section.name=value``.
    folder:
        Where its runs lie, inside the ablation's.
    """

    changes: tuple[str, ...]
    folder: str


class Difference(Paired):
    """How one variant differs from another under a protocol."""

    variant: str
    against: str


class Matrix(Record):
    """Bundles scored on data sets.

    Attributes
    ----------
    reports:
        By the labels of bundle and data set.
    paired:
        By the data set's label, how each further bundle differs there from the first.
    """

    reports: dict[str, dict[str, Report]]
    paired: dict[str, tuple[Difference, ...]]


class Ablation(Record):
    """Variants of a recipe, each over the same seeds, and how they differ."""

    seeds: tuple[int, ...]
    benchmark: BenchmarkCard
    conditions: Conditions
    variants: dict[str, Variant]
    paired: tuple[Difference, ...]


def report_of(evaluation: Evaluation, conditions: Conditions, beside: Supplement | None = None) -> Report:
    """The report of an evaluation.

    Parameters
    ----------
    evaluation:
        What was found.
    conditions:
        Under which it was found; what was done to the embeddings before they were ranked is added.
    beside:
        What is to be said beside the scores.
    """
    stamped, refined = TEST_SET in (conditions.selection or ""), evaluation.refinement
    ways = {
        "reranking": RERANKING if refined.reranking else None,
        "camera_means": CAMERA_MEANS if refined.camera_means else None,
        "centralisation": CENTRALISATION if refined.centralise else None,
    }
    return Report(
        benchmark=BenchmarkCard.of(evaluation.benchmark),
        conditions=conditions.model_copy(update=ways),
        warnings=(conditions.selection,) if conditions.selection and stamped else (),
        protocols=tuple(_scores(protocol, evaluation, stamped) for protocol in evaluation.benchmark.protocols),
        intervals=beside.intervals if beside else None,
        published=beside.published if beside else {},
        withheld=beside.withheld if beside else "",
        reliance=beside.reliance if beside else None,
    )


def _scores(protocol: Protocol, evaluation: Evaluation, stamped: bool) -> ProtocolScores:
    scores, draws = evaluation.scores[protocol.name], evaluation.draws.get(protocol.name)
    query, gallery = (evaluation.benchmark.subset(name) for name in (protocol.query, protocol.gallery))
    return ProtocolScores(
        name=protocol.name,
        query=protocol.query,
        gallery=protocol.gallery,
        ignored=in_force(protocol.ignore, query, gallery).sentence,
        shots=f"single-shot, mean of {len(draws)} draws" if draws else "multi-shot",
        valid=scores.valid,
        skipped=scores.skipped,
        cmc={rank: scores.at(rank) for rank in RANKS},
        map=scores.mean_ap,
        minp=scores.mean_inp,
        deviation=None if draws is None else _deviations(draws),
        selected_on_test=stamped,
    )


def _deviations(draws: Sequence[Scores]) -> Measures:
    """Standard deviations (of a sample) over the draws."""

    def deviation(values: list[float]) -> float | None:
        known = [value for value in values if math.isfinite(value)]  # a draw may leave no valid query
        return stdev(known) if len(known) > 1 else None

    return Measures(
        cmc={rank: deviation([scores.at(rank) for scores in draws]) for rank in RANKS},
        map=deviation([scores.mean_ap for scores in draws]),
        minp=deviation([scores.mean_inp for scores in draws]),
    )
