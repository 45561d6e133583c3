"""The nearest gallery image that a rule leaves to each query."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.reranking import rerank
from ccreid.evaluation.similarity import comparable_vectors, similarity_rows
from ccreid.vocabulary import Columns, Ids, Ignore, ignored

SimilarityRows = Callable[[str, str], Iterable[ArrayLike]]
"""The rows, (G,) each and large is near, of a query subset against a gallery subset, both by name."""

NOBODY = -1
"""Stands for the nearest image where a rule leaves none."""


def cosine_rows(evaluation: Evaluation) -> SimilarityRows:
    """Cosines of an evaluation's embeddings, whether or not it was re-ranked."""
    vectors = {name: embeddings.vectors for name, embeddings in evaluation.embeddings.items()}
    return lambda query, gallery: similarity_rows(*comparable_vectors(vectors[query], vectors[gallery]))


def scored_rows(evaluation: Evaluation) -> SimilarityRows:
    """What an evaluation's multi-shot protocols were ranked by: cosines, or negative re-ranked distances."""
    if not evaluation.reranked:
        return cosine_rows(evaluation)
    vectors = {name: embeddings.vectors for name, embeddings in evaluation.embeddings.items()}
    return lambda query, gallery: (-rerank(vectors[query], vectors[gallery])).numpy()


def nearest_kept(
    similarities: Iterable[ArrayLike], query: Columns, gallery: Columns, rules: Sequence[Ignore]
) -> list[Ids]:
    """Which gallery image stands first for each query, under each rule, in one pass over the similarities.

    Parameters
    ----------
    similarities:
        Q rows of (G,); large is near. Equal ones are ordered by gallery index.
    query, gallery:
        The columns of both sides.
    rules:
        What is ignored of the query's own person.

    Returns
    -------
    list of Ids
        One a rule: (Q,) gallery indices; `NOBODY` where the rule leaves no image at all.
    """
    nearest = [np.full(len(query), NOBODY, dtype=np.int64) for _ in rules]
    for row, given in enumerate(similarities):
        similarity = np.array(given, dtype=np.float64)
        own = np.flatnonzero(gallery.person == query.person[row])
        candidates = gallery.select(own)
        for rule, found in zip(rules, nearest, strict=True):
            out = own[ignored(rule, query, row, candidates)]
            if len(out) < len(gallery):
                kept = similarity[out].copy()
                similarity[out] = -np.inf
                found[row] = int(np.argmax(similarity))
                similarity[out] = kept
    return nearest
