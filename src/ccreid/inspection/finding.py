"""What a check says of a data set, and the sides that it compares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np

from ccreid.vocabulary import COLUMN_NAMES, UNKNOWN, Benchmark, Ids, Protocol, Samples

Severity = Literal["error", "warning", "ok"]

MOST_EXAMPLES = 5


@dataclass(frozen=True)
class Finding:
    """The answer to one question that a check asks.

    Attributes
    ----------
    name:
        The question, for scripts: "unreadable-images", ...
    severity:
        "error" spoils every score; "warning" is to be known before one believes them; "ok" is neither.
    count:
        How many images, people, queries, ... it concerns.
    detail:
        What was found and, where that is to be mended, how.
    about:
        The subset, side or protocol in question; empty for the whole set.
    examples:
        The first few files; files that belong together are joined by " = ".
    """

    name: str
    severity: Severity
    count: int
    detail: str
    about: str = ""
    examples: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "examples", tuple(self.examples[:MOST_EXAMPLES]))

    def as_values(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self) | {"examples": list(self.examples)}


@dataclass(frozen=True)
class Side:
    """The subsets that learning, choosing or scoring looks at; different sides should have nothing in common.

    Attributes
    ----------
    name:
        "train" (every subset that no protocol looks at), "validation" or "test".
    subsets:
        By name.
    asked:
        The names of those that are a protocol's query.
    """

    name: str
    subsets: Mapping[str, Samples]
    asked: frozenset[str] = frozenset()

    def pooled(self) -> Samples:
        """All images of the side, each file once; a value that a subset does not annotate is unknown."""
        subsets = self.subsets.values()

        def column(name: str) -> Ids:
            absent = np.full(max(map(len, subsets)), UNKNOWN)
            columns = ((getattr(samples, name), len(samples)) for samples in subsets)
            return np.concatenate([absent[:count] if values is None else values for values, count in columns])

        files = [file for samples in subsets for file in samples.files]
        row_of: dict[str, int] = {}
        for row, file in enumerate(files):
            row_of.setdefault(file, row)
        columns: dict[str, Any] = {name: column(name) for name in COLUMN_NAMES}
        return Samples(**columns, files=tuple(files)).select(list(row_of.values()))


def sides_of(benchmark: Benchmark) -> tuple[Side, ...]:
    """The sides that the benchmark has, train first; a subset is on one side only."""
    test, validation = _scored(benchmark.protocols), _scored(benchmark.validation) - _scored(benchmark.protocols)
    members = {"train": benchmark.subsets.keys() - test - validation, "validation": validation, "test": test}
    asked = frozenset(protocol.query for protocol in benchmark.protocols + benchmark.validation)
    return tuple(
        Side(name, {subset: samples for subset, samples in benchmark.subsets.items() if subset in names}, asked & names)
        for name, names in members.items()
        if names
    )


def pairs_of(sides: Sequence[Side]) -> list[tuple[Side, Side, str, Severity]]:
    """Every two sides, both their names, and how bad it is when they have something in common."""
    return [
        (one, other, f"{one.name}, {other.name}", "error" if one.name == "train" else "warning")
        for one, other in combinations(sides, 2)
    ]


def _scored(protocols: Sequence[Protocol]) -> set[str]:
    return {side for protocol in protocols for side in (protocol.query, protocol.gallery)}
