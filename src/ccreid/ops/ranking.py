"""Where chosen gallery images of a query stand, without ranking the others.

A place needs no ranked gallery: it is the number of images that are nearer. Only the images of the query's own
person can be relevant or ignored, so only theirs are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby, pairwise, repeat
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOBODY = -1
"""Stands for an image where there is none."""

PIECE = 2**17
"""Similarities that are sorted at once: they stay in the cache of the core that sorts them."""
SHARES_A_THREAD = 4
"""Into how many shares a thread's part of the queries is cut, so that no thread waits long for another."""
MOST_ROWS = 2**15
"""Of a share: their numbers fit 16 bits, which NumPy sorts fastest."""


class Standings(NamedTuple):
    """Where the chosen images of some queries stand.

    Attributes
    ----------
    query, image, place:
        (P,) int64 each, in ascending order of query, then place: whose an image is, its gallery index, and how many
        gallery images stand before it in the order (similarity descending, gallery index).
    nearest_other:
        (B,) int64, by query, the gallery index of the nearest image that is not chosen, the first of equal ones;
        `NOBODY` where every image is.
    """

    query: Ids
    image: Ids
    place: Ids
    nearest_other: Ids


def standings(similarity: Floats, query: Ids, image: Ids) -> Standings:
    """Find where chosen images stand, on as many threads as torch computes with.

    Parameters
    ----------
    similarity:
        (B, G) floating point of B queries to the gallery; large is near, none is NaN. It is only read.
    query, image:
        (P,) int64 each, the chosen images: row of `similarity` and gallery index, in ascending order of query, then
        image, none twice.
    """
    return standings_over([similarity], similarity[query, image], query, image, *similarity.shape)


def standings_over(
    parts: Iterable[Floats], level: Floats, query: Ids, image: Ids, queries: int, columns: int
) -> Standings:
    """:func:`standings` from the gallery's columns in order, some at a time, so that no row is held whole.

    Parameters
    ----------
    parts:
        (B, C) similarities of all queries to the next of the gallery; each may lie where the one before lay.
    level:
        (P,) similarities of the chosen images.
    query, image:
        As in :func:`standings`.
    queries, columns:
        B, and how many columns a part has, but for the last one.
    """
    threads = torch.get_num_threads()
    rows = min(max(-(-queries // (threads * SHARES_A_THREAD)), PIECE // columns, 1), MOST_ROWS)
    tops = range(0, queries, rows)
    cuts = np.searchsorted(query, [*tops, queries])
    shares = [
        _Share(min(rows, queries - top), level[start:stop], query[start:stop] - top, image[start:stop])
        for top, (start, stop) in zip(tops, pairwise(cuts), strict=True)
    ]
    with ThreadPoolExecutor(threads) as pool:  # NumPy sorts without holding the interpreter
        over = pool.map if min(threads, len(shares)) > 1 else map
        left = 0
        for part in parts:
            for _ in over(_Share.add, shares, [part[top : top + rows] for top in tops], repeat(left)):
                pass
            left += part.shape[1]
    found = [share.standings() for share in shares]
    counted_through = [part._replace(query=part.query + top) for part, top in zip(found, tops, strict=True)]
    return Standings(*(np.concatenate(column) for column in zip(*counted_through, strict=True)))


class _Share:
    """Some of the queries, which one thread at a time works on.

    Chosen images are taken out of the columns and strangers counted, how many are nearer than each chosen image. What
    lies below the lowest chosen image of its query is nearer than none: it is all made equal, and the sort has the
    less to do.
    """

    def __init__(self, queries: int, level: Floats, query: Ids, image: Ids) -> None:
        order = np.lexsort((-level, query.astype(np.int16)))  # stable: equal ones stay in the order of the gallery
        self.query, self.image, self.level = query, image[order], level[order]
        self.starts = np.searchsorted(query, np.arange(queries + 1))
        self.below = np.full(queries, np.inf, dtype=level.dtype)
        chosen = np.diff(self.starts) > 0
        with np.errstate(over="ignore"):  # below the least number lies infinity
            self.below[chosen] = np.nextafter(self.level[self.starts[1:][chosen] - 1], -np.inf, dtype=level.dtype)
        self.before = np.zeros(len(query), dtype=np.int64)
        self.nearest = np.full(queries, NOBODY)
        self.highest = np.full(queries, -np.inf, dtype=level.dtype)

    def add(self, similarity: Floats, left: int) -> None:
        """Count in the columns that begin with the gallery's image `left`."""
        for rows, columns, held in _pieces(similarity):
            self._add(similarity[rows, columns], rows, left + columns.start, held)

    def standings(self) -> Standings:
        """What was found, when all columns were counted in; queries count from 0."""
        place = self.before + np.arange(len(self.query)) - self.starts[self.query]
        return Standings(self.query, self.image, place, self.nearest)

    def _add(self, similarity: Floats, rows: slice, left: int, held: Floats) -> None:
        own = slice(self.starts[rows.start], self.starts[rows.stop])
        bounds = self.starts[rows.start : rows.stop + 1] - own.start
        level, place, below = self.level[own], self.image[own] - left, self.below[rows]
        whose = np.repeat(np.arange(len(held)), np.diff(bounds))
        here = (place >= 0) & (place < held.shape[1])
        np.maximum(similarity, below[:, None], out=held)
        held[whose[here], place[here]] = below[whose[here]]
        self._note_nearest(similarity, rows, left, held)
        held.sort(axis=1)
        upto = np.concatenate(
            [
                line.searchsorted(level[start:stop], "right")
                for line, (start, stop) in zip(held, pairwise(bounds), strict=True)
            ]
        )
        self.before[own] += held.shape[1] - upto
        tied = np.flatnonzero(held[whose, upto - 1] == level)
        for row, pairs in groupby(tied, key=whose.__getitem__):
            mine = slice(bounds[row], bounds[row + 1])
            self.before[own][mine] += _equal_before(
                similarity[row], place[mine], level[mine], [pair - bounds[row] for pair in pairs]
            )

    def _note_nearest(self, similarity: Floats, rows: slice, left: int, held: Floats) -> None:
        first = held.argmax(axis=1)
        found = held[np.arange(len(held)), first]
        nearest, highest, below = self.nearest[rows], self.highest[rows], self.below[rows]
        for row in np.flatnonzero((found == below) & (highest <= below)):  # where all strangers were made equal
            own = self.image[self.starts[rows.start + row] : self.starts[rows.start + row + 1]] - left
            first[row] = _nearest_other(similarity[row], own[(own >= 0) & (own < len(similarity[row]))])
            found[row] = similarity[row, first[row]]
        better = (first != NOBODY) & ((found > highest) | (nearest == NOBODY))
        nearest[better], highest[better] = left + first[better], found[better]


def _pieces(similarity: Floats) -> Iterator[tuple[slice, slice, Floats]]:
    """Rows and columns of about `PIECE` similarities at a time, with memory for them that is used again."""
    count, gallery = similarity.shape
    rows, columns = max(1, PIECE // gallery), min(gallery, PIECE)
    held = np.empty((rows, columns), dtype=similarity.dtype)
    for top in range(0, count, rows):
        bottom = min(top + rows, count)
        for left in range(0, gallery, columns):
            right = min(left + columns, gallery)
            yield slice(top, bottom), slice(left, right), held[: bottom - top, : right - left]


def _equal_before(similarity: Floats, own: Ids, level: Floats, tied: Sequence[int]) -> Ids:
    """(M,) how many that are not `own` have the level of each of these and a lower index; 0 but for the `tied` ones."""
    values = [(value, list(pairs)) for value, pairs in groupby(tied, key=level.__getitem__)]
    alike = np.zeros(len(similarity), dtype=np.bool_)
    for value, _ in values:
        alike |= similarity == value
    alike[own[(own >= 0) & (own < len(alike))]] = False
    strangers = np.flatnonzero(alike)
    before, theirs = np.zeros(len(own), dtype=np.int64), similarity[strangers]
    for value, pairs in values:
        before[pairs] = strangers[theirs == value].searchsorted(own[pairs])
    return before


def _nearest_other(similarity: Floats, own: Ids) -> int:
    """The first of the nearest images that are not `own`; `NOBODY` without one."""
    if len(own) == len(similarity):
        return NOBODY
    others = similarity.copy()
    others[own] = -np.inf
    first = int(others.argmax())
    return first if others[first] > -np.inf else int(np.delete(np.arange(len(others)), own)[0])


def kept_ranks(query: Ids, place: Ids, ignored: Mask) -> tuple[Ids, Ids]:
    """Ranks of the relevant images among the kept ones, of many queries at once.

    Parameters
    ----------
    query, place:
        (P,) which query each image of a query's own person belongs to, and how many gallery images stand before it;
        in the order of :class:`Standings`.
    ignored:
        (P,) which of them the rule takes out.

    Returns
    -------
    query, rank:
        (R,) int64 each, of the images that are left: whose they are, and their 1-based rank. In the same order.
    """
    out = np.cumsum(ignored)
    first, count = runs(query)
    started = np.repeat(first, count)  # where each one's query begins
    out_before = out - out[started] + ignored[started]
    kept = ~ignored
    return query[kept], (1 + place - out_before)[kept]


def runs(values: Ids) -> tuple[Ids, Ids]:
    """Where the runs of equal values begin in (P,) ascending ones, and how long they are."""
    first = np.flatnonzero(np.diff(values, prepend=values[:1] - 1))
    return first, np.diff(first, append=len(values))
