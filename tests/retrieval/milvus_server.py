"""A real Milvus server in user space, from the package `milvus`: installed once, and one on a machine at a time.

All sessions of tests share it, since a second one fails to start. As a program it serves until no session uses it any
more: each holds a lock that ends with it, however that ends.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

VERSION = "2.3.5"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ccreid-tests"
USERS, PORT, LOG, SERVING, SERVER = (CACHE / f"milvus.{name}" for name in ("users", "port", "log", "serving", "pid"))
INSTALL_S, START_S = 300, 120


class NotToBeHad(Exception):  # noqa: N818 - it becomes the reason of a skip
    """Why there is no server."""


@contextmanager
def used() -> Iterator[int]:
    """The port of the server, which is started where there is none. Raises NotToBeHad."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with USERS.open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)  # waits for one that is about to stop
        with FileLock(CACHE / "milvus.lock"):
            with SERVING.open("a") as serving:
                killed = _alone(serving.fileno())  # nobody serves, whatever the file with the port says
            if killed or not PORT.exists():
                _clear_away()
                _start(_installed())
            port = int(PORT.read_text(encoding="ascii"))
        yield port


def _installed() -> Path:
    """The folder with the package, below the user's cache."""
    place = CACHE / f"milvus-{VERSION}"
    if not place.exists():
        partly = CACHE / f".milvus-{VERSION}"
        shutil.rmtree(partly, ignore_errors=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(partly)]
        try:
            subprocess.run([*command, f"milvus=={VERSION}"], check=True, capture_output=True, timeout=INSTALL_S)
        except (OSError, subprocess.SubprocessError) as error:
            told = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
            raise NotToBeHad(f"pip cannot install milvus=={VERSION}: {told[-1] if told else error}") from error
        partly.rename(place)
    return place


def _clear_away() -> None:
    """What a server left whose program was killed: its port, and itself, beside which no second one starts."""
    PORT.unlink(missing_ok=True)
    with suppress(OSError, ValueError):  # there is none
        server = int(SERVER.read_text(encoding="ascii"))
        if Path(f"/proc/{server}/exe").readlink().name == "milvus":
            os.kill(server, signal.SIGKILL)


def _start(library: Path) -> None:
    with LOG.open("w") as log:
        server = subprocess.Popen(
            [sys.executable, __file__, str(library)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    until = time.monotonic() + START_S + 30
    while not PORT.exists():
        if server.poll() is not None or time.monotonic() > until:
            last = LOG.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise NotToBeHad(f"it did not start, see {LOG}: {''.join(last)}")
        time.sleep(0.1)
    server.returncode = 0  # it outlives whoever started it, as long as others use it


def serve(library: str) -> None:
    PORT.unlink(missing_ok=True)
    sys.path.insert(0, library)
    milvus = importlib.import_module("milvus")
    with (
        tempfile.TemporaryDirectory(prefix="milvus-", ignore_cleanup_errors=True) as folder,
        USERS.open("a") as users,
        SERVING.open("a") as serving,
    ):
        fcntl.flock(serving, fcntl.LOCK_EX)
        server = milvus.MilvusServer(milvus.MilvusServerConfig(data_dir=folder), wait_for_started=False)
        server.config.set("proxy.timeTickInterval", 20)  # ms; readers who want to see everything wait for the next tick
        try:
            server.start()
            SERVER.write_text(str(server.server_proc.pid), encoding="ascii")
            _wait(server.server_proc, f"http://127.0.0.1:{server.webservice_port}/healthz")
            PORT.write_text(str(server.listen_port), encoding="ascii")
            while not _alone(users.fileno()) and server.server_proc.poll() is None:
                time.sleep(0.2)
        finally:
            PORT.unlink(missing_ok=True)
            server.stop()


def _wait(process: subprocess.Popen[bytes], health: str) -> None:
    """Until the server is well; its own waiting does not notice that it has ended."""
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(health, timeout=5) as answer:
            if b"OK" in answer.read():
                time.sleep(1)  # as the package itself waits
                return
        time.sleep(0.1)
    raise RuntimeError(f"not well after {START_S} s" if process.poll() is None else "it ended: does another one run?")


def _alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    serve(*sys.argv[1:])
