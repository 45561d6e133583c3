"""Celeb-reID in its two sizes: one layout, other counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.vocabulary import Ignore
from trees import plant_golden


@pytest.mark.parametrize(
    ("name", "train"), [("celeb-reid", "632 people / 20,208 images"), ("celeb-reid-light", "490 people / 9,021 images")]
)
def test_the_two_differ_in_their_counts(tmp_path: Path, name: str, train: str) -> None:
    benchmark = read_benchmark(name, plant_golden("celeb-reid", tmp_path))
    assert benchmark.name == name
    assert train in benchmark.warnings[0]
    assert [(p.name, p.ignore, p.draws) for p in benchmark.protocols] == [("standard", Ignore.NOTHING, 0)]


def test_the_person_is_the_first_number(tmp_path: Path) -> None:
    gallery = read_benchmark("celeb-reid", plant_golden("celeb-reid", tmp_path)).subset("gallery")
    assert gallery.person[gallery.files.index("gallery/420_10_0.jpg")] == 420
    assert gallery.people.tolist() == [4, 77, 420]
