"""A bundle of the smallest network there is, to export."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.export import exporting
from ccreid.export.graph import onnx_graph
from ccreid.machine.seeds import seeded
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, save_bundle
from ccreid.model.network import Network
from ccreid.model.parity import noise
from ccreid.records import BenchmarkCard

PREPROCESSING = Preprocessing(64, 32)
LICENCE = "CC0 1.0, drawn people"


def small_network(backbone: str = "test_resnet", height_px: int = 64, width_px: int = 32) -> Network:
    """With weights that are drawn, the same ones each time, whose embeddings are of the size of trained ones."""
    with seeded(3):
        return Network(Backbone(backbone, height_px=height_px, width_px=width_px, last_stride=2)).eval()


def save_small_bundle(folder: Path, about: About | None = None) -> Path:
    trained_on = BenchmarkCard(
        name="drawn", edition=None, licence=LICENCE, synthetic=True, subsets={}, unmatched=0, left_out=(), warnings=()
    )
    save_bundle(folder, small_network(), PREPROCESSING, about or About(flip=True, trained_on=trained_on))
    return folder


@cache
def small_graph(*, flip: bool) -> Any:
    """Its graph; tracing it takes seconds, so that tests share it and leave it as it is."""
    return onnx_graph(small_network(), PREPROCESSING, flip=flip)


def traced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `export` take the shared graph, whatever network it is given."""
    monkeypatch.setattr(exporting, "onnx_graph", lambda *_, flip: small_graph(flip=flip))


def pictures(*counts: int) -> list[Tensor]:
    """Batches of so many preprocessed pictures of noise."""
    return list(noise(PREPROCESSING, sum(counts)).split(counts))


@contextmanager
def changed_bytes(path: Path, change: Callable[[bytes], bytes]) -> Iterator[None]:
    """A file whose bytes are others for a while."""
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.write_bytes(before)
