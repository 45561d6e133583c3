"""Which engine runs a bundle: torch, or a library for which the bundle was exported."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, CcreidError, SettingError
from ccreid.machine.devices import Device
from ccreid.model.engine import Engine, TorchEngine
from ccreid.model.exported import MEND, SUFFIXES, ExportedEngine, Library, kept_file, read_exported
from ccreid.model.parity import PARITY, largest_difference, noise

EngineName = Literal["auto", "torch", "onnx", "openvino"]

FASTEST_FIRST: tuple[Library, ...] = ("onnx", "openvino")
"""In the order that `ccreid bench embed` gave, see docs/performance.md; for ResNet-50 the two were equally fast."""

logger = logging.getLogger(__name__)


def check_name(name: str) -> None:
    """Raises SettingError where there is no such engine."""
    if name not in get_args(EngineName):
        raise SettingError(f"There is no engine {name!r}.", f"Choose one of {', '.join(get_args(EngineName))}.")


def device_for(name: EngineName, device: Device) -> Device:
    """Where a bundle is loaded: a library runs on the processor. Raises SettingError where that is against `device`."""
    if name not in FASTEST_FIRST:
        return device
    if device not in ("auto", "cpu"):
        raise SettingError(f"{name} runs on the processor, not on {device}.", "Leave the device out.")
    return "cpu"


def engine_of_file(path: Path, name: EngineName, device: Device, flip: bool | None) -> ExportedEngine:
    """What runs an exported file, which settles the library, the device and the flip.

    Raises
    ------
    SettingError
        One of them was asked for otherwise, or the library is not installed.
    ArtefactError
        It is no exported file, or damaged.
    """
    library = SUFFIXES[path.suffix]
    if name not in ("auto", library):
        raise SettingError(f"{path} is run by {library}, not by {name}.", "Leave the engine out.")
    if device not in ("auto", "cpu"):
        raise SettingError(f"{library} runs on the processor, not on {device}.", "Leave the device out.")
    found = read_exported(path)
    if flip not in (None, found.flip):
        has = "adds" if found.flip else "does not add"
        raise SettingError(f"{path} {has} mirror images, whatever is asked for.", "Export the bundle the other way.")
    return found


def chosen_engine(name: EngineName, engine: TorchEngine, weights_hash: str, preprocessing: Preprocessing) -> Engine:
    """What runs a bundle.

    Parameters
    ----------
    name:
        A library must have its exported file in the user's cache. "auto" takes the fastest that has one, where torch
        would compute the same: in float32 on the processor; else it is torch.
    engine:
        torch with the bundle's network: what is chosen among and compared with.
    weights_hash, preprocessing:
        Of the bundle.

    Raises
    ------
    ArtefactError
        The library that was asked for has no file of these weights, or gives other embeddings than torch.
    SettingError
        The library is not installed.
    """
    if name == "torch":
        return engine
    if name == "auto":
        same = engine.device.type == "cpu" and engine.precision == "32-true"
        return _fastest(engine, weights_hash, preprocessing) if same else engine
    found = _kept(name, engine, weights_hash, preprocessing)
    if found is None:
        with_flip = "with" if engine.flip else "without"
        raise ArtefactError(
            f"There is no exported network of these weights for {name}, {with_flip} mirror images.",
            f"Make it: ccreid export BUNDLE --to {name} --{'flip' if engine.flip else 'no-flip'}",
        )
    return found


def _fastest(engine: TorchEngine, weights_hash: str, preprocessing: Preprocessing) -> Engine:
    for library in FASTEST_FIRST:
        try:
            found = _kept(library, engine, weights_hash, preprocessing)
        except CcreidError as error:
            logger.warning("%s It is passed over.", error.message)
        else:
            if found is not None:
                return found
    return engine


def _kept(
    library: Library, engine: TorchEngine, weights_hash: str, preprocessing: Preprocessing
) -> ExportedEngine | None:
    """The exported network of a bundle, compared anew: another processor may compute otherwise. None without one."""
    path = kept_file(weights_hash, library, flip=engine.flip)
    if path is None or not path.is_file():
        return None
    found = read_exported(path)
    described = (found.card.weights_sha256, found.card.preprocessing.model_dump(), found.flip, found.precision)
    if described != (weights_hash, preprocessing.to_json(), engine.flip, "32-true"):
        raise ArtefactError(f"{path} is of another network, or of other preprocessing.", MEND)
    reference = replace(engine, precision="32-true", autocast=nullcontext)
    difference = largest_difference(found, reference, [noise(preprocessing, 2)])
    if not difference <= PARITY:
        raise ArtefactError(
            f"{path} gives embeddings on this machine that differ from torch's by up to {difference:.2g}, more than "
            f"{PARITY:g}.",
            "Use torch, or export the bundle again on this machine.",
        )
    return found
