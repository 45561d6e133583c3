"""The tensors in a file of weights, by name; nothing that the file holds is ever run."""

from __future__ import annotations

import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from ccreid.errors import WeightsError

Sections = dict[str, dict[str, Tensor]]
"""The tensors of a file by their names, in the mappings that hold them, by dotted path: '' where they lie on top."""

SAVE_ALONE = (
    "In the program that made it, save the network's state alone: torch.save(model.state_dict(), 'weights.pth')."
)
AGAIN = "Copy or download it again."

BEGINNINGS = (
    (b"version https://git-lfs", "a pointer of git-lfs, not the file itself", "Fetch the file: git lfs pull."),
    (b"<", "a web page", "Download the file itself; the address of a page about it will not do."),
    (b"\x89HDF", "HDF5, as Keras writes", "Load it where it was made and save it by torch or safetensors."),
    (b"\x1f\x8b", "compressed", "Unpack it with gunzip."),
    (b"{", "text", "Name the file of the weights."),
)
"""How files begin that stand where weights should, what each is, and what to do."""

DEEPEST = 8
"""Mappings in mappings that are looked into: a file may hold one that holds itself."""

OF_NUMPY = tuple(
    f"{room}.{name}"
    for room in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy", "numpy.dtypes")
    for name in (
        "scalar",
        "dtype",
        "ndarray",
        "_reconstruct",
        "Float64DType",
        "Float32DType",
        "Int64DType",
        "BoolDType",
    )
)
"""What scores and counts beside the weights are made of, in files of whatever age."""


class _Nothing:
    """Stands where a file has a value of NumPy; it is told what the value is made of and keeps nothing."""

    def __init__(self, *_parts: object, **_named: object) -> None: ...

    def __setstate__(self, _state: object) -> None: ...


class _Mapping:
    """Stands where a file has any other object, as a mapping, because that may be what it is."""

    def __new__(cls, *_parts: object, **_named: object) -> Self:
        return OrderedDict()  # type: ignore[return-value]  # the unpickler asks for a class and takes what it makes


def read_tensors(path: Path) -> Sections:
    """Read every tensor of a file that safetensors or torch wrote, on the CPU.

    Whatever lies beside the tensors (scores, settings, the state of an optimizer) is passed over: the objects that a
    file asks for are never made, something inert stands in their place.

    Parameters
    ----------
    path:
        Of the file; its name may end in anything.

    Raises
    ------
    WeightsError
        It is another kind of file, it is damaged, or it holds no tensors by name.
    """
    try:
        with path.open("rb") as stream:
            beginning = stream.read(64)
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror or error}", "Name a file that can.") from error
    for begins, what, mend in BEGINNINGS:
        if beginning.lstrip().startswith(begins):
            raise _refused(path, f"is {what}", mend)
    if not beginning:
        raise _refused(path, "is empty", AGAIN)
    held = _of_safetensors(path) if beginning[8:9] == b"{" else _of_torch(path, beginning)
    sections: Sections = {}
    for section, name, tensor in _tensors(held):
        sections.setdefault(section, {})[name] = tensor
    if not sections:
        raise _refused(path, "holds no tensors by name", SAVE_ALONE)
    return sections


def _of_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except (SafetensorError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise _refused(path, f"is cut off or damaged: {error}", AGAIN) from error


def _of_torch(path: Path, beginning: bytes) -> object:
    zipped = _is_whole_zip(path)
    if not zipped and beginning.startswith(b"PK"):
        raise _refused(path, f"is cut off after {path.stat().st_size} bytes", AGAIN)
    try:
        asked = get_unsafe_globals_in_checkpoint(path) if zipped else OF_NUMPY
        with (
            warnings.catch_warnings(action="ignore"),
            safe_globals([(_Nothing if name.startswith("numpy") else _Mapping, name) for name in asked]),
        ):
            loaded: object = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip and unpickling each have errors (and unsafe advice) of their own
        raise _refused(
            path,
            f"is neither a safetensors file nor a state that torch saved, or it is damaged: {type(error).__name__}",
            SAVE_ALONE,
        ) from error
    return loaded


def _is_whole_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:  # a part of several disks, or so a damaged one says
        return False


def _tensors(held: object, section: str = "", deep: int = 0) -> Iterator[tuple[str, str, Tensor]]:
    """Section, name and value of every tensor, in the order of the file."""
    if not isinstance(held, Mapping) or deep > DEEPEST:
        return
    for key, value in held.items():
        if type(value) in (Tensor, nn.Parameter):
            if _is_plain(value):
                yield section, str(key), value.detach()
        else:
            yield from _tensors(value, f"{section}.{key}" if section else str(key), deep + 1)


def _is_plain(tensor: Any) -> bool:
    """Whether it holds a number in each place: sparse and quantised ones, and those of shape alone, do not."""
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized


def _refused(path: Path, why: str, mend: str) -> WeightsError:
    return WeightsError(f"network.weights: {path} {why}.", mend)
