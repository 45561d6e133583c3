"""Devices of this machine, and what they can do."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, cast

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy

from ccreid.errors import MemoryShortage, SettingError
from ccreid.machine.processes import Processes
from ccreid.machine.worker import this_worker

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]
MemoryFormat = Literal["channels-last", "contiguous"]
MEMORY_FORMATS = MappingProxyType({"channels-last": torch.channels_last, "contiguous": torch.contiguous_format})
"""torch's, by the names that settings give them."""


GATHERING_TIMEOUT = timedelta(minutes=30)
"""How long processes wait for one another: the leader may be reading a whole data set for its fingerprint."""


def launch(device: Device = "auto", precision: Precision = "32-true") -> Fabric:
    """Lightning Fabric on one device of this machine; in a process that torchrun started, together with the others.

    A CPU cannot compute in 16-mixed; Fabric takes bf16-mixed there, which is told. See :func:`computed_in`.

    Raises
    ------
    SettingError
        The device is not here.
    """
    present = {"auto": True, "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not present.get(device):
        here = ", ".join(name for name, there in present.items() if there)
        raise SettingError(f"This machine has no device '{device}'.", f"Choose one of {here}.")
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", r"You passed `Fabric\(accelerator='cpu', precision='16-mixed'\)`"
        )  # said below
        fabric = _fabric(device, precision)
    fabric.launch()
    if (computed := computed_in(fabric)) != precision:
        logger.warning("A CPU cannot compute in %s; %s is computed, and told in reports.", precision, computed)
    return fabric


def computed_in(fabric: Fabric) -> Precision:
    """What is computed in, whatever was asked for."""
    return cast(Precision, fabric.strategy.precision.precision)


def _fabric(device: Device, precision: Precision) -> Fabric:
    worker = this_worker()
    if worker is None:
        # Named, because Lightning takes a few of SLURM's variables for an order to be one of several processes.
        return Fabric(accelerator=device, devices=1, precision=precision, plugins=LightningEnvironment())
    # Which parameters have gradients changes when the warm-up ends.
    together = DDPStrategy(find_unused_parameters=True, timeout=GATHERING_TIMEOUT)
    return Fabric(
        accelerator=device,
        strategy=together,
        devices=worker.local_count,
        num_nodes=worker.count // worker.local_count,
        precision=precision,
    )


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
