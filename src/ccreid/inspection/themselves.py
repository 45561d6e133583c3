"""Queries that find themselves: the same picture is a right answer in the gallery."""

from __future__ import annotations

import hashlib
from functools import cache
from operator import itemgetter
from pathlib import Path

from ccreid.data.decode import content_of, status_of
from ccreid.vocabulary import Benchmark, right_answers


def self_found_queries(benchmark: Benchmark) -> tuple[str, ...]:
    """A sentence for each protocol under which queries have their own bytes among their right answers.

    Only files of the same person and size are read, so that this costs next to nothing where there are no copies.

    Raises
    ------
    ImageError
        A file cannot be read.
    """
    size = cache(lambda path: status_of(path).st_size)
    content = cache(lambda path: hashlib.sha256(content_of(path)).digest())

    def same(one: Path, other: Path) -> bool:
        return size(one) == size(other) and (one == other or content(one) == content(other))

    told = []
    for protocol in benchmark.protocols:
        query, gallery = benchmark.subset(protocol.query), benchmark.subset(protocol.gallery)
        in_order = sorted(right_answers(protocol.ignore, query, gallery), key=itemgetter(0))
        found = [
            (row, place)
            for row, places in in_order
            for place in [next((p for p in places.tolist() if same(query.path(row), gallery.path(p))), None)]
            if place is not None
        ]
        if found:
            row, place = found[0]
            example = f"{query.files[row]} = {gallery.files[place]}"
            told.append(
                f"{protocol.name}: {len(found):,} of {len(query):,} queries find themselves: the same picture, byte "
                f"for byte, is a right answer in {protocol.gallery}, for example {example}. Any model finds those: "
                "take them out of one of the two."
            )
    return tuple(told)
