"""The command line in processes that have its imports behind them: a new interpreter needs seconds for those alone."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ccreid import cli
from killing import SERVER, as_a_users

PATIENCE_S = 300
"""After so long a command hangs."""


@dataclass(frozen=True)
class Done:
    """How a command ended: its exit code, negative for a signal, and what it wrote."""

    returncode: int | None
    stdout: str
    stderr: str


def _carry_out(words: Sequence[str], stdout: Path, stderr: Path) -> None:
    for number, file in ((1, stdout), (2, stderr)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)  # for the processes that it starts, too
    sys.argv = ["ccreid", *words]
    with as_a_users():
        cli.main()


def carry_out(
    words: Sequence[object], *, once: Callable[[], bool] | None = None, act: Callable[[int], object] | None = None
) -> Done:
    """Run the command line with these words; once something holds, act upon its process, given by its number."""
    with TemporaryDirectory() as folder:
        stdout, stderr = (Path(folder) / name for name in ("stdout", "stderr"))
        stdout.touch()
        stderr.touch()
        process = SERVER.Process(target=_carry_out, args=([*map(str, words)], stdout, stderr))
        process.start()
        given_up = time.monotonic() + PATIENCE_S
        try:
            if once is not None and act is not None:
                while process.is_alive() and not once():
                    assert time.monotonic() < given_up, "it does not begin"
                    time.sleep(0.05)
                act(process.pid or 0)
            process.join(given_up - time.monotonic())
        finally:
            process.kill()
        return Done(process.exitcode, stdout.read_text(), stderr.read_text())
