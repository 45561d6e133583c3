"""A run that kills its own process, as `kill -9` would, at the n-th call of a function within some part of it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import wraps
from multiprocessing import get_context, set_start_method
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import Checkpoints
from coarse import unrendered_pictures

PARTS = {
    "training": (train, "train"),
    "saving the checkpoint": (Checkpoints, "save"),
    "saving the bundle": (train, "save_bundle"),
    "scoring": (train, "score"),
}

SERVER = get_context("forkserver")  # copies of a process that has imported everything and trained nothing are cheap
SERVER.set_forkserver_preload(["timm", "killing", "commands"])


class Calls:
    """Counts the calls of functions, Python's and C's alike, in each part, and kills the process at one of them.

    A C function counts before it begins and after it is done, so that every state of the disk gets its turn.
    """

    def __init__(self, fatal: tuple[str, int] | None) -> None:
        self.made = dict.fromkeys(PARTS, 0)
        self.fatal = fatal
        self._within: list[str] = []
        os.register_at_fork(after_in_child=lambda: sys.setprofile(None))  # the run's own process is the one to die

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


def as_a_users() -> AbstractContextManager[None]:
    """Make a process of the server's one as a user starts it, with loaders that fork, but for its pictures."""
    set_start_method("fork", force=True)  # the server's own would start a server for every loader
    return unrendered_pictures()


def carry_on(folder: Path, settings: Sequence[str], fatal: tuple[str, int] | None, told: Connection) -> None:
    """Begin a run, or go on with it, and tell how many calls each part made where any were counted."""
    resumed = (RunFolder(folder).recipe_file).exists()
    calls = Calls(fatal)
    if fatal is not None or not resumed:  # whoever goes on to the end is asked for no number
        for part in PARTS:
            calls.follow(part)
    with as_a_users():
        if resumed:
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
