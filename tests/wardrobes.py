"""Miniature data sets and recipes for tests that run the whole way."""

from __future__ import annotations

import shutil
from pathlib import Path

from ccreid.datasets.wardrobe import READER

COMPACT = READER.bundled

TINY_SETTINGS = (
    "selection.by=last",
    "data.height_px=64",
    "data.width_px=32",
    "data.people=3",
    "data.images=4",
    "data.workers=0",
    "network.backbone=test_resnet",
    "network.weights=none",
    "network.last_stride=1",
    "method.after_epoch=1",
    "method.mining.k1=6",
    "method.mining.k2=2",
    "training.epochs=3",
    "training.device=cpu",
    "training.warmup_epochs=1",
)
"""Settings that make a run of seconds of any recipe: timm's smallest test network on small images."""


def tiny_options(*more: str) -> list[str]:
    """Those and more settings, as the command line takes them; later ones win."""
    return [word for setting in (*TINY_SETTINGS, *more) for word in ("--set", setting)]


def copy_people(target: Path, train: int, test: int, queries: int = 4) -> Path:
    """Copy the first people of the compact Wardrobe into a folder of its layout, with so many queries each."""
    if COMPACT is None:
        raise RuntimeError("the package carries no Wardrobe")
    for folder, people in (("train", train), ("query", test), ("test", test)):
        (target / folder).mkdir(parents=True)
        kept = sorted({file.name.split("_")[0] for file in (COMPACT / folder).glob("*.jpg")})[:people]
        for person in kept:
            files = sorted((COMPACT / folder).glob(f"{person}_*.jpg"))
            for file in files[:queries] if folder == "query" else files:
                shutil.copyfile(file, target / folder / file.name)
    return target
