"""A store outlives the process that writes it, wherever that is killed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ccreid.retrieval.opening import open_store
from retrieval.crashing import killed_again_and_again, series, state_of, states
from retrieval.rows_of_crops import crop_id, vectors_of

KILLS = 20


@pytest.mark.slow
def test_what_was_acknowledged_is_kept_and_nothing_half_is(tmp_path: Path) -> None:
    draws = np.random.default_rng(15)
    changes = series(draws, 500)
    uri = str(tmp_path / "gallery")
    done = killed_again_and_again(uri, changes, KILLS, draws)
    store = open_store(uri)
    with store.writing():
        for change in changes[done : done + 20]:
            change.make(store)
        assert state_of(store) == states(changes[: done + 20])[-1]
        store.build_index("crops")
        kept = store.get("crops", columns=["id"])["id"].to_pylist()
        gone = [number for number in range(200) if crop_id(number) in kept[:2]]
        erasure = store.erase("crops", kept[:2], vectors_of(gone))
    assert erasure.physically_gone
    assert store.search("crops", vectors_of(gone), 1)[0][0][0] in kept[2:]
