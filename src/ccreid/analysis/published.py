"""Numbers that others have published, to stand beside ours as theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

RESULTS = Path(__file__).with_name("published.yaml")

KINDS = MappingProxyType(
    {
        "paper": "its authors",
        "re-run": "independent re-runs of the authors' code",
        "others": "others",
    }
)
"""Who has measured, by the word that the file uses."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Published:
    """One published result under one protocol.

    Attributes
    ----------
    method:
        Name of the method, with its backbone where that is no ResNet-50.
    kind:
        Who has measured: a key of `KINDS`.
    rank1, rank5, map:
        In percent, lowest and highest figure reported (often the same); None where not reported.
    source:
        Where it stands.
    uses:
        What the method is given beside images and identities, or "".
    note:
        What a reader must know before comparing, or "".
    """

    method: str
    kind: str
    rank1: Range | None
    rank5: Range | None
    map: Range | None
    source: str
    uses: str = ""
    note: str = ""

    @property
    def by(self) -> str:
        """Who has measured, in words."""
        return KINDS[self.kind]

    def values(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"by": self.by}


def published_for(benchmark_name: str, protocol_name: str) -> tuple[Published, ...]:
    """What is published for a data set under a protocol: ours to print, not to claim; () where nothing is known."""
    return tuple(
        _published(entry) for entry in _results().get(benchmark_name, []) if protocol_name in entry["protocols"]
    )


@cache
def _results() -> Mapping[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = yaml.safe_load(RESULTS.read_text(encoding="utf-8"))
    return loaded


def _published(entry: Mapping[str, Any]) -> Published:
    return Published(
        method=entry["method"],
        kind=entry["kind"],
        rank1=_range(entry.get("rank1")),
        rank5=_range(entry.get("rank5")),
        map=_range(entry.get("map")),
        source=entry["source"],
        uses=entry.get("uses", ""),
        note=entry.get("note", ""),
    )


def _range(value: float | list[float] | None) -> Range | None:
    if value is None:
        return None
    low, high = value if isinstance(value, list) else (value, value)
    return float(low), float(high)
