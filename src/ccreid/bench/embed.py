"""Exported networks over torch, on the same batches and the same threads."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType

from torch import Tensor

from ccreid.bench.measure import Measured, rounds
from ccreid.data.preprocess import Preprocessing
from ccreid.export.exporting import export
from ccreid.machine.seeds import seeded
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, Bundle, load_bundle, save_bundle
from ccreid.model.engine import Engine, TorchEngine
from ccreid.model.exported import Library, read_exported
from ccreid.model.network import Network
from ccreid.model.parity import noise

FILES: MappingProxyType[Library, str] = MappingProxyType({"onnx": "network.onnx", "openvino": "network.xml"})
BOUND = 1.5


@dataclass(frozen=True)
class Size:
    """A network, and how many images it is given at once."""

    backbone: str
    height_px: int
    width_px: int
    last_stride: int
    batch_images: int


SIZES = (Size("mobilenetv2_100", 128, 64, 2, 64), Size("resnet50", 256, 128, 1, 32))
QUICK = (Size("test_resnet", 64, 32, 2, 4),)


def measure(*, quick: bool) -> Iterator[Measured]:
    """Throughput of each engine, mirror images included, and how many times that of torch it is."""
    for size in QUICK if quick else SIZES:
        yield from _engines(size, quick=quick)


def _engines(size: Size, *, quick: bool) -> Iterator[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        bundle = _bundle(size, Path(folder) / "bundle")
        images = noise(bundle.preprocessing, size.batch_images)
        engines: dict[str, Engine] = {"torch": TorchEngine(bundle.network)}
        for library, name in FILES.items():
            export(bundle, Path(folder) / name, library, flip=True, batches=[images[:2]])
            engines[library] = read_exported(Path(folder) / name)
        variants: dict[str, Callable[[], object]] = {
            name: partial(_embed, engine, images) for name, engine in engines.items()
        }
        timings = rounds(variants, quick=quick)
    what = f"{size.backbone}, {size.height_px} x {size.width_px}, batches of {size.batch_images}, with mirror images"
    seconds = timings.medians
    yield Measured(f"torch: {what}", size.batch_images / seconds["torch"], "images/s")
    for library in FILES:
        yield Measured(
            f"{library} over torch: {what}",
            timings.ratio("torch", over=library),
            "x",
            None if quick else BOUND,
            "at least",
            seconds={name: seconds[name] for name in ("torch", library)},
            note=f"{size.batch_images / seconds[library]:.4g} images/s, in float32",
        )


def _embed(engine: Engine, images: Tensor) -> None:
    with engine.running() as run:
        run(images)


def _bundle(size: Size, folder: Path) -> Bundle:
    with seeded(0):
        network = Network(
            Backbone(size.backbone, height_px=size.height_px, width_px=size.width_px, last_stride=size.last_stride)
        )
    save_bundle(folder, network, Preprocessing(size.height_px, size.width_px), About())
    return load_bundle(folder)
