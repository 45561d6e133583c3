"""Embeddings of a subset, kept on disk so that they are made once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ccreid.data.fingerprint import status_fingerprint
from ccreid.errors import ArtefactError, DataError
from ccreid.machine.progress import Track, untracked
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import Embeddings
from ccreid.vocabulary import Pictures

logger = logging.getLogger(__name__)


def cached_embeddings(
    embedder: Embedder, pictures: Pictures, name: str, folder: Path | None, track: Track[object] = untracked
) -> Embeddings:
    """Embeddings of the subset `name`, from a folder where it holds those of the same weights, settings and files.

    Parameters
    ----------
    embedder, pictures, name:
        What makes the embeddings, of what.
    folder:
        Of the embeddings' files; None keeps none.
    track:
        Follows the batches for the user.

    Raises
    ------
    DataError, ImageError
        There are no pictures, or one cannot be read.
    """
    if not len(pictures):
        raise DataError(f"There are no images in the subset '{name}'.", "Check the data set.")
    made_with = embedder.made_with | {"images": status_fingerprint(pictures)}
    key = hashlib.sha256(json.dumps(made_with, sort_keys=True).encode()).hexdigest()[:12]
    path = None if folder is None else folder / f"{name}-{key}.safetensors"
    found = None if path is None else _found(path, made_with)
    if not embedder.processes.any(found is None) and found is not None:
        return found
    made = replace(embedder(pictures, track=track, doing=f"Embedding {name}"), made_with=made_with)
    if path is not None and embedder.processes.leads:
        made.save(path)
    return made


def _found(path: Path, made_with: Mapping[str, str]) -> Embeddings | None:
    if not path.exists():
        return None
    try:
        found = Embeddings.load(path)
    except ArtefactError as error:
        logger.warning("%s It is made anew.", error.message)
        return None
    return found if found.made_with == made_with else None
