"""CMC, mAP and mINP of a query set against a gallery, under any number of ignore rules at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn.functional import normalize

from ccreid.errors import DataError, SettingError
from ccreid.ops.ranking import Floats, nearer_others, ranks_of_relevant
from ccreid.vocabulary import Columns, Ids, Ignore, ignored

BLOCK = 512
"""Queries whose similarities are held at once."""


@dataclass(frozen=True, eq=False)
class Scores:
    """How well the gallery answers the queries under one rule.

    Attributes
    ----------
    cmc:
        (G,) float64, cmc[k - 1] = share of valid queries with a relevant image among the first k kept ones.
    mean_ap, mean_inp:
        Means over the valid queries; NaN when there is none.
    valid, skipped:
        Queries with and without a relevant gallery image left by the rule.
    average_precision, inverse_negative_penalty:
        (Q,) float64 each, NaN for a skipped query.
    first_rank:
        (Q,) int64, 1-based rank of the nearest relevant image, 0 for a skipped query.
    """

    cmc: NDArray[np.float64]
    mean_ap: float
    mean_inp: float
    valid: int
    skipped: int
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    first_rank: Ids

    def at(self, rank: int) -> float:
        """CMC at a rank (1-based); ranks beyond the gallery give its last value. SettingError below 1."""
        if rank < 1:
            raise SettingError(f"rank = {rank} was given.", "Ranks count from 1.")
        return float(self.cmc[min(rank, len(self.cmc)) - 1])


def score(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    query: Columns | object,
    gallery: Columns | object,
    ignore: Ignore = Ignore.NOTHING,
) -> Scores:
    """Score one rule. See :func:`score_rules`."""
    return score_rules(query_embeddings, gallery_embeddings, query, gallery, [ignore])[0]


def score_rules(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    query: Columns | object,
    gallery: Columns | object,
    rules: Sequence[Ignore],
) -> tuple[Scores, ...]:
    """Rank the gallery by cosine similarity for each query and score it under each rule.

    An ignored image is neither right nor wrong: it is taken out before ranks are counted. A query without a
    relevant image left is skipped. Equal similarities are ordered by gallery index. AP is the mean of the
    precision at each relevant rank; INP is the number of relevant images over the rank of the farthest one
    (Ye et al., TPAMI 2021).

    Parameters
    ----------
    query_embeddings, gallery_embeddings:
        (Q, D) and (G, D) floating point; L2-normalised here, compared in float32.
    query, gallery:
        The columns person, camera, clothes, tracklet, as :class:`ccreid.vocabulary.Columns` or anything that
        has them as attributes or keys.
    rules:
        What each scoring ignores.

    Returns
    -------
    tuple of Scores
        One a rule.

    Raises
    ------
    DataError
        Shapes do not fit each other or the columns, the gallery or the query set is empty, or an embedding
        is not finite.
    """
    query, gallery = Columns.of(query), Columns.of(gallery)
    queries, galleries = comparable_vectors(query_embeddings, gallery_embeddings, len(query), len(gallery))
    return score_similarities(similarity_rows(queries, galleries), query, gallery, rules)


def score_similarities(
    similarities: Iterable[ArrayLike],
    query: Columns | object,
    gallery: Columns | object,
    rules: Sequence[Ignore],
) -> tuple[Scores, ...]:
    """Score known similarities, such as negative re-ranked distances. See :func:`score_rules`.

    Parameters
    ----------
    similarities:
        Q rows of (G,), large is near: a (Q, G) tensor or array, or anything that yields the rows in order.
    query, gallery, rules:
        As in :func:`score_rules`.

    Returns
    -------
    tuple of Scores
        One a rule.

    Raises
    ------
    DataError
        The gallery or the query set is empty, or the rows do not fit the columns, or hold NaN.
    """
    query, gallery = Columns.of(query), Columns.of(gallery)
    for side, columns in (("query", query), ("gallery", gallery)):
        if len(columns) == 0:
            raise DataError(f"The {side} set is empty.", "Give at least one image.")
    ranks: list[list[NDArray[np.int64]]] = [[] for _ in rules]
    for row, similarity in enumerate(_checked(similarities, len(query), len(gallery))):
        own = np.flatnonzero(gallery.person == query.person[row])
        candidates = gallery.select(own)
        nearer = nearer_others(similarity, own)
        for rule, found in zip(rules, ranks, strict=True):
            found.append(ranks_of_relevant(similarity, own, nearer, ignored(rule, query, row, candidates)))
    return tuple(_scores(found, len(gallery)) for found in ranks)


def comparable_vectors(
    query_embeddings: Tensor | ArrayLike,
    gallery_embeddings: Tensor | ArrayLike,
    queries: int | None = None,
    gallery: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Both sides, checked: (Q, D) and (G, D) float32 on the CPU, L2-normalised.

    Raises DataError where a side is empty, not (N, D), has another number of rows than is given here, is not
    finite, or where the sides differ in D.
    """
    left = _unit(query_embeddings, queries, "query")
    right = _unit(gallery_embeddings, gallery, "gallery")
    if left.shape[1] != right.shape[1]:
        raise DataError(
            f"Query embeddings have {left.shape[1]} dimensions and gallery embeddings {right.shape[1]}.",
            "Embed both with the same bundle.",
        )
    return left, right


def _unit(embeddings: Tensor | ArrayLike, rows: int | None, side: str) -> Tensor:
    vectors = torch.as_tensor(embeddings).detach().cpu().float()
    if vectors.ndim != 2 or (rows is not None and len(vectors) != rows):
        columns = "" if rows is None else f" and its columns {rows} rows"
        raise DataError(
            f"The {side} embeddings have the shape {tuple(vectors.shape)}{columns}.",
            "Give one (N, D) row an image.",
        )
    if len(vectors) == 0:
        raise DataError(f"The {side} set is empty.", "Give at least one image.")
    broken = (~vectors.isfinite().all(dim=1)).nonzero().flatten().tolist()
    if broken:
        raise DataError(
            f"{len(broken)} {side} embeddings are not finite, the first in row {broken[0]}.",
            "Embed these images again; a network that gives NaN has diverged in training.",
        )
    return normalize(vectors, dim=1)


def similarity_rows(queries: Tensor, galleries: Tensor) -> Iterator[Floats]:
    """Q rows of (G,), the cosines of what :func:`comparable_vectors` gave; a block of them is held at once."""
    for block in torch.split(queries, BLOCK):
        yield from (block @ galleries.T).numpy()


def _checked(similarities: Iterable[ArrayLike], queries: int, gallery: int) -> Iterator[Floats]:
    rows = 0
    for rows, row in enumerate(similarities, 1):
        similarity = np.asarray(row)
        if similarity.shape != (gallery,) or rows > queries:
            raise DataError(
                f"Row {rows - 1} of the similarities has the shape {similarity.shape}; "
                f"{queries} rows of {gallery} are expected.",
                "Give each query one similarity a gallery image.",
            )
        if np.isnan(similarity).any():
            raise DataError(f"Row {rows - 1} of the similarities holds NaN.", "Compute them again.")
        yield similarity
    if rows < queries:
        raise DataError(f"{rows} rows of similarities were given for {queries} queries.", "Give one a query.")


def _scores(ranks: Sequence[NDArray[np.int64]], gallery: int) -> Scores:
    precision = np.array([np.mean(np.arange(1, len(r) + 1) / r) if len(r) else np.nan for r in ranks])
    penalty = np.array([len(r) / r[-1] if len(r) else np.nan for r in ranks])
    first = np.array([r[0] if len(r) else 0 for r in ranks], dtype=np.int64)
    valid = int((first > 0).sum())
    hits = np.bincount(first[first > 0] - 1, minlength=gallery)
    return Scores(
        cmc=np.cumsum(hits) / valid if valid else np.full(gallery, np.nan),
        mean_ap=float(np.nanmean(precision)) if valid else float("nan"),
        mean_inp=float(np.nanmean(penalty)) if valid else float("nan"),
        valid=valid,
        skipped=len(ranks) - valid,
        average_precision=precision,
        inverse_negative_penalty=penalty,
        first_rank=first,
    )
