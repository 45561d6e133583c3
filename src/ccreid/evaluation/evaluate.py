"""A network scored on a benchmark: embed once, score every protocol in one pass."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccreid.evaluation.cached import cached_embeddings
from ccreid.evaluation.metrics import Scores, joined, score_rules, score_similarities
from ccreid.evaluation.refinement import AS_EMBEDDED, Refinement, scored_subsets
from ccreid.evaluation.single_shot import draw_gallery, mean_of_draws
from ccreid.machine.processes import ALONE, Processes
from ccreid.machine.progress import Track, untracked
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import Embeddings
from ccreid.ops.reranking import rerank
from ccreid.vocabulary import COLUMN_OF_RULE, Benchmark, Ignore, Protocol, Samples, in_force

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network makes of a benchmark.

    Attributes
    ----------
    benchmark:
        What was scored.
    embeddings:
        By subset, without camera means where those were to be taken off.
    scores:
        By the protocol's name; of a single-shot protocol, the mean of its draws.
    draws:
        Every draw of the single-shot protocols, by the protocol's name.
    refinement:
        What was done to the embeddings before they were ranked.
    """

    benchmark: Benchmark
    embeddings: Mapping[str, Embeddings]
    scores: Mapping[str, Scores]
    draws: Mapping[str, tuple[Scores, ...]] = field(default_factory=dict)
    refinement: Refinement = AS_EMBEDDED


def evaluate(
    embedder: Embedder,
    benchmark: Benchmark,
    cache: Path | None = None,
    *,
    refinement: Refinement = AS_EMBEDDED,
    track: Track[object] = untracked,
) -> Evaluation:
    """Embed the subsets that the protocols name and score every protocol.

    Parameters
    ----------
    embedder:
        Makes the embeddings.
    benchmark:
        What to score.
    cache:
        Folder of the embeddings' files; None keeps none.
    refinement:
        What to do to the embeddings before they are ranked.
    track:
        Follows the batches for the user.

    Raises
    ------
    DataError, ImageError
        A subset is missing, an image cannot be read, or the refinement needs cameras that are not known.
    """
    benchmark.check_scored()
    refinement.check(benchmark)
    as_embedded = {
        name: cached_embeddings(embedder, benchmark.subset(name), name, cache, track)
        for name in scored_subsets(benchmark)
    }
    embeddings = refinement.of_subsets(benchmark, as_embedded)
    scores: dict[str, Scores] = {}
    draws: dict[str, tuple[Scores, ...]] = {}
    for (query, gallery, shots), protocols in by_lists(benchmark.protocols).items():
        queries = benchmark.subset(query), embeddings[query].vectors
        images = benchmark.subset(gallery), embeddings[gallery].vectors
        rules = [protocol.ignore for protocol in protocols]
        drawn: list[NDArray[np.int64] | None] = [draw_gallery(benchmark.subset(gallery), n) for n in range(shots)]
        lists = (_score_lists(queries, images, rows, rules, refinement, embedder.processes) for rows in drawn or [None])
        found = zip(*lists, strict=True)
        for protocol, of_draws in zip(protocols, found, strict=True):
            scores[protocol.name] = mean_of_draws(of_draws) if shots else of_draws[0]
            if shots:
                draws[protocol.name] = of_draws
    for protocol in benchmark.protocols:
        _warn(benchmark, protocol, scores[protocol.name])
    in_order = {protocol.name: scores[protocol.name] for protocol in benchmark.protocols}
    return Evaluation(benchmark, embeddings, in_order, draws, refinement)


def by_lists(protocols: Sequence[Protocol]) -> dict[tuple[str, str, int], list[Protocol]]:
    """Protocols that rank the same lists and differ in the rule alone are scored in one pass."""
    groups: dict[tuple[str, str, int], list[Protocol]] = {}
    for protocol in protocols:
        groups.setdefault((protocol.query, protocol.gallery, protocol.draws), []).append(protocol)
    return groups


def _score_lists(
    query: tuple[Samples, Tensor],
    gallery: tuple[Samples, Tensor],
    rows: NDArray[np.int64] | None,
    rules: Sequence[Ignore],
    refinement: Refinement,
    processes: Processes,
) -> tuple[Scores, ...]:
    """Scores of each rule against the whole gallery, or against some rows of it."""
    (queries, query_vectors), (images, image_vectors) = query, gallery
    if rows is not None:
        images, image_vectors = images.select(rows), image_vectors[torch.from_numpy(rows)]
    query_vectors, image_vectors = refinement.of_ranked(query_vectors, image_vectors)
    if refinement.reranking:
        return score_similarities(rerank(query_vectors, image_vectors).neg_(), queries, images, rules)
    own = processes.share(len(queries))
    if len(queries) < processes.count:  # some would have nothing to score
        own, processes = slice(None), ALONE
    of_own = score_rules(query_vectors[own], image_vectors, queries.select(np.arange(len(queries))[own]), images, rules)
    return tuple(map(joined, zip(*processes.tell(of_own), strict=True)))


def _warn(benchmark: Benchmark, protocol: Protocol, scores: Scores) -> None:
    rule = in_force(protocol.ignore, benchmark.subset(protocol.query), benchmark.subset(protocol.gallery))
    for flag in protocol.ignore & ~rule:
        column = COLUMN_OF_RULE[flag]
        logger.warning("%s annotates no %s: the rule '%s' ignores nothing.", benchmark.name, column, flag.sentence)
    if not scores.valid:
        logger.warning(
            "%s, %s: no query has a relevant gallery image left when %s is ignored. Check that the same people "
            "stand in query and gallery.",
            benchmark.name,
            protocol.name,
            rule.sentence,
        )
