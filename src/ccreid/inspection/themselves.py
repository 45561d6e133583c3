"""Queries that find themselves: the same picture is a right answer in the gallery."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from ccreid.data.decode import content_of, status_of
from ccreid.vocabulary import Benchmark, Ids, Protocol, Samples, ignored


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
        found = [
            (row, place)
            for row, places in _right_answers(protocol, query, gallery)
            for place in [next((p for p in places if same(query.path(row), gallery.path(p))), None)]
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


def _right_answers(protocol: Protocol, query: Samples, gallery: Samples) -> list[tuple[int, list[int]]]:
    """Each query with the places of the gallery images that count as right for it."""
    answers = []
    for person in np.intersect1d(query.person, gallery.person):
        places: Ids = np.flatnonzero(gallery.person == person)
        candidates = gallery.select(places)
        for row in np.flatnonzero(query.person == person).tolist():
            answers.append((row, places[~ignored(protocol.ignore, query, row, candidates)].tolist()))
    return sorted(answers)
