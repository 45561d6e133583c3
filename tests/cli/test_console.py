"""What the console says, and how often."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from io import BytesIO, TextIOWrapper

import pytest
from rich.table import Table

from ccreid.cli import console
from ccreid.machine.worker import Worker


def test_a_warning_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = console.ConsoleHandler()
    for number in (1, 1, 2, 1):
        handler.handle(logging.LogRecord("ccreid", logging.WARNING, "", 0, "picture %d is odd", (number,), None))
    said = capsys.readouterr().err
    assert said.count("picture 1 is odd") == 1
    assert said.count("picture 2 is odd") == 1


def test_a_note_is_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    console.begin()
    logging.getLogger("ccreid.somewhere").info("the neck is taken")
    assert capsys.readouterr().out == "the neck is taken\n"


def test_names_are_said_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    name = "runs/[red]anna[/] " + 60 * "long "
    console.say(name)
    console.warn(name)
    console.complain(name, name)
    printed = capsys.readouterr()
    assert printed.out == f"{name}\n"
    assert printed.err == f"Warning: {name}\nError: {name}\n{name}\n"


def test_names_give_the_terminal_no_orders(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[2J\r\x9b1mb"
    console.say(name)
    console.warn(name)
    console.complain(name, name)
    console.out.print(Table(name, title=name))
    printed = capsys.readouterr()
    assert (printed.out + printed.err).count(r"a\x1b[2J\x0d\x9b1mb") == 6
    assert "\x1b[2J" not in printed.out + printed.err


def test_of_several_processes_one_talks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, terminal: Callable[[int], None]
) -> None:
    terminal(240)

    def said_by(worker: Worker | None) -> str:
        monkeypatch.setattr(console, "this_worker", lambda: worker)
        console.begin()
        console.say("here")
        logging.getLogger("ccreid.somewhere").warning("odd")
        printed = capsys.readouterr()
        return printed.out + printed.err

    assert said_by(Worker(rank=1, count=2, local_count=2)) == ""
    assert said_by(Worker(rank=0, count=2, local_count=2)) == "here\nWarning: odd\n"
    assert said_by(None) == "here\nWarning: odd\n"


def test_warnings_of_the_decoder_are_not_said() -> None:
    console.begin()
    warnings.warn_explicit("Corrupt EXIF data.", UserWarning, "TiffImagePlugin.py", 1, module="PIL.TiffImagePlugin")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_what_a_terminal_cannot_show_ends_nothing(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Other languages' terminals, and names that are not UTF-8."""
    written = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(written, encoding=encoding, write_through=True))
    console.begin()
    console.say("FIRe² → anna\udcff")
    assert b"FIRe" in written.getvalue()
    assert b"anna\\udcff" in written.getvalue()


@pytest.mark.parametrize("columns", ["0", "1", "nonsense", "-5", "", "99999999"])
def test_nonsense_about_the_width_hides_nothing(columns: str) -> None:
    """A process of its own: consoles are told when they are made."""
    code = "from ccreid import cli; cli.main()"
    command = [sys.executable, "-c", code, "data", "show", "wardrobe"]
    done = subprocess.run(command, env=os.environ | {"COLUMNS": columns}, capture_output=True, text=True, check=True)
    assert "cloth-changing" in done.stdout
