"""Where chosen images stand in the products of queries and gallery, which are never held all at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

from torch import Tensor

from ccreid.ops.ranking import Floats, Ids, Standings, standings, standings_over
from ccreid.ops.similarity import TILE_ROWS, similarities_of, similarity_blocks, similarity_parts

logger = logging.getLogger(__name__)

QUERIES_AT_ONCE, COLUMNS = 512, 2**14
"""Of a part of the product. It takes 32 MB: large caches still hold it when it is counted, and fewer queries would make
the product slower."""
LOOKED_UP = 1 / 64
"""Of the product: the most that is computed twice to know the chosen images' similarities beforehand."""


def standings_of(
    queries: Tensor, galleries: Tensor, chosen: Callable[[int, int], tuple[Ids, Ids]], pairs: int
) -> Iterator[Standings]:
    """Standings of some queries at a time, in order.

    In a large gallery the chosen images' similarities are computed first. Then the product is made and counted in parts
    of the gallery, instead of whole rows that would go to memory and come back.

    Parameters
    ----------
    queries, galleries:
        What :func:`ccreid.ops.similarity.comparable_vectors` gave.
    chosen:
        Gives the chosen images of the queries from a first to before a last one, counted from the first, as
        :func:`ccreid.ops.ranking.standings` takes them.
    pairs:
        How many are chosen for all queries together.
    """
    looked_up = pairs * TILE_ROWS / (len(queries) * len(galleries))
    in_parts = len(galleries) > COLUMNS and looked_up <= LOOKED_UP
    start = 0
    for some in queries.split(QUERIES_AT_ONCE) if in_parts else [queries]:
        if in_parts:
            try:
                yield _in_parts(some, galleries, *chosen(start, start + len(some)))
                start += len(some)
                continue
            except _OtherRoundingError:
                logger.info("Products of parts are rounded otherwise on this processor: rows are computed whole.")
        for block in similarity_blocks(some, galleries):
            yield standings(block, *chosen(start, start + len(block)))
            start += len(block)


class _OtherRoundingError(Exception):
    """A similarity has other bits among others than when it was computed first."""


def _in_parts(queries: Tensor, galleries: Tensor, query: Ids, image: Ids) -> Standings:
    level = similarities_of(queries, galleries, query, image)
    parts = _compared(similarity_parts(queries, galleries, COLUMNS), level, query, image)
    return standings_over(parts, level, query, image, len(queries), COLUMNS)


def _compared(parts: Iterable[Floats], level: Floats, query: Ids, image: Ids) -> Iterator[Floats]:
    """The parts, as long as the chosen images have their `level` in them to the bit: ties hang on it."""
    left = 0
    for part in parts:
        place = image - left
        here = (place >= 0) & (place < part.shape[1])
        if (part[query[here], place[here]] != level[here]).any():
            raise _OtherRoundingError
        yield part
        left += part.shape[1]
