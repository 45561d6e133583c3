"""A folder is written by one command at a time, whatever becomes of that command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ccreid.errors import SettingError, StorageError
from ccreid.machine.files import LOCK, WRITER, WRITERS, is_free
from ccreid.machine.writing import sole_writer

HOLDS = """
import os, sys, time
from pathlib import Path
from ccreid.machine.writing import sole_writer
with sole_writer(Path(sys.argv[1])):
    if "fork" in sys.argv and os.fork() == 0:
        os.write(1, f"child {os.getpid()}\\n".encode())
        time.sleep(60)
    os.write(1, b"held\\n")
    time.sleep(60)
"""
"""Holds a folder, with a loader's worker as a copy of itself where that is asked for."""


@contextmanager
def held(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", HOLDS, folder, *words], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        while process.stdout.readline() != "held\n":
            pass
        yield process
        process.kill()


def test_nobody_else_writes_and_who_writes_is_told(tmp_path: Path) -> None:
    with held(tmp_path / "run") as process:
        told = rf"is being written by another command \(process {process.pid} on "
        with pytest.raises(SettingError, match=told), sole_writer(tmp_path / "run"):
            pass
        assert (tmp_path / "run" / LOCK).exists()  # whoever was refused has taken nothing away


def test_a_killed_writer_holds_nothing(tmp_path: Path) -> None:
    with held(tmp_path / "run") as process:
        process.kill()
        process.wait()
        assert {place.name for place in (tmp_path / "run").iterdir()} == WRITERS  # what it could not take away
        assert is_free(tmp_path / "run")
        with sole_writer(tmp_path / "run"):
            (tmp_path / "run" / "mine").touch()
    assert [place.name for place in (tmp_path / "run").iterdir()] == ["mine"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system copies no processes")
def test_copies_of_a_killed_writer_hold_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS, tmp_path / "run", "fork"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        copy = next(int(line.split()[1]) for line in lines if line.startswith("child"))
        process.kill()
        process.wait()
        try:
            with sole_writer(tmp_path / "run"):
                os.kill(copy, 0)  # it lives
        finally:
            os.kill(copy, signal.SIGKILL)


def test_a_folder_that_stays_empty_was_never_there(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "above" / "run"):
        assert (tmp_path / "above" / "run" / WRITER).exists()
    assert not any(tmp_path.iterdir())
    (tmp_path / "given").mkdir()
    with sole_writer(tmp_path / "given"):
        pass
    assert (tmp_path / "given").is_dir()


def test_what_was_written_stays_where_the_writer_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with sole_writer(tmp_path / "run"):
            (tmp_path / "run" / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [place.name for place in (tmp_path / "run").iterdir()] == ["half"]


def test_a_file_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(StorageError, match="run cannot be written"), sole_writer(tmp_path / "run"):
        pass


PARENT = """
import os, subprocess, sys, time
from ccreid.machine.parent import PARENT
os.environ[PARENT] = str(os.getpid())
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE, text=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
CHILD = """
import time
from ccreid.machine.parent import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes have no parents there")
def test_a_process_ends_with_a_killed_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        assert ended(child)


def ended(process: int) -> bool:
    for _ in range(500):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/status")
        if status.exists() and "State:\tZ" in status.read_text():
            return True  # nobody has asked for its exit code
        time.sleep(0.02)
    return False
