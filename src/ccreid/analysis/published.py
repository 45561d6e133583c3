"""Numbers that others have published, to stand beside ours as theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, computed_field

from ccreid.records import Record
from ccreid.vocabulary import Benchmark

RESULTS = Path(__file__).with_name("published.yaml")

Kind = Literal["paper", "re-run", "others"]
KINDS: Mapping[Kind, str] = MappingProxyType(
    {
        "paper": "its authors",
        "re-run": "independent re-runs of the authors' code",
        "others": "others",
    }
)
"""Who has measured, by the word that the file uses."""


def _as_range(value: object) -> object:
    if isinstance(value, int | float):
        return float(value), float(value)
    return tuple(value) if isinstance(value, list) else value


Range = Annotated[tuple[float, float], BeforeValidator(_as_range)]
"""Lowest and highest figure; the file gives one number where they are the same."""


class Published(Record):
    """One published result under one protocol.

    Attributes
    ----------
    method:
        Name of the method, with its backbone where that is no ResNet-50.
    kind:
        Who has measured: a key of `KINDS`.
    rank1, rank5, map:
        In percent; None where not reported.
    source:
        Where it stands.
    uses:
        What the method is given beside images and identities, or "".
    note:
        What a reader must know before comparing, or "".
    """

    method: str
    kind: Kind
    rank1: Range | None = None
    rank5: Range | None = None
    map: Range | None = None
    source: str
    uses: str = ""
    note: str = ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def by(self) -> str:
        """Who has measured, in words."""
        return KINDS[self.kind]


def published_for(benchmark_name: str, protocol_name: str) -> tuple[Published, ...]:
    """What is published for a data set under a protocol: ours to print, not to claim; () where nothing is known."""
    return tuple(
        Published.model_validate(entry)
        for entry in _results().get(benchmark_name, [])
        if protocol_name in entry["protocols"]
    )


def published_beside(benchmark: Benchmark) -> tuple[dict[str, tuple[Published, ...]], str]:
    """What may stand beside scores of a benchmark, by protocol, and why the rest does not, in a sentence, or "".

    The images have to be those that others have scored: a set of the same name with other counts is another set.
    """
    known = {protocol.name: published_for(benchmark.name, protocol.name) for protocol in benchmark.protocols}
    if not any(known.values()) or (benchmark.edition and not benchmark.left_out):
        return known, ""
    why = (
        "some images are left out" if benchmark.edition else "its numbers of people and images are of no edition known"
    )
    return {}, f"What others report on {benchmark.name} is not shown, because this is another set: {why}."


@cache
def _results() -> Mapping[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = yaml.safe_load(RESULTS.read_text(encoding="utf-8"))
    return loaded
