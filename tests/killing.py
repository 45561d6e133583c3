"""A run that kills its own process, as `kill -9` would, at the n-th call of a function within some part of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from functools import wraps
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ccreid.recipe import load_recipe
from ccreid.recipe.run_folder import RECIPE
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import Checkpoints

PARTS = {
    "training": (train, "train"),
    "saving the checkpoint": (Checkpoints, "save"),
    "saving the bundle": (train, "save_bundle"),
    "scoring": (train, "score"),
}

SERVER = get_context("forkserver")  # copies of a process that has imported everything and trained nothing are cheap
SERVER.set_forkserver_preload(["timm", "killing"])


class Calls:
    """Counts the calls of functions, Python's and C's alike, in each part, and kills the process at one of them.

    A C function counts before it begins and after it is done, so that every state of the disk gets its turn.
    """

    def __init__(self, fatal: tuple[str, int] | None) -> None:
        self.made = dict.fromkeys(PARTS, 0)
        self.fatal = fatal
        self._within: list[str] = []

    def follow(self, part: str) -> None:
        """Count the calls within a part from now on; there is no way back, since this process is a copy."""
        owner, name = PARTS[part]
        original = getattr(owner, name)

        @wraps(original)
        def counted(*arguments: Any, **named: Any) -> Any:
            self._within.append(part)
            sys.setprofile(self._count)
            try:
                return original(*arguments, **named)
            finally:
                self._within.remove(part)
                sys.setprofile(self._count if self._within else None)

        setattr(owner, name, counted)

    def _count(self, _frame: Any, event: str, _argument: Any) -> None:
        if event in ("call", "c_call", "c_return"):
            for part in self._within:
                self.made[part] += 1
                if (part, self.made[part]) == self.fatal:
                    os.kill(os.getpid(), signal.SIGKILL)


def carry_on(folder: Path, settings: Sequence[str], fatal: tuple[str, int] | None, told: Connection) -> None:
    """Begin a run, or go on with it, and tell how many calls each part made."""
    calls = Calls(fatal)
    for part in PARTS:
        calls.follow(part)
    if (folder / RECIPE).exists():
        train.resume(folder, Watch())
    else:
        train.begin(load_recipe("wardrobe", settings), folder, Watch())
    told.send(calls.made)


def in_a_process(
    folder: Path, settings: Sequence[str], fatal: tuple[str, int] | None = None
) -> tuple[int | None, dict[str, int]]:
    """:func:`carry_on` in a process of its own: its exit code, negative for a signal, and what it told."""
    listening, told = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=carry_on, args=(folder, settings, fatal, told))
    process.start()
    told.close()
    process.join()
    return process.exitcode, listening.recv() if process.exitcode == 0 else {}
