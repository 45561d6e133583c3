"""Where chosen gallery images of a query stand, without ranking the others.

A place needs no ranked gallery: it is the number of images that are nearer. Only the images of the query's own
person can be relevant or ignored, so only theirs are found.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]

NOBODY = -1
"""Stands for an image where there is none."""

PIECE = 2**16
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
    count, gallery = similarity.shape
    threads = torch.get_num_threads()
    rows = min(max(-(-count // (threads * SHARES_A_THREAD)), PIECE // gallery, 1), MOST_ROWS)
    tops = np.arange(0, count, rows)
    cuts = np.searchsorted(query, np.append(tops, count))
    shares = [
        (similarity[top : top + rows], query[start:stop] - top, image[start:stop])
        for top, (start, stop) in zip(tops, pairwise(cuts), strict=True)
    ]
    if min(threads, len(shares)) == 1:
        found = [_standings(*share) for share in shares]
    else:
        with ThreadPoolExecutor(threads) as pool:  # NumPy sorts without holding the interpreter
            found = list(pool.map(_standings, *zip(*shares, strict=True)))
    counted_from_0 = [part._replace(query=part.query + top) for part, top in zip(found, tops, strict=True)]
    return Standings(*(np.concatenate(column) for column in zip(*counted_from_0, strict=True)))


def _standings(similarity: Floats, query: Ids, image: Ids) -> Standings:
    """:func:`standings` on this thread."""
    level = similarity[query, image]
    order = np.lexsort((-level, query.astype(np.int16)))  # stable: equal ones stay in the order of the gallery
    image, level = image[order], level[order]  # and `query` is as it was
    starts = np.searchsorted(query, np.arange(len(similarity) + 1))
    nearer, tied, nearest = _strangers(similarity, image, level, starts)
    for pair in np.flatnonzero(tied):
        row = query[pair]
        equal = np.flatnonzero(similarity[row, : image[pair]] == level[pair])
        nearer[pair] += np.isin(equal, image[starts[row] : starts[row + 1]], invert=True).sum()
    for row in np.flatnonzero(nearest == NOBODY):
        nearest[row] = _nearest_other(similarity[row], image[starts[row] : starts[row + 1]])
    return Standings(query, image, nearer + np.arange(len(query)) - starts[query], nearest)


def _strangers(similarity: Floats, image: Ids, level: Floats, starts: Ids) -> tuple[Ids, Mask, Ids]:
    """How the images that are not chosen stand to the chosen ones.

    What lies below the lowest chosen image of its query comes before none: it is all made equal, and the sort has the
    less to do.

    Parameters
    ----------
    similarity:
        (B, G).
    image, level:
        (P,) the chosen images and their similarities, in descending order inside each query.
    starts:
        (B + 1,) where the chosen images of a query start.

    Returns
    -------
    nearer, tied:
        (P,) how many strangers are nearer than each chosen image, and whether one may be as near.
    nearest:
        (B,) the nearest stranger; `NOBODY` where all lie below the chosen images, or nothing is chosen.
    """
    gallery = similarity.shape[1]
    below = np.full(len(similarity), np.inf, dtype=similarity.dtype)
    chosen = np.diff(starts) > 0
    with np.errstate(over="ignore"):  # below the least number lies infinity
        below[chosen] = np.nextafter(level[starts[1:][chosen] - 1], -np.inf, dtype=level.dtype)
    nearer, tied = np.zeros(len(image), dtype=np.int64), np.zeros(len(image), dtype=np.bool_)
    nearest, highest = np.full(len(similarity), NOBODY), below.copy()
    for rows, columns, held in _pieces(similarity):
        own = slice(starts[rows.start], starts[rows.stop])
        bounds = starts[rows.start : rows.stop + 1]
        whose, place = np.repeat(np.arange(len(held)), np.diff(bounds)), image[own] - columns.start
        np.maximum(similarity[rows, columns], below[rows, None], out=held)
        here = slice(None) if held.shape[1] == gallery else (place >= 0) & (place < held.shape[1])
        held[whose[here], place[here]] = below[rows][whose[here]]
        first = held.argmax(axis=1)
        found = held[np.arange(len(held)), first]
        nearest[rows] = np.where(found > highest[rows], columns.start + first, nearest[rows])
        highest[rows] = np.maximum(found, highest[rows])
        held.sort(axis=1)
        cuts = zip(held, pairwise(bounds - own.start), strict=True)
        upto = np.concatenate([line.searchsorted(level[own][start:stop], "right") for line, (start, stop) in cuts])
        nearer[own] += held.shape[1] - upto
        tied[own] |= held[whose, upto - 1] == level[own]
    return nearer, tied, nearest


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
