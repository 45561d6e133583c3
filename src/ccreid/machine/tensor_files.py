"""Tensors in a file that tells when it is damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ccreid.errors import ArtefactError
from ccreid.machine.files import replacing

SEAL = "sha256"
"""The note that holds the hash of everything else in the file."""


def write_tensors(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> None:
    """Write tensors and notes, whole or not at all. Raises StorageError; what stood there before is then intact."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replacing(path) as temporary:
        save_file(stored, temporary, metadata={**notes, SEAL: seal(stored, notes)})


def read_notes(path: Path, mend: str) -> dict[str, str]:
    """The notes alone, which is quick: whether a bit of them is not as it was is not looked at.

    Raises
    ------
    ArtefactError
        It is no such file; what to do then is the caller's to say.
    """
    notes = _notes(path, mend)
    notes.pop(SEAL, None)
    return notes


def read_tensors(path: Path, mend: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes as they were written. A file without a hash, which others wrote, is taken as it is.

    Raises
    ------
    ArtefactError
        It is no such file, or a bit of it is not as it was; what to do then is the caller's to say.
    """
    notes = _notes(path, mend)
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    written = notes.pop(SEAL, None)
    if written is not None and written != seal(tensors, notes):
        raise ArtefactError(f"{path} is damaged: its contents are not those that were written.", mend)
    return tensors, notes


def _notes(path: Path, mend: str) -> dict[str, str]:
    try:
        with safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise ArtefactError(f"{path} is damaged: {error}.", mend) from error


def seal(tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> str:
    """SHA-256 of tensors on the CPU and notes, whatever the order they come in, hexadecimal."""
    digest = hashlib.sha256(json.dumps(sorted(notes.items())).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
