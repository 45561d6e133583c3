"""Whether rows are gone from a table of LanceDB, from its old versions and from every file beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ccreid.retrieval.stores.rows import dimension_of
from ccreid.retrieval.stores.store import VECTOR, Erasure
from ccreid.retrieval.stores.traces import search_files

Matrix = NDArray[np.float32]

_TRIED_ROWS = 8
"""Rows on which the byte search is tried before it is believed."""


class Search:
    """Looks for the vectors of rows in the files of a store: made before they are erased, asked afterwards.

    Parameters
    ----------
    folder:
        Of the store.
    table:
        As LanceDB opened it, the rows still in it.
    condition:
        That of having one of the ids.
    vectors:
        (N, D) which the caller knows of; those that the table holds are looked for anyway.
    """

    def __init__(self, folder: Path, table: Any, condition: str, vectors: Matrix | None) -> None:
        self._folder = folder
        self._condition = condition
        self._dimension = dimension_of(table.schema)
        if self._dimension is None:
            return
        held = self._matrix(table.search().where(condition).select([VECTOR]).to_arrow())
        known = np.zeros((0, self._dimension), np.float32) if vectors is None else np.asarray(vectors, np.float32)
        self._sought = np.concatenate([held, known])
        some = self._matrix(table.search().select([VECTOR]).limit(_TRIED_ROWS).to_arrow())
        tried = np.concatenate([held[:_TRIED_ROWS], some])
        # Files that are packed in some way would hide every vector: a search that finds none there proves nothing.
        self._proves = len(tried) > 0 and bool(search_files(folder, tried).found.all())

    def answer(self, version: Callable[[int | None], Any], unfinished: Sequence[str]) -> Erasure:
        """What is left of the rows.

        Parameters
        ----------
        version:
            Opens the table at a version, or as it stands.
        unfinished:
            What could not be done to erase them, a sentence each.
        """
        now = version(None)
        old = [told["version"] for told in now.list_versions() if told["version"] != now.version]
        live = int(now.count_rows(self._condition))
        in_old = sum(int(version(number).count_rows(self._condition)) for number in old)
        remarks = list(unfinished)
        files = holding = None
        if self._dimension is not None:
            traces = search_files(self._folder, self._sought)
            files, holding = traces.files, len(traces.holding)
            if not self._proves:
                remarks.append("The search for bytes could not be tried on a row that was there, so it proves nothing.")
            if traces.holding:
                places = ", ".join(str(path.relative_to(self._folder)) for path in traces.holding[:3])
                remarks.append(f"A vector is found in {places}: perhaps that of another row, from the same picture.")
        return Erasure(live, in_old, files, holding, not (live or in_old or remarks), tuple(remarks))

    def _matrix(self, rows: pa.Table) -> Matrix:
        numbers = rows[VECTOR].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(numbers, np.float32).reshape(rows.num_rows, self._dimension or 0)
