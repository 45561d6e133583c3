"""A process that ends with the one that started it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PARENT = "CCREID_PARENT"
"""The variable in which a command tells the processes that it starts its own number."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG of Linux


def end_with_parent(parent: int | None = None) -> None:
    """See to it that this process is killed once the command that started it is gone, however that ended.

    `parent` is the number of that process; without it the one that the command told (`CCREID_PARENT`), if any did.

    What is left behind is what `kill -9` leaves: a run that goes on from its last checkpoint. Without it the processes
    of a killed command would train on, and whoever resumes the run would join them.
    """
    if parent is None:
        told = os.environ.get(PARENT, "")
        if not told.isdecimal():
            return
        parent = int(told)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:  # it was gone before
        os.kill(os.getpid(), signal.SIGKILL)
    if sys.platform != "linux":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
