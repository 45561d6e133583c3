"""The same command in several processes."""

from __future__ import annotations

import sys
from pathlib import Path

from ccreid.machine.worker import this_worker


def is_shared(devices: int, nodes: int) -> bool:
    """Whether a command is to start the processes that carry it out, rather than be one of them."""
    return devices * nodes > 1 and this_worker() is None


def run_shared(devices: int, nodes: int, rendezvous: str | None, new_folder: Path | None) -> None:
    """Carry this command out in several processes, which are told of a new folder: each would name one of its own."""
    from ccreid.machine.launching import Machines, run_together

    where = [] if new_folder is None else ["--out", str(new_folder)]
    run_together([*sys.argv[1:], *where], Machines(devices, nodes, rendezvous))
