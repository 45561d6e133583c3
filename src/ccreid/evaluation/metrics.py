"""CMC, mAP and mINP of a query set against a gallery, under any number of ignore rules at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ccreid.errors import DataError, SettingError
from ccreid.machine.arguments import as_count
from ccreid.ops.ranking import NOBODY, Floats, Standings, kept_ranks, runs, standings
from ccreid.ops.similarity import comparable_vectors
from ccreid.ops.standing import standings_of
from ccreid.vocabulary import Columns, Ids, Ignore, ignored

QUERIES_AT_ONCE, SIMILARITIES_AT_ONCE = 512, 2**24
"""How many of known similarities are scored at once, at most: the work on each lot begins with calls that cost the
same for a few as for many."""


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
    hit_share:
        (Q,) float64 for the mean of draws: the share of a query's draws in which a relevant image stands first. None
        for a single list.
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
    hit_share: NDArray[np.float64] | None = None

    @property
    def rank1(self) -> NDArray[np.float64]:
        """(Q,) whether a relevant image stands first, 1 or 0, or how often over draws; NaN for a skipped query."""
        found = self.first_rank > 0
        hits = self.first_rank == 1 if self.hit_share is None else self.hit_share
        return np.where(found, hits, np.nan)

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
    own = _OwnImages(query, gallery)
    return _score_standings(standings_of(queries, galleries, own.of, own.pairs), query, gallery, rules)


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
    own = _OwnImages(query, gallery)
    blocks = _checked(similarities, len(query), len(gallery))
    return _score_standings(_standings_in(blocks, own), query, gallery, rules)


def _checked(similarities: Iterable[ArrayLike], queries: int, gallery: int) -> Iterator[Floats]:
    """(B, G) floating point at a time."""
    rows = 0
    held: list[Floats] = []
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
        held.append(similarity.astype(np.result_type(similarity, np.float32)))  # a copy: the next row may overwrite it
        if len(held) == QUERIES_AT_ONCE or len(held) * gallery >= SIMILARITIES_AT_ONCE:
            yield np.stack(held)
            held = []
    if rows < queries:
        raise DataError(f"{rows} rows of similarities were given for {queries} queries.", "Give one a query.")
    if held:
        yield np.stack(held)


def _standings_in(blocks: Iterable[Floats], own: _OwnImages) -> Iterator[Standings]:
    start = 0
    for block in blocks:
        yield standings(block, *own.of(start, start + len(block)))
        start += len(block)


def _score_standings(
    some: Iterable[Standings], query: Columns, gallery: Columns, rules: Sequence[Ignore]
) -> tuple[Scores, ...]:
    """Score where the own images of some queries at a time stand, the queries in order."""
    if odd := [rule for rule in rules if not isinstance(rule, Ignore)]:
        raise SettingError(f"{odd[0]!r} is no rule of what to ignore.", "Give a ccreid.Ignore, such as Ignore.NOTHING.")
    tallies = [_Tally(len(query), len(gallery)) for _ in rules]
    start = 0
    for found in some:
        stop = start + len(found.nearest_other)
        row, candidates = found.query + start, gallery.select(found.image)
        for rule, tally in zip(rules, tallies, strict=True):
            out = ignored(rule, query, row, candidates)
            tally.nearest[start:stop] = found.nearest_other
            tally.add(*kept_ranks(row, found.place, out), found.image[~out])
        start = stop
    return tuple(tally.scores() for tally in tallies)


class _OwnImages:
    """The gallery images of each query's own person."""

    def __init__(self, query: Columns, gallery: Columns) -> None:
        wanted = np.flatnonzero(np.isin(gallery.person, query.person))  # fewer to sort in a large gallery
        self.by_person = wanted[np.argsort(gallery.person[wanted], kind="stable")]
        people = gallery.person[self.by_person]
        self.starts, stops = (np.searchsorted(people, query.person, side) for side in ("left", "right"))
        self.counts = stops - self.starts
        self.pairs = int(self.counts.sum())

    def of(self, start: int, stop: int) -> tuple[Ids, Ids]:
        """Of some queries, (P,) counted from `start`, (P,) gallery indices; in ascending order of both."""
        counts = self.counts[start:stop]
        before = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(self.starts[start:stop] - before, counts)
        return np.repeat(np.arange(stop - start), counts), self.by_person[places]


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
        start, relevant = runs(query)
        valid = query[start]
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
