"""Which embeddings can be compared with each other."""

from __future__ import annotations

from collections.abc import Mapping

from ccreid.errors import ArtefactError

MODEL_KEYS = ("weights", "pictures", "preprocessing", "flip", "precision")
"""What two embeddings must have in common to be compared, see :attr:`ccreid.model.embedder.Embedder.made_with`."""


def differing(made_with: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """In what two models' embeddings differ; nothing where they can be compared."""
    return [key for key in MODEL_KEYS if made_with.get(key) != other.get(key)]


def check_same_model(made_with: Mapping[str, str], what: str, other: Mapping[str, str], than: str, mend: str) -> None:
    """Raise ArtefactError, naming `what` and in which it differs, where it is of another model `than` another."""
    if keys := differing(made_with, other):
        raise ArtefactError(
            f"{what} was made with another model than {than}, or in another way: {', '.join(keys)} differ.", mend
        )
