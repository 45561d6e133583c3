"""Columns that a test knows to be there."""

from __future__ import annotations

from ccreid.vocabulary import Ids


def annotated(column: Ids | None) -> Ids:
    """A column of a data set that annotates it."""
    assert column is not None, "the data set does not annotate this column"
    return column
