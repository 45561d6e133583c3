"""How much an approximate index finds of what an exact search finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccreid.retrieval.stores.exact import nearest
from ccreid.retrieval.stores.store import ID, Store
from ccreid.retrieval.stores.table_copy import TableCopy

_ROUNDING = 1e-5
"""Similarities that differ by less are equally near: another order of summing may swap them."""


@dataclass(frozen=True)
class Recall:
    """How much of what is nearest an index finds.

    Attributes
    ----------
    share:
        Of the rows found, those that are as near as the exact search's; 1 where there is nothing to find.
    count:
        How many rows each query asked for.
    queries:
        How many rows of the table were asked for their neighbours.
    """

    share: float
    count: int
    queries: int


def index_recall(
    store: Store, table: str, draws: np.random.Generator, *, count: int = 10, queries: int = 200
) -> Recall:
    """Ask for the neighbours of rows drawn at random, by the table's index and exactly.

    A row's own place among its neighbours is left out: every index finds that one.

    Parameters
    ----------
    store, table:
        A table with vectors; an exact one finds all.
    draws:
        Which rows.
    count:
        How many neighbours of each.
    queries:
        How many rows, at most.

    Raises
    ------
    DataError
        The table has no vectors.
    ArtefactError
        It is not there.
    """
    copied = TableCopy(store, table).current()
    drawn = draws.choice(len(copied.vectors), min(queries, len(copied.vectors)), replace=False)
    asked = copied.vectors[drawn]
    rows, similarities = nearest(asked, copied.vectors, count + 1)
    names = copied.rows[ID].to_pylist()
    found, near = store.search(table, asked, count + 1)
    right = wanted = 0
    for place, row in enumerate(drawn):
        others = similarities[place][rows[place] != row][:count]
        wanted += len(others)
        hits = [value for name, value in zip(found[place], near[place], strict=True) if name != names[row]]
        right += sum(value >= others[-1] - _ROUNDING for value in hits[: len(others)]) if len(others) else 0
    return Recall(right / wanted if wanted else 1.0, count, len(drawn))
