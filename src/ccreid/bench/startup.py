"""What `ccreid --help` costs before it says a word."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from statistics import median

from ccreid.bench.measure import ROUNDS, Measured

HELP = [sys.executable, "-m", "ccreid", "--help"]


def measure(*, quick: bool) -> Iterator[Measured]:
    """Processor time of the command in a process of its own, user and system."""
    seconds = [_processor_seconds() for _ in range(1 if quick else ROUNDS)]
    yield Measured("ccreid --help, processor time", median(seconds), "s", None if quick else 0.3)


def _processor_seconds() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(HELP, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
