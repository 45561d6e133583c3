"""The nearest crops by an approximate index, where a gallery is too large to be read whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ccreid.errors import SettingError
from ccreid.retrieval.calibration.answers import FoundCrop
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.gallery.kept import Kept
from ccreid.retrieval.gallery.search import Question, found_crops
from ccreid.retrieval.gallery.settings import Index
from ccreid.retrieval.gallery.snapshot import columns_of, names_of, seen_crops
from ccreid.retrieval.gallery.tables import vectors_table
from ccreid.retrieval.gallery.where import rows_where
from ccreid.retrieval.stores.recall import index_recall
from ccreid.retrieval.stores.store import ID
from ccreid.vocabulary import Ids

_MORE = 4
"""So many times as many crops are asked for where too few of those found may be shown."""

_SEED = 0
"""Of the crops that an index is measured with: the same whenever it is built over the same crops."""


def build_index(gallery: Kept) -> Index:
    """Build the index of a gallery's embeddings, or build it anew, and measure what it finds against an exact search.

    Raises SettingError where the gallery is empty.
    """
    with gallery.writing():
        made_with = gallery.settings.made_with
        table = None if made_with is None else vectors_table(made_with)
        if table is None or not (crops := gallery.store.count(table)):
            raise SettingError(f"{gallery.store.uri} is empty: there is nothing to index.", "Add crops first.")
        gallery.change_settings(index=None)  # so that nobody trusts what an older one was measured to find
        gallery.store.build_index(table)
        found = index_recall(gallery.store, table, np.random.default_rng(_SEED))
        index = Index(crops=crops, recall=found.share, count=found.count, queries=found.queries, at=gallery.at)
        gallery.change_settings(index=index)
    return index


def drop_index(gallery: Kept) -> None:
    """Take a gallery's index away; there may be none."""
    with gallery.writing():
        made_with = gallery.settings.made_with
        gallery.change_settings(index=None)
        if made_with is not None:
            gallery.store.drop_index(vectors_table(made_with))


def nearest_crops(gallery: Kept, queries: CropFile, question: Question) -> list[list[FoundCrop]]:
    """The crops nearest to each of Q as far as the index finds them; otherwise as an exact search of crops.

    The embeddings stay where they are. Crops that may not be shown (removed, hidden, against the condition) are never
    among the answers; so many more are asked for that the answers are full all the same.

    Raises SettingError where the gallery has no index, or the condition is none.
    """
    made_with = gallery.settings.made_with
    if made_with is None or gallery.settings.index is None:
        raise SettingError(f"{gallery.store.uri} has no approximate index.", "Build one: ccreid gallery index")
    table = vectors_table(made_with)
    tables = gallery.tables()
    crops = seen_crops(tables)
    if question.where is not None:
        crops = crops.filter(pa.array(rows_where(question.where, columns_of(crops, tables.outfits))))
    shown = crops[ID].combine_chunks()
    enough, all_of_them = min(question.count, len(shown)), gallery.store.count(table)
    if not enough:
        return [[] for _ in range(len(queries))]
    asked = enough
    while True:
        found, similarities = gallery.store.search(table, queries.vectors, asked)
        places = _places(found, shown)
        if asked >= all_of_them or all((place >= 0).sum() >= enough for place in places):
            break
        asked = min(asked * _MORE, all_of_them)
    names = names_of(tables.people)
    answers = []
    for place, values in zip(places, similarities, strict=True):
        kept = np.flatnonzero(place >= 0)[:enough]
        columns = columns_of(crops.take(pa.array(place[kept])), tables.outfits)
        answers.append(found_crops(columns, values[kept], names))
    return answers


def _places(found: Sequence[Sequence[str]], shown: pa.Array) -> list[Ids]:
    """Where each of the ids that were found stands among those shown; -1 where it does not."""
    every = pa.array([name for ids in found for name in ids], pa.string())
    place: Ids = np.asarray(pc.fill_null(pc.index_in(every, value_set=shown), -1)).astype(np.int64)
    return np.split(place, np.cumsum([len(ids) for ids in found])[:-1])
