"""Which embeddings can be compared with each other."""

from __future__ import annotations

from collections.abc import Mapping

MODEL_KEYS = ("weights", "pictures", "preprocessing", "flip", "precision")
"""What two embeddings must have in common to be compared, see :attr:`ccreid.model.embedder.Embedder.made_with`."""


def differing(made_with: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """In what two models' embeddings differ; nothing where they can be compared."""
    return [key for key in MODEL_KEYS if made_with.get(key) != other.get(key)]
