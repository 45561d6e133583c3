"""CMC, mAP and mINP of a query set against a gallery, under any number of ignore rules at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ccreid.errors import DataError, SettingError
from ccreid.machine.arguments import as_count
from ccreid.ops.ranking import NOBODY, Floats, kept_ranks, nearest_other, places_of
from ccreid.ops.similarity import comparable_vectors, similarity_rows
from ccreid.vocabulary import Columns, Ids, Ignore, ignored

QUERIES_AT_ONCE = 512
"""Queries whose own images are compared with the rules at once."""


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
    nearest:
        (Q,) int64, the gallery index of the nearest image of anybody that the rule leaves; `NOBODY` where it
        leaves none. None for the mean of draws, whose galleries differ.
    """

    cmc: NDArray[np.float64]
    mean_ap: float
    mean_inp: float
    valid: int
    skipped: int
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    first_rank: Ids
    nearest: Ids | None = None

    def at(self, rank: int) -> float:
        """CMC at a rank (1-based); ranks beyond the gallery give its last value. SettingError below 1."""
        return float(self.cmc[min(as_count(rank, "rank"), len(self.cmc)) - 1])


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
    SettingError
        A rule is none.
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
    if odd := [rule for rule in rules if not isinstance(rule, Ignore)]:
        raise SettingError(
            f"{odd[0]!r} is no rule of what to ignore.", "Give an ccreid.Ignore, such as Ignore.NOTHING."
        )
    query, gallery = Columns.of(query), Columns.of(gallery)
    for side, columns in (("query", query), ("gallery", gallery)):
        if len(columns) == 0:
            raise DataError(f"The {side} set is empty.", "Give at least one image.")
    own = _own_images(query, gallery)
    rows = _checked(similarities, len(query), len(gallery))
    standings = ((places_of(some, row), nearest_other(some, row)) for some, row in zip(own, rows, strict=False))
    scores = _score_standings(standings, own, query, gallery, rules)
    next(rows, None)  # it refuses a row too many
    return scores


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


def _own_images(query: Columns, gallery: Columns) -> list[Ids]:
    """(M,) ascending gallery indices of each query's own person."""
    by_person = np.argsort(gallery.person, kind="stable")
    people = gallery.person[by_person]
    starts, stops = (np.searchsorted(people, query.person, side) for side in ("left", "right"))
    return [by_person[start:stop] for start, stop in zip(starts, stops, strict=True)]


def _score_standings(
    standings: Iterator[tuple[Ids, int]], own: Sequence[Ids], query: Columns, gallery: Columns, rules: Sequence[Ignore]
) -> tuple[Scores, ...]:
    """Score where each query's own images stand (:func:`places_of`) and who stands nearest among the others."""
    tallies = [_Tally(len(query), len(gallery)) for _ in rules]
    for start in range(0, len(query), QUERIES_AT_ONCE):
        places, strangers = zip(*islice(standings, QUERIES_AT_ONCE), strict=True)
        images = own[start : start + len(places)]
        row = np.repeat(np.arange(start, start + len(places)), [len(some) for some in images])
        place, image = np.concatenate(places), np.concatenate(images)
        order = np.argsort(row * len(gallery) + place)
        row, place, image = row[order], place[order], image[order]
        candidates = gallery.select(image)
        for rule, tally in zip(rules, tallies, strict=True):
            out = ignored(rule, query, row, candidates)
            tally.nearest[start : start + len(places)] = strangers
            tally.add(*kept_ranks(row, place, out), image[~out])
    return tuple(tally.scores() for tally in tallies)


class _Tally:
    """Gathers the relevant ranks of one rule, some queries at a time; `nearest` begins with the strangers."""

    def __init__(self, queries: int, gallery: int) -> None:
        self.gallery = gallery
        self.average_precision = np.full(queries, np.nan)
        self.inverse_negative_penalty = np.full(queries, np.nan)
        self.first_rank = np.zeros(queries, dtype=np.int64)
        self.nearest = np.full(queries, NOBODY, dtype=np.int64)

    def add(self, query: Ids, rank: Ids, image: Ids) -> None:
        """Note the ranks (R,) that images (R,) have for queries (R,), in the order of :func:`kept_ranks`."""
        valid, start, relevant = np.unique(query, return_index=True, return_counts=True)
        if not valid.size:
            return
        hits = 1 + np.arange(len(rank)) - np.repeat(start, relevant)
        self.average_precision[valid] = np.add.reduceat(hits / rank, start) / relevant
        self.inverse_negative_penalty[valid] = relevant / rank[start + relevant - 1]
        self.first_rank[valid] = rank[start]
        first = rank[start] == 1
        self.nearest[valid[first]] = image[start[first]]

    def scores(self) -> Scores:
        columns = (self.average_precision, self.inverse_negative_penalty, self.first_rank, self.nearest)
        return _summed_up(self.gallery, *columns)


def mean_precision(scores: Iterable[Scores]) -> float:
    """The mean of the mAP under several rules, of those that leave a valid query; NaN where none does."""
    known = [under_one.mean_ap for under_one in scores if under_one.valid]
    return float(np.mean(known)) if known else float("nan")


def joined(parts: Sequence[Scores]) -> Scores:
    """The scores of some queries after those of others, against the same gallery. Not for means of draws."""
    columns = ("average_precision", "inverse_negative_penalty", "first_rank", "nearest")
    gallery = len(parts[0].cmc)
    return _summed_up(gallery, *(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def _summed_up(
    gallery: int,
    average_precision: NDArray[np.float64],
    inverse_negative_penalty: NDArray[np.float64],
    first_rank: Ids,
    nearest: Ids,
) -> Scores:
    found = first_rank > 0
    valid = int(found.sum())
    hits = np.bincount(first_rank[found] - 1, minlength=gallery)
    return Scores(
        cmc=np.cumsum(hits) / valid if valid else np.full(gallery, np.nan),
        mean_ap=float(average_precision[found].mean()) if valid else float("nan"),
        mean_inp=float(inverse_negative_penalty[found].mean()) if valid else float("nan"),
        valid=valid,
        skipped=len(found) - valid,
        average_precision=average_precision,
        inverse_negative_penalty=inverse_negative_penalty,
        first_rank=first_rank,
        nearest=nearest,
    )
