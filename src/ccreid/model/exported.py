"""Exported networks, run by ONNX Runtime or OpenVINO."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, CcreidError
from ccreid.machine.caches import users_folder
from ccreid.machine.extras import need
from ccreid.machine.processes import CPU
from ccreid.model.engine import Run
from ccreid.model.export_card import INPUT, KEY, ExportCard
from ccreid.records import told

Library = Literal["onnx", "openvino"]
SUFFIXES: MappingProxyType[str, Library] = MappingProxyType({".onnx": "onnx", ".xml": "openvino"})
"""What runs a file, by the end of its name."""

MEND = "Export the bundle again: ccreid export BUNDLE --to onnx (or openvino)"

Floats = NDArray[np.float32]
RunArray = Callable[[Floats], Floats]


@dataclass(frozen=True, eq=False)
class ExportedEngine:
    """An exported network on the processor, ready to run. Made by :func:`read_exported`.

    Attributes
    ----------
    library:
        What runs it.
    card:
        What its file says of it.
    run_array:
        Maps (B, 3, H, W) float32 images in C order to (B, D) float32 embeddings of length 1.
    """

    library: Library
    card: ExportCard
    run_array: RunArray

    @property
    def preprocessing(self) -> Preprocessing:
        """What a picture goes through before."""
        return Preprocessing.from_json(self.card.preprocessing.model_dump())

    @property
    def flip(self) -> bool:
        """Whether the embedding of the mirror image is added, in the graph."""
        return self.card.flip

    @property
    def precision(self) -> str:
        """Which numbers it computes with."""
        return self.card.precision

    @property
    def dimension(self) -> int:
        """D of the embeddings."""
        return self.card.dimension

    @property
    def device(self) -> torch.device:
        """The processor."""
        return CPU

    @contextmanager
    def running(self) -> Iterator[Run]:
        """What maps a batch."""
        yield self._embeddings

    def _embeddings(self, images: Tensor) -> Tensor:
        return torch.from_numpy(self.run_array(np.ascontiguousarray(images.numpy())))


def is_exported(path: Path) -> bool:
    """Whether a path names an exported network rather than a bundle, which is a folder; it need not be there."""
    return path.suffix in SUFFIXES and not path.is_dir()


def read_exported(path: Path) -> ExportedEngine:
    """Load an exported network.

    Parameters
    ----------
    path:
        ``NAME.onnx``, or ``NAME.xml`` beside which ``NAME.bin`` lies.

    Raises
    ------
    SettingError
        What runs it is not installed.
    ArtefactError
        There is no such file, it is damaged, or it was not made by `ccreid export`.
    """
    if path.suffix not in SUFFIXES or not path.is_file():
        raise ArtefactError(f"{path} is no exported network: there is no such .onnx or .xml file.", MEND)
    try:
        return (_onnx if SUFFIXES[path.suffix] == "onnx" else _openvino)(path)
    except CcreidError:
        raise
    except Exception as error:  # both libraries, and protobuf below them, raise whatever comes
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ArtefactError(f"{path} cannot be run: {why}.", MEND) from error


def kept_file(weights_hash: str, library: Library, *, flip: bool) -> Path | None:
    """Where the exported network of these weights is kept, or would be; None where this user keeps nothing."""
    folder = users_folder()
    if folder is None:
        return None
    suffix = next(suffix for suffix, of in SUFFIXES.items() if of == library)
    return folder / "exported" / weights_hash / f"{'flip' if flip else 'plain'}{suffix}"


def _onnx(path: Path) -> ExportedEngine:
    onnx = need("onnx", extra="export", to="run an exported network")
    runtime = need("onnxruntime", extra="export", to="run an exported network")
    model = onnx.ModelProto.FromString(path.read_bytes())
    notes = {note.key: note.value for note in model.metadata_props}
    card = _card(path, notes.get(KEY))
    _check_seal(path, card, onnx_seal(model))
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; they are raised, too
    session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(images: Floats) -> Floats:
        (embeddings,) = session.run(None, {INPUT: images})
        return np.asarray(embeddings, np.float32)

    return ExportedEngine("onnx", card, run)


def _openvino(path: Path) -> ExportedEngine:
    openvino = need("openvino", extra="openvino", to="run an exported network")
    model = openvino.Core().read_model(path)
    card = _card(path, model.get_rt_info(KEY).astype(str) if model.has_rt_info(KEY) else None)
    _check_seal(path, card, openvino_seal(path))
    settings: dict[str, Any] = {
        # Newer processors would compute in bfloat16 of their own accord, which is another model.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    compiled = openvino.Core().compile_model(model, "CPU", settings)

    def run(images: Floats) -> Floats:
        return np.asarray(compiled(images)[0], np.float32)  # a copy: the next batch is computed where this one was

    return ExportedEngine("openvino", card, run)


def onnx_seal(model: Any) -> str:
    """Hexadecimal SHA-256 of an `onnx.ModelProto` without what it says of itself."""
    bare = type(model)()
    bare.CopyFrom(model)
    del bare.metadata_props[:]
    return hashlib.sha256(bare.SerializeToString(deterministic=True)).hexdigest()


def openvino_seal(path: Path) -> str:
    """Hexadecimal SHA-256 of the numbers that belong to an .xml file."""
    with path.with_suffix(".bin").open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _card(path: Path, text: str | None) -> ExportCard:
    if text is None:
        raise ArtefactError(f"{path} was not made by ccreid: it does not say what its pictures go through.", MEND)
    try:
        return ExportCard.model_validate_json(text)
    except ValidationError as error:
        raise ArtefactError(f"{path} says of itself what cannot be read: {told(error)}.", MEND) from error


def _check_seal(path: Path, card: ExportCard, found: str) -> None:
    if found != card.graph_sha256:
        raise ArtefactError(f"{path} is damaged: its SHA-256 is {found[:12]}, not {card.graph_sha256[:12]}.", MEND)
