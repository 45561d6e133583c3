"""A training shared by several processes of this machine, without the agent that starts them for a user."""

from __future__ import annotations

import importlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from ccreid.recipe import load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from killing import SERVER, as_a_users


def _one_of_them(
    rank: int, count: int, port: int, folder: Path, settings: Sequence[str], modules: Sequence[str]
) -> None:
    for module in modules:
        importlib.import_module(module)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "ccreid",
    }
    with as_a_users():
        train.begin(load_recipe("wardrobe", settings), folder, Watch())


def train_together(count: int, folder: Path, settings: Sequence[str], modules: Sequence[str] = ()) -> list[int | None]:
    """Train a recipe in so many processes, each of which imports some modules before; gives their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [(rank, count, port, folder, settings, modules) for rank in range(count)]
    processes = [SERVER.Process(target=_one_of_them, args=own) for own in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]
