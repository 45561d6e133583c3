"""A small benchmark, and a network that was never trained to score on it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ccreid.data.preprocess import Preprocessing
from ccreid.datasets import read_benchmark
from ccreid.model.backbone import Backbone
from ccreid.model.embedder import Embedder
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.vocabulary import Benchmark


@pytest.fixture(scope="module")
def benchmark(small_wardrobe: Path) -> Benchmark:
    return read_benchmark("wardrobe", small_wardrobe)


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    torch.manual_seed(0)
    network = Network(Backbone("test_resnet", height_px=32, width_px=16)).eval()
    return Embedder(TorchEngine(network), "weights-one", Preprocessing(32, 16))
