"""Exact search among vectors in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ccreid.vocabulary import Ids

Matrix = NDArray[np.float32]
Mask = NDArray[np.bool_]

_QUERIES = 256
"""So many queries at once, at most."""
_SCORES = 1 << 21
_ROWS = 1 << 14
"""So many similarities are made at once, but those of so many rows in any case: short products waste the processor."""
_READ, _GATHERED = 8, 40
"""To read a row in place, or to gather it from among others, takes as long as its product with so many queries."""
_MANY = 4
"""Where so many times the rows asked for could be among the nearest, the others of a block are left behind first."""


def nearest(queries: Matrix, vectors: Matrix, count: int, allowed: Mask | None = None) -> tuple[Ids, Matrix]:
    """The rows whose vectors are nearest to each query by cosine, nearest first, of equally near ones the first.

    Memory beside the arguments is bounded, however many rows and queries there are.

    Parameters
    ----------
    queries:
        (Q, D) float32 of unit length.
    vectors:
        (N, D) float32 of unit length.
    count:
        How many rows for each query.
    allowed:
        (N,) bool, the rows that take part; all where it is None.

    Returns
    -------
    rows, similarities:
        (Q, k) int64 and (Q, k) float32, where k is `count` or, where fewer take part, their number.
    """
    taking_part = len(vectors) if allowed is None else int(np.count_nonzero(allowed))
    count = max(0, min(count, taking_part))
    rows = np.empty((len(queries), count), np.int64)
    similarities = np.empty((len(queries), count), np.float32)
    for start in range(0, len(queries) if count else 0, _QUERIES):
        some = slice(start, start + _QUERIES)
        best = _Best(queries[some], count)
        for numbers, block, mask in _blocks(vectors, allowed, len(queries[some])):
            best.see(numbers, block, mask)
        rows[some], similarities[some] = best.rows, best.similarities
    return rows, similarities


def _blocks(vectors: Matrix, allowed: Mask | None, queries: int) -> Iterator[tuple[Ids, Matrix, Mask | None]]:
    """Row numbers, vectors and mask of one part of the rows after the other."""
    size = max(_ROWS, _SCORES // queries)
    everything = np.arange(len(vectors))
    if allowed is not None:
        taking_part = np.flatnonzero(allowed)
        if len(taking_part) * (_GATHERED + queries) < len(vectors) * (_READ + queries):
            everything, allowed = taking_part, None  # the others stay out of the product, not only out of its result
    for start in range(0, len(everything), size):
        numbers = everything[start : start + size]
        together = numbers[-1] - numbers[0] + 1 == len(numbers)
        block = vectors[numbers[0] : numbers[-1] + 1] if together else vectors[numbers]
        yield numbers, block, None if allowed is None else allowed[numbers]


class _Best:
    """The nearest rows that each of some queries has met so far."""

    def __init__(self, queries: Matrix, count: int) -> None:
        self._queries = queries
        self._count = count
        self.rows = np.full((len(queries), count), np.iinfo(np.int64).max)
        self.similarities = np.full((len(queries), count), -np.inf, np.float32)

    def see(self, numbers: Ids, vectors: Matrix, mask: Mask | None) -> None:
        """Meet further rows, all of a higher number than those before."""
        scores = self._queries @ vectors.T
        if mask is not None:
            scores += np.where(mask, np.float32(0), np.float32(-np.inf))
        # Hardly any row of a later block comes near enough, so that one comparison is most of the work.
        near = scores > self.similarities[:, -1:]
        if np.count_nonzero(near) > _MANY * self.rows.size and scores.shape[1] > self._count:
            least = np.partition(scores, -self._count, axis=1)[:, -self._count]
            near &= scores >= least[:, None]
        query, place = np.divmod(np.flatnonzero(near), scores.shape[1])
        if not len(query):
            return
        owner = np.concatenate([np.repeat(np.arange(len(self.rows)), self._count), query])
        rows = np.concatenate([self.rows.ravel(), numbers[place]])
        similarities = np.concatenate([self.similarities.ravel(), scores[query, place]])
        order = np.lexsort((rows, -similarities, owner))
        first = np.searchsorted(owner[order], np.arange(len(self.rows)))
        kept = order[first[:, None] + np.arange(self._count)]
        self.rows, self.similarities = rows[kept], similarities[kept]
