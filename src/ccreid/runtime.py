"""Devices, precision, seeds and requests to stop: everything a run asks of the machine."""

from __future__ import annotations

import hashlib
import os
import platform
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib import metadata
from types import FrameType, MappingProxyType, TracebackType
from typing import Literal, Self, TypeVar

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.ddp import DDPStrategy

from ccreid.errors import MemoryShortage, SettingError
from ccreid.processes import Processes
from ccreid.version import __version__

Item = TypeVar("Item")
Track = Callable[[Iterable[Item], str, int], Iterable[Item]]
"""Follows a loop for the user: (items, what is being done, how many) gives the same items."""

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
MemoryFormat = Literal["channels-last", "contiguous"]
MEMORY_FORMATS = MappingProxyType({"channels-last": torch.channels_last, "contiguous": torch.contiguous_format})
"""torch's, by the names that settings give them."""


GATHERING_TIMEOUT = timedelta(minutes=30)
"""How long processes wait for one another: the leader may be reading a whole data set for its fingerprint."""


def untracked(items: Iterable[Item], _what: str, _count: int) -> Iterable[Item]:
    """Follow a loop in silence."""
    return items


def launch(device: Device = "auto", precision: Precision = "32-true") -> Fabric:
    """Lightning Fabric on one device of this machine; in a process that torchrun started, together with the others.

    Raises
    ------
    SettingError
        The device is not here.
    """
    present = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present[device]:
        here = ", ".join(name for name, there in present.items() if there)
        raise SettingError(f"This machine has no device '{device}'.", f"Choose one of {here}.")
    count, local = (int(os.environ.get(name, 1)) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if count == 1:
        fabric = Fabric(accelerator=device, devices=1, precision=precision)
    else:
        # Which parameters have gradients changes when the warm-up ends.
        together = DDPStrategy(find_unused_parameters=True, timeout=GATHERING_TIMEOUT)
        fabric = Fabric(
            accelerator=device, strategy=together, devices=local, num_nodes=count // local, precision=precision
        )
    fabric.launch()
    return fabric


def processes_of(fabric: Fabric) -> Processes:
    """The one that asks, among those of its run."""
    return Processes(fabric.global_rank, fabric.world_size, fabric.device)


@contextmanager
def memory_advice(advice: str) -> Iterator[None]:
    """Say what to lower where the memory of a device does not suffice for a block. Raises MemoryShortage."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        full = isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)
        if not full:
            raise
        said = str(error).strip().splitlines() or ["no more memory"]
        raise MemoryShortage(f"The memory is full: {said[0]}", advice) from error


def require_compiler(device: torch.device) -> None:
    """Make sure that torch.compile works on a device, by compiling a sum: better now than in the first step.

    Raises
    ------
    SettingError
        It does not.
    """
    try:
        torch.compile(torch.add)(torch.zeros(2, device=device), 1)
    except Exception as error:  # every missing part of its chain of tools fails in a way of its own
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise SettingError(
            f"training.compile is on, but torch.compile does not work here on {device.type}: {said[0]}",
            "Install what it needs (on a CPU a C++ compiler such as g++ or clang, on CUDA Triton and a C compiler), "
            "or set training.compile to false.",
        ) from error


def default_workers() -> int:
    """How many processes decode images: one a core beside the one that trains, at most 8."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(0, min(available - 1, 8))


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("torch", "torchvision", "timm", "numpy", "pillow")
    return {
        "ccreid": __version__,
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def describe_machine() -> str:
    """The machine in one line: system, processor, cores, accelerator."""
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {accelerator}"


def derive_seed(seed: int, *path: str | int) -> int:
    """A seed for one purpose, in [0, 2^63): every place that draws has its own, so no draw disturbs another.

    Parameters
    ----------
    seed:
        The run's seed.
    path:
        What it is for, for example ("donors", epoch, step).
    """
    plain = [part if isinstance(part, str) else int(part) for part in (seed, *path)]  # NumPy's integers print otherwise
    digest = hashlib.blake2b(repr(tuple(plain)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(seed: int, *path: str | int) -> torch.Generator:
    """A generator on the CPU for one purpose. See :func:`derive_seed`."""
    return torch.Generator().manual_seed(derive_seed(seed, *path))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed torch's global generator of the CPU for a block; afterwards it is as it was.

    For libraries that draw from it only, such as torchvision's transforms and the initialisation of layers.
    """
    state = torch.random.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.random.set_rng_state(state)


class StopRequest:
    """Notes the user's wish to stop (Ctrl-C or a termination signal), so that a loop can finish its step.

    A second signal is not held back. Outside the main thread signals cannot be caught: then it notes nothing.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in self.SIGNALS:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]  # it is what signal.signal returned
