"""The backends that one suite of tests runs against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.store import Store
from retrieval.memory_store import MemoryStore


@dataclass
class Backend:
    """A place for one store.

    Attributes
    ----------
    again:
        Opens the store, and once more for everybody who asks: each has a handle of its own.
    lasting:
        Whether another handle is another one, and finds what the first one wrote.
    """

    again: Callable[[], Store]
    lasting: bool
    opened: list[Store] = field(default_factory=list)

    @property
    def store(self) -> Store:
        """The test's own handle."""
        if not self.opened:
            self.opened.append(self.again())
        return self.opened[0]


def memory() -> Backend:
    store = MemoryStore()
    return Backend(lambda: store, lasting=False)


def lancedb(folder: Path) -> Backend:
    return Backend(lambda: open_store(folder), lasting=True)


def milvus(uri: str) -> Backend:
    return Backend(lambda: open_store(uri), lasting=True)
