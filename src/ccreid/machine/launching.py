"""Several processes of one command, through torchrun's agent."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from torch.distributed import DistError
from torch.distributed.elastic.multiprocessing.api import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ccreid.errors import CcreidError, InterruptedRun, LostProcess, SettingError
from ccreid.machine.parent import PARENT

SAID = (1, 2, InterruptedRun.exit_code)
"""Exit codes of processes that said themselves what was wrong."""


@dataclass(frozen=True)
class Machines:
    """Where the processes of a command run.

    Attributes
    ----------
    devices:
        Processes on each machine, a device each.
    nodes:
        Machines; the same command is given on each.
    rendezvous:
        HOST:PORT of one of them, where they meet; on one machine nothing is listened to from outside.
    """

    devices: int = 1
    nodes: int = 1
    rendezvous: str | None = None

    @property
    def count(self) -> int:
        """Processes in all."""
        return self.devices * self.nodes


def run_together(arguments: Sequence[str], machines: Machines) -> None:
    """Run the command line with these arguments in several processes, until all are done or one has failed.

    Raises
    ------
    SettingError
        There are several machines and no place to meet.
    InterruptedRun, LostProcess
        A stop was requested; a process ended before the others, which are ended too.
    """
    if machines.nodes > 1 and machines.rendezvous is None:
        raise SettingError(
            f"{machines.nodes} machines have no place to meet.",
            "Give --rendezvous HOST:PORT, the same on every machine, with HOST one of them.",
        )
    os.environ[PARENT] = str(os.getpid())
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // machines.devices)))
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns where every parameter was used in a step
    if machines.nodes == 1:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo0" if sys.platform == "darwin" else "lo")
    with TemporaryDirectory(prefix="ccreid-") as logs:  # the agent would leave one of its own behind
        _run(arguments, machines, logs)


def _run(arguments: Sequence[str], machines: Machines, logs: str) -> None:
    config = LaunchConfig(
        min_nodes=machines.nodes,
        max_nodes=machines.nodes,
        nproc_per_node=machines.devices,
        run_id="ccreid",
        rdzv_backend="c10d",
        rdzv_endpoint=machines.rendezvous or "127.0.0.1:0",
        max_restarts=0,
        logs_specs=DefaultLogsSpecs(log_dir=logs),
        local_addr=None if machines.nodes > 1 else "127.0.0.1",
    )
    try:
        elastic_launch(config, sys.executable)(*own_command(), *arguments)
    except SignalException:
        raise InterruptedRun("Stopped.", "Go on with --resume, where a run was saved.") from None
    except ChildFailedError as failed:
        raise _explained(*failed.get_first_failure()) from None


def own_command() -> list[str]:
    """What the interpreter is given to start this command line again.

    A script of one's own that called the command line is started itself: what it registers is there in every process.
    """
    started = sys.modules["__main__"]
    script = getattr(started, "__file__", None)  # none in a notebook
    is_module = getattr(started, "__spec__", None) is not None  # as with python -m
    if script is None or is_module or Path(script).stem == "ccreid":  # the installed command
        return ["-m", "ccreid"]
    return [str(Path(script).resolve())]


def as_lost(error: RuntimeError) -> LostProcess | None:
    """What a collective's error means where another process has ended; None where it means something else."""
    words = ("closed by peer", "reset by peer", "Broken pipe", "gloo", "NCCL")
    if not isinstance(error, DistError) and not any(word in str(error) for word in words):
        return None
    return LostProcess("Another process of this run has ended.", "What it said stands above or below.")


def _explained(rank: int, failure: ProcessFailure) -> CcreidError:
    if failure.exitcode in SAID:
        ended = LostProcess(f"Process {rank} has stopped for the reason above, and the others with it.")
        ended.exit_code = failure.exitcode
        return ended
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        often = " (often the system's answer to too little memory)" if name == "SIGKILL" else ""
        how = f"was killed by {name}{often}"
    else:
        how = f"ended with code {failure.exitcode}"
    return LostProcess(
        f"Process {rank} {how}, and the others were stopped.", "Go on from the last checkpoint with --resume."
    )
