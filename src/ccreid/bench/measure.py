"""How this package measures its speed: interleaved rounds, ratios within a round, medians over the rounds."""

from __future__ import annotations

import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

ROUNDS = 5
"""Of every timing; a quick benchmark makes one."""


@dataclass(frozen=True)
class Measured:
    """One measured quantity.

    Attributes
    ----------
    what:
        The quantity, with the sizes it was measured at.
    value, unit:
        In the unit; "x" is a ratio of two timings of the same rounds.
    bound, sense:
        What it must reach and whether that is the most or the least it may be; None: it is only reported.
    seconds:
        Medians of the timings that the value was made of, by what was timed.
    note:
        What a reader must know to believe it.
    """

    what: str
    value: float
    unit: str = "x"
    bound: float | None = None
    sense: Literal["at most", "at least"] = "at most"
    seconds: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the bound is reached; None without one."""
        if self.bound is None:
            return None
        return self.value <= self.bound if self.sense == "at most" else self.value >= self.bound

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {**asdict(self), "seconds": dict(self.seconds), "holds": self.holds}


@dataclass(frozen=True)
class Timings:
    """Seconds of each variant in each round."""

    seconds: Mapping[str, tuple[float, ...]]

    def ratio(self, variant: str, over: str) -> float:
        """Median over the rounds of one variant's time over another's in the same round."""
        return median(a / b for a, b in zip(self.seconds[variant], self.seconds[over], strict=True))

    @property
    def medians(self) -> dict[str, float]:
        """By variant, in seconds."""
        return {name: median(values) for name, values in self.seconds.items()}


def rounds(variants: Mapping[str, Callable[[], object]], *, quick: bool) -> Timings:
    """Run every variant once untimed, then all in turn, round after round: what disturbs one disturbs all.

    Parameters
    ----------
    variants:
        What to time, by name.
    quick:
        One round instead of `ROUNDS`.
    """
    for run in variants.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(1 if quick else ROUNDS):
        for name, run in variants.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return Timings({name: tuple(values) for name, values in seconds.items()})


def peak_bytes(function: Callable[..., object], *arguments: object) -> int:
    """The most memory a fresh process had resident while it ran a module's function, all in all.

    Interpreter and libraries count, and so does everything the function makes for itself.
    """
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send_peak, args=(sender, function, arguments))
    process.start()
    sender.close()
    try:
        return int(receiver.recv())
    except EOFError as error:
        raise RuntimeError(f"{function.__name__} failed in its own process; its error stands above.") from error
    finally:
        process.join()


def _send_peak(sender: Any, function: Callable[..., object], arguments: tuple[object, ...]) -> None:
    function(*arguments)
    sender.send(_own_peak_bytes())


def _own_peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would also count the parent as it was when it started this process
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def processor() -> str:
    """The processor's name as the system gives it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
