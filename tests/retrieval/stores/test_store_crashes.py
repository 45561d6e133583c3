"""A store outlives the process that writes it, wherever that is killed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from ccreid.retrieval.stores import milvus_collections
from ccreid.retrieval.stores.opening import open_store
from ccreid.retrieval.stores.store import Store
from retrieval.crashing import Change, Pace, killed_again_and_again, series, state_of, states
from retrieval.rows_of_crops import crop_id, vectors_of

KILLS = 20
FOLDER = Pace(changes=20, moment_s=0.05, settled_s=0)
SERVER = Pace(changes=4, moment_s=0.5, settled_s=0.5)


@pytest.mark.slow
def test_what_was_acknowledged_is_kept_and_nothing_half_is(tmp_path: Path) -> None:
    draws = np.random.default_rng(15)
    changes = series(draws, 500)
    uri = str(tmp_path / "gallery")
    store = gone_through(uri, changes, FOLDER, draws)
    with store.writing():
        store.build_index("crops")
        kept = store.get("crops", columns=["id"])["id"].to_pylist()
        gone = [number for number in range(200) if crop_id(number) in kept[:2]]
        erasure = store.erase("crops", kept[:2], vectors_of(gone))
    assert erasure.physically_gone
    assert store.search("crops", vectors_of(gone), 1)[0][0][0] in kept[2:]


@pytest.mark.slow
def test_on_a_server_what_was_acknowledged_is_kept_and_nothing_half_is(
    milvus_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(milvus_collections, "PATIENCE_S", 5.0)  # whoever reads after a kill amid an index waits for it
    draws = np.random.default_rng(16)
    gone_through(milvus_uri, series(draws, 300), SERVER, draws)


def gone_through(uri: str, changes: Sequence[Change], pace: Pace, draws: np.random.Generator) -> Store:
    """A store after as many kills and some changes more, which it takes as if nothing had been."""
    done = killed_again_and_again(uri, changes, KILLS, pace, draws)
    store = open_store(uri)
    with store.writing():
        for change in changes[done : done + pace.changes]:
            change.make(store)
        assert state_of(store) == states(changes[: done + pace.changes])[-1]
    return store
