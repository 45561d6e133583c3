"""Training learns who a person is under a change of clothes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.datasets import read_benchmark
from ccreid.evaluation.evaluate import evaluate
from ccreid.machine.devices import launch
from ccreid.model.embedder import Embedder
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.recipe import load_recipe
from ccreid.runs import build, loading
from ccreid.training.checkpoint import Checkpoints, Circumstances
from ccreid.training.health import Health
from ccreid.training.journal import Journal
from ccreid.training.loop import train
from wardrobes import COMPACT

MARGIN = 0.3
"""By how much the cloth-changing mAP must rise."""


@pytest.mark.slow
def test_a_few_epochs_beat_the_untrained_network(tmp_path: Path) -> None:
    """Six people are learnt from one frame an outfit and camera; the other frame asks for them in other outfits."""
    recipe = load_recipe(
        "demo",
        [
            "data.people=6",
            "data.images=4",
            "data.workers=0",
            "method.after_epoch=3",
            "training.milestones=[8]",
            "training.device=cpu",
            "data.erasing=0.0",
            "training.epochs=10",
            "training.learning_rate=1e-3",
        ],
    )
    benchmark = read_benchmark("wardrobe", COMPACT)
    everyone = benchmark.subset("train")
    known = everyone.select(everyone.person <= everyone.people[5])
    second_frame = np.arange(len(known)) % 2 == 1  # files are sorted, two frames an outfit and camera
    samples, unseen = known.select(~second_frame), known.select(second_frame)
    held_out = replace(benchmark, subsets={"query": unseen, "gallery": samples})

    fabric = launch("cpu")
    method = build.method(recipe, samples)

    def cloth_changing_map(network: Network, name: str) -> float:
        embedder = Embedder(TorchEngine(network), name, loading.preprocessing(recipe))
        return evaluate(embedder, held_out, tmp_path / name).scores["cloth-changing"].mean_ap

    before = cloth_changing_map(method.network, "before")
    train(
        build.state(recipe, method, fabric),
        loading.train_loader(recipe, samples),
        loading.plain_loader(recipe, samples),
        build.plan(recipe),
        fabric=fabric,
        checkpoints=Checkpoints(tmp_path / "checkpoint.safetensors", Circumstances({}, "data")),
        health=Health(tmp_path / "diverged", samples.files),
        open_journal=lambda position: Journal(tmp_path / "journal.jsonl", position),
    )
    after = cloth_changing_map(method.network, "after")
    assert all(torch.isfinite(parameter).all() for parameter in method.parameters())
    assert after > before + MARGIN, f"cloth-changing mAP {before:.3f} -> {after:.3f}"
