"""Wardrobe: synthetic people who change clothes, in LTCC's layout (CC0, no real person is shown)."""

from __future__ import annotations

from pathlib import Path

from ccreid.datasets.ltcc import PROTOCOLS, find_ltcc_layout
from ccreid.datasets.reader import Reader

READER = Reader(
    name="wardrobe",
    title="Wardrobe",
    find=lambda root: find_ltcc_layout(root, "Wardrobe", "jpg"),
    layout="train/ query/ test/ with names like 076_1_c1_000525.jpg",
    protocols=PROTOCOLS,
    editions={
        "complete": {"train": (75, 4500), "query": (75, 750), "gallery": (75, 3750)},
        "compact": {"train": (16, 512), "query": (16, 64), "gallery": (16, 256)},
    },
    obtain="Its compact edition ships with the package; the complete one is a folder of its own.",
    licence="CC0 1.0, synthetic people",
    synthetic=True,
    bundled=Path(__file__).parent.parent / "assets" / "wardrobe",
)
