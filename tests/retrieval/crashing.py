"""A series of changes that a process makes until it is killed, and what must be there afterwards."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import numpy as np
import pyarrow as pa

from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.store import Store
from retrieval.children import started
from retrieval.memory_store import MemoryStore
from retrieval.rows_of_crops import CROPS, PEOPLE, crop_id, crops, people, vectors_of

State = dict[str, pa.Table]


@dataclass(frozen=True)
class Pace:
    """How fast a store is.

    Attributes
    ----------
    changes:
        Fewer are made before a process is killed; some more may follow in the moment until it is.
    moment_s:
        How long that moment is at most.
    settled_s:
        After so long, what was asked for by a process that is gone has been done or never will be.
    """

    changes: int
    moment_s: float
    settled_s: float


@dataclass(frozen=True)
class Change:
    """One of a series: what is done, with the crops of which numbers."""

    kind: str
    numbers: tuple[int, ...] = ()
    note: str = ""

    def make(self, store: Store) -> None:
        ids = [crop_id(number) for number in self.numbers]
        match self.kind:
            case "create":
                store.create("crops", CROPS)
            case "create people":
                store.create("people", PEOPLE)
            case "drop people":
                store.drop("people")
            case "add people":
                store.add("people", people([f"{self.note} {number}" for number in self.numbers]))
            case "add":
                store.add("crops", crops(self.numbers, self.note))
            case "remove":
                store.remove("crops", ids)
            case "erase":
                store.erase("crops", ids, vectors_of(self.numbers))
            case "build index":
                store.build_index("crops")
            case "drop index":
                store.drop_index("crops")
            case _:
                raise ValueError(self.kind)


def series(draws: np.random.Generator, length: int) -> list[Change]:
    """Changes of every kind, the tables made first."""
    kinds = ["add"] * 5 + ["remove"] * 2 + ["erase"] * 2 + ["build index", "drop index", "people", "people"]
    changes = [Change("create"), Change("create people")]
    while len(changes) < length:
        kind = str(draws.choice(kinds))
        numbers = tuple(draws.choice(200, int(draws.integers(1, 40)), replace=False).tolist())
        note = f" {len(changes)}"
        if kind == "people":
            changes += [Change("drop people"), Change("create people"), Change("add people", numbers, note)]
        else:
            changes.append(Change(kind, numbers, note))
    return changes[:length]


def states(changes: Sequence[Change]) -> list[State]:
    """What a store holds before the first change, and after each."""
    store = MemoryStore()
    after = [state_of(store)]
    with store.writing():
        for change in changes:
            change.make(store)
            after.append(state_of(store))
    return after


def state_of(store: Store) -> State:
    return {table: store.get(table) for table in store.tables()}


def make_changes(uri: str, changes: Sequence[Change], told: Connection) -> None:
    """Make changes, a few at each holding of the store, and tell after each that it is made."""
    store = open_store(uri)
    for start in range(0, len(changes), 3):
        with store.writing():
            for change in changes[start : start + 3]:
                change.make(store)
                told.send("made")


def killed_again_and_again(
    uri: str, changes: Sequence[Change], kills: int, pace: Pace, draws: np.random.Generator
) -> int:
    """Have changes made by processes that are killed, and check what each one leaves.

    Returns
    -------
    int
        How many of the changes are made in the end.
    """
    expected = states(changes)
    done = 0
    for kill in range(kills):
        process, pipe = started(make_changes, uri, changes[done:])
        acknowledged = int(draws.integers(0, pace.changes))
        for _ in range(acknowledged):
            pipe.recv()
        time.sleep(draws.uniform(0, pace.moment_s))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, f"kill {kill}: it failed, or came to the end"
        acknowledged += _told_by_now(pipe)
        time.sleep(pace.settled_s)
        store = open_store(uri)
        left = state_of(store)
        # The change that it was about: made or not, never half.
        outcomes = [done + acknowledged, min(done + acknowledged + 1, len(changes))]
        fitting = [number for number in outcomes if left == expected[number]]
        assert fitting, f"after kill {kill}, {changes[outcomes[0]]} in hand, it holds neither of the states"
        done = fitting[-1]
        with store.writing():
            pass
        assert state_of(store) == expected[done], "nothing changes when the next one opens it"
    return done


def _told_by_now(pipe: Connection) -> int:
    count = 0
    try:
        while pipe.poll():
            pipe.recv()
            count += 1
    except (EOFError, OSError):
        pass
    return count
