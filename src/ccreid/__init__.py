"""Cloth-changing person re-identification with FIRe²: train, score, embed.

Names are imported when they are first used, so that ``import ccreid`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ccreid.version import __version__

if TYPE_CHECKING:
    from ccreid import datasets, evaluation, methods, model, ops
    from ccreid.data.crops import Crop
    from ccreid.datasets import read_benchmark
    from ccreid.errors import CcreidError
    from ccreid.evaluation import Scores, score
    from ccreid.model.bundle import Bundle, load_bundle
    from ccreid.model.embedder import Embedder
    from ccreid.model.embedding import Embeddings
    from ccreid.recipe import Recipe, load_recipe
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.vocabulary import Benchmark, Columns, Ignore, Pictures, Protocol, Samples

_HOMES = {
    "Benchmark": "ccreid.vocabulary",
    "Bundle": "ccreid.model.bundle",
    "CcreidError": "ccreid.errors",
    "Columns": "ccreid.vocabulary",
    "Crop": "ccreid.data.crops",
    "Embedder": "ccreid.model.embedder",
    "Embeddings": "ccreid.model.embedding",
    "Gallery": "ccreid.retrieval.gallery.gallery",
    "Ignore": "ccreid.vocabulary",
    "Pictures": "ccreid.vocabulary",
    "Protocol": "ccreid.vocabulary",
    "Recipe": "ccreid.recipe",
    "Samples": "ccreid.vocabulary",
    "Scores": "ccreid.evaluation",
    "load_bundle": "ccreid.model.bundle",
    "load_recipe": "ccreid.recipe",
    "read_benchmark": "ccreid.datasets",
    "score": "ccreid.evaluation",
}
_ROOMS = ("data", "datasets", "evaluation", "methods", "model", "ops", "training")

__all__ = [
    "Benchmark",
    "Bundle",
    "CcreidError",
    "Columns",
    "Crop",
    "Embedder",
    "Embeddings",
    "Gallery",
    "Ignore",
    "Pictures",
    "Protocol",
    "Recipe",
    "Samples",
    "Scores",
    "__version__",
    "datasets",
    "evaluation",
    "load_bundle",
    "load_recipe",
    "methods",
    "model",
    "ops",
    "read_benchmark",
    "score",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _ROOMS:
        return importlib.import_module(f"ccreid.{name}")
    raise AttributeError(f"module 'ccreid' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*__all__, *globals()})
