"""Benchmarks of this package's speed against the machine's limit, on inputs they make themselves."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import MappingProxyType
from typing import cast

from ccreid.bench.measure import Measured
from ccreid.errors import SettingError

BENCHMARKS = MappingProxyType(
    {
        "scoring": "three rules in one pass over the bare matrix product",
        "clustering": "attributes of all identities over the plain per-pair implementation",
        "reranking": "re-ranking over the search of nearest neighbours",
        "grouping": "groups of crops over the search of nearest neighbours",
        "input": "cached pixels over decoding",
        "training": "FIRe²'s share of the training step, mining, and the machine's settings",
        "embedding": "images from disk over the network alone",
        "startup": "processor time of ccreid --help",
        "growth": "how costs grow with gallery, images a person and pool",
        "gallery": "exact search over the bare product, adding, opening",  # last: these need an extra
        "embed": "exported networks over torch",
    }
)
"""What each benchmark measures; the module of the same name measures it."""


def measure(name: str, *, quick: bool) -> Iterator[Measured]:
    """Run one benchmark.

    Parameters
    ----------
    name:
        One of `BENCHMARKS`.
    quick:
        Small sizes and one round: shows that it runs, and judges nothing.

    Raises
    ------
    SettingError
        There is no such benchmark.
    """
    if name not in BENCHMARKS:
        raise SettingError(f"There is no benchmark '{name}'.", f"Known are {', '.join(BENCHMARKS)}.")
    module = importlib.import_module(f"ccreid.bench.{name}")
    return cast(Iterator[Measured], module.measure(quick=quick))
