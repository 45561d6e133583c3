"""The bytes of vectors in files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ccreid.retrieval.stores import traces
from ccreid.retrieval.stores.traces import search_files
from retrieval.rows_of_crops import vectors_of


@pytest.mark.parametrize("chunk_bytes", [traces.CHUNK_BYTES, 64, 96])
@pytest.mark.parametrize("before", [0, 1, 2, 3, 31, 64, 127, 200])
def test_a_vector_is_found_at_any_byte(
    tmp_path: Path, before: int, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "CHUNK_BYTES", chunk_bytes)
    vectors = vectors_of(range(5), 24)
    noise = np.random.default_rng(0).bytes(400)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "holds").write_bytes(noise[:before] + vectors[3].tobytes() + noise[before:])
    (tmp_path / "noise").write_bytes(noise)
    (tmp_path / "empty").touch()
    found = search_files(tmp_path, vectors)
    assert found.files == 3
    assert found.holding == (tmp_path / "deep" / "holds",)
    assert found.found.tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("vector", [[1.0, 0, 0, 0], [0, 0, 0, 1.0], [0.6, 0.8], [0.0] * 12 + [1.0]])
def test_zeros_and_short_vectors(tmp_path: Path, vector: list[float]) -> None:
    sought = np.array([vector], np.float32)
    (tmp_path / "zeros").write_bytes(bytes(100_000))
    assert not search_files(tmp_path, sought).found.any()
    (tmp_path / "holds").write_bytes(bytes(1001) + sought.tobytes())
    assert search_files(tmp_path, sought).holding == (tmp_path / "holds",)


def test_the_larger_part_of_a_vector_is_found(tmp_path: Path) -> None:
    vector = vectors_of([1], 64)
    start = min(int(np.abs(vector).argmax()), 64 - traces.WINDOW)
    (tmp_path / "part").write_bytes(vector[0, start : start + traces.WINDOW].tobytes())
    assert search_files(tmp_path, vector).found.all()


def test_no_vectors_and_no_files(tmp_path: Path) -> None:
    assert search_files(tmp_path, vectors_of([1])).files == 0
    (tmp_path / "noise").write_bytes(b"noise")
    assert search_files(tmp_path, np.zeros((0, 4), np.float32)).holding == ()
