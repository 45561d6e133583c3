"""The one console: all that the command line says goes through it, as ``console.say(...)`` or ``console.out``."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import warnings
from io import TextIOWrapper

from rich.text import Text

from ccreid.machine.worker import this_worker
from ccreid.report.text import plain_console, visible

out = plain_console()
err = plain_console(stderr=True)

NARROWEST = 20
"""Columns in which something can still be read."""


def begin() -> None:
    """Open the console for a command: what the package logs comes here, too."""
    silent = out.quiet = is_silent()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name, or a ², that the terminal's encoding lacks
    if os.environ.get("COLUMNS", "").isdecimal() and int(os.environ["COLUMNS"]) < NARROWEST:
        del os.environ["COLUMNS"]  # where there is no terminal, some say 0
        out.width = err.width = shutil.get_terminal_size().columns
    warnings.filterwarnings("ignore", module="PIL")  # of damaged notes in pictures; they name no file
    logging.getLogger("lightning_fabric.utilities").setLevel(logging.WARNING)  # it announces processes and seeds
    own = logging.getLogger("ccreid")
    own.setLevel(logging.INFO)
    own.handlers = [logging.NullHandler() if silent else ConsoleHandler()]


def is_silent() -> bool:
    """Whether another process of the same run does the talking."""
    worker = this_worker()
    return worker is not None and not worker.leads


def say(line: str) -> None:
    """A line as it is: names and paths are neither broken nor coloured."""
    out.print(line, highlight=False, soft_wrap=True)


def warn(message: str) -> None:
    """What the user should know although the command goes on."""
    err.print(Text.assemble(("Warning:", "yellow"), f" {visible(message)}"), soft_wrap=True)


def complain(message: str, mend: str) -> None:
    """Why the command ends, with what to do about it where something is known."""
    err.print(Text.assemble(("Error:", "bold red"), f" {visible(message)}"), soft_wrap=True)
    if mend:
        err.print(mend, highlight=False, soft_wrap=True)


class ConsoleHandler(logging.Handler):
    """Notes and warnings of the package on the terminal, once each."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Say it, unless it was said."""
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            (warn if record.levelno >= logging.WARNING else say)(message)
