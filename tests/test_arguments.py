"""Public functions take paths as text or as objects, and name an argument of a wrong kind."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ccreid
from ccreid.evaluation import rerank
from ccreid.ops import density_clusters, jaccard_distance
from ccreid.recipe import to_yaml
from trees import TREES, plant

UNIT = torch.eye(2)


class Somewhere:
    """Stands for a path, as objects of other libraries do."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __fspath__(self) -> str:
        return str(self.place)


def embeddings() -> ccreid.Embeddings:
    return ccreid.Embeddings(UNIT, ("a", "b"), {})


Door = Callable[[Any], object]

DOORS: dict[str, tuple[str, Door]] = {
    "load_bundle": ("named", ccreid.load_bundle),
    "Embedder.load": ("bundle", lambda path: ccreid.Embedder.load(path)),
    "read_benchmark": ("root", lambda path: ccreid.read_benchmark("folder", path)),
    "load_recipe": ("source", ccreid.load_recipe),
    "load_recipe, data": ("data", lambda path: ccreid.load_recipe("wardrobe", data=path)),
    "Embeddings.load": ("path", ccreid.Embeddings.load),
    "Embeddings.save": ("path", lambda path: embeddings().save(path)),
    "Pictures": ("root", lambda path: ccreid.Pictures(path, ("1.jpg",))),
    "Samples": ("root", lambda path: ccreid.Samples(np.array([1]), root=path, files=("1.jpg",))),
    "Benchmark": ("root", lambda path: ccreid.Benchmark("mine", path, {}, ())),
}
MAY_BE_NONE = {"read_benchmark", "load_recipe, data"}


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("odd", [3, True, None, b"bytes", 1.5, ["a"], "a\0b", "a\udcff"], ids=repr)
def test_what_is_no_path_is_refused_by_its_argument(name: str, odd: Any) -> None:
    argument, call = DOORS[name]
    if odd is None and name in MAY_BE_NONE:
        return
    with pytest.raises(ccreid.CcreidError, match=f"^{argument} = ") as refused:
        call(odd)
    assert refused.value.mend


@pytest.mark.parametrize("kind", [str, Path, Somewhere])
def test_text_and_objects_are_paths(kind: Callable[[Path], Any], tmp_path: Path) -> None:
    root = plant(tmp_path / "mine", *TREES["folder"]())
    assert ccreid.read_benchmark("folder", kind(root)).root == root
    assert ccreid.load_recipe("wardrobe", data=kind(root)).data.root == str(root)
    assert ccreid.load_bundle(kind(Path("wardrobe"))).weights_hash
    embeddings().save(kind(tmp_path / "two.safetensors"))
    assert ccreid.Embeddings.load(kind(tmp_path / "two.safetensors")).files == ("a", "b")
    (tmp_path / "recipe.yaml").write_text(to_yaml(ccreid.load_recipe("wardrobe", ["training.epochs=30"])))
    assert ccreid.load_recipe(kind(tmp_path / "recipe.yaml")).training.epochs == 30
    pictures = ccreid.Pictures(kind(root), ["query/emil/0.png"])  # type: ignore[arg-type]  # a list will do
    assert os.fspath(pictures.path(0)) == str(root / "query/emil/0.png")
    assert pictures.files == ("query/emil/0.png",)


@pytest.mark.parametrize("odd", ["1.jpg", b"1.jpg", [1], [None], [Path("1.jpg")]], ids=repr)
def test_names_of_files_are_texts(odd: Any) -> None:
    with pytest.raises(ccreid.CcreidError, match=r"files is no sequence of texts"):
        ccreid.Pictures(Path(), odd)
    with pytest.raises(ccreid.CcreidError, match=r"files is no sequence of texts"):
        ccreid.Samples(np.array([1]), root=Path(), files=odd)


@pytest.mark.parametrize("odd", [0, -1, True, 1.5, "1", None], ids=repr)
def test_counts_are_whole_numbers(odd: Any) -> None:
    people = ccreid.Samples(np.array([1, 2]), root=Path(), files=("1.jpg", "2.jpg"))
    scores = ccreid.score(UNIT, UNIT, people, people)
    assert scores.at(np.int64(1)) == 1  # type: ignore[arg-type]
    with pytest.raises(ccreid.CcreidError, match=r"^rank = "):
        scores.at(odd)
    with pytest.raises(ccreid.CcreidError, match=r"^batch_images = "):
        ccreid.Embedder.load("wardrobe", "cpu", batch_images=odd)
    with pytest.raises(ccreid.CcreidError, match=r"^batch_images = "):
        replace(ccreid.Embedder.load("wardrobe", "cpu"), batch_images=odd)


@pytest.mark.parametrize("odd", [True, -0.5, "1", None, float("nan")], ids=repr)
def test_numbers_and_counts_of_operations(odd: Any) -> None:
    calls: dict[str, Callable[[], object]] = {
        "k1": lambda: jaccard_distance(UNIT, k1=odd),
        "k2": lambda: jaccard_distance(UNIT, k2=odd),
        "eps": lambda: density_clusters(UNIT, eps=odd),
        "min_samples": lambda: density_clusters(UNIT, min_samples=odd),
        "k1 ": lambda: rerank(UNIT, UNIT, k1=odd),
        "share": lambda: rerank(UNIT, UNIT, share=odd),
    }
    for argument, call in calls.items():
        with pytest.raises(ccreid.CcreidError, match=rf"^{argument.strip()} = "):
            call()


@pytest.mark.parametrize("odd", [True, 1, None, "same camera"], ids=repr)
def test_a_rule_is_one(odd: Any) -> None:
    people = ccreid.Samples(np.array([1, 2]), root=Path(), files=("1.jpg", "2.jpg"))
    with pytest.raises(ccreid.CcreidError, match="is no rule"):
        ccreid.score(UNIT, UNIT, people, people, odd)


@pytest.mark.parametrize("odd", [3, None, ["ltcc"], b"ltcc"], ids=repr)
def test_the_name_of_a_data_set_is_a_text(odd: Any) -> None:
    with pytest.raises(ccreid.CcreidError, match="no data set called"):
        ccreid.read_benchmark(odd)


def test_assignments_are_a_list() -> None:
    with pytest.raises(ccreid.CcreidError, match=r"^assignments = 'training\.epochs=3' is a text"):
        ccreid.load_recipe("wardrobe", "training.epochs=3")
