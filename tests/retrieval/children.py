"""What processes of their own do with a store."""

from __future__ import annotations

import resource
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from ccreid.errors import CcreidError
from ccreid.retrieval.stores.opening import open_store
from retrieval.rows_of_crops import crops

SERVER = get_context("forkserver")
# Once for all of them; it finds no module of the tests.
SERVER.set_forkserver_preload(["ccreid.retrieval.gallery.gallery", "lancedb"])


def started(work: Callable[..., None], *arguments: object) -> tuple[BaseProcess, Connection]:
    """A process that does `work`, and its end of a pipe, the last argument of `work`."""
    here, there = SERVER.Pipe()
    process = SERVER.Process(target=work, args=(*arguments, there), daemon=True)
    process.start()
    there.close()
    return process, here


def hold(uri: str, told: Connection) -> None:
    """Hold the store until something is sent."""
    with open_store(uri).writing():
        told.send("held")
        told.recv()


def read_along(uri: str, together: int, told: Connection) -> None:
    """Read until something is sent; tell how often, and the first answer that was not whole.

    Rows come and go by `together` of neighbouring numbers, all of one note.
    """
    store = open_store(uri)
    reads = 0
    told.send("reading")
    while not told.poll():
        rows = store.get("crops", columns=["id", "person"]).to_pylist()
        numbers = [int(row["id"].split("-")[1]) for row in rows]
        notes = {
            (number // together, row["person"].split(" note ")[1])
            for number, row in zip(numbers, rows, strict=True)
            if row["person"]
        }
        if len(rows) != together * len(notes):
            told.send((reads, f"{len(rows)} rows of the blocks and notes {sorted(notes)}"))
            return
        reads += 1
    told.send((reads, ""))


def add_with_little_space(uri: str, max_bytes: int, told: Connection) -> None:
    """Add rows where no file may grow beyond a size, new ones and some in the place of others; tell what happened."""
    store = open_store(uri)
    errors = []
    with store.writing():
        store.add("crops", crops(range(10)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, resource.RLIM_INFINITY))
        for first in (10, 5):
            try:
                store.add("crops", crops(range(first, 2000)))
            except CcreidError as error:
                errors.append((type(error).__name__, str(error)))
        untouched = store.get("crops").equals(crops(range(10)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        store.add("crops", crops([2000]))
    told.send((errors, untouched, store.count("crops")))
