"""Exported files that are no exported files."""

from __future__ import annotations

import sys
from pathlib import Path

import onnx
import pytest
import torch

from ccreid.errors import ArtefactError, SettingError
from ccreid.export.exporting import export
from ccreid.model.bundle import load_bundle
from ccreid.model.engine import TorchEngine
from ccreid.model.exported import Library, kept_file, read_exported
from ccreid.model.parity import PARITY, largest_difference, noise
from exports import PREPROCESSING, changed_bytes, pictures, save_small_bundle, small_graph, small_network, traced_once


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds small.onnx and small.xml, which tests leave as they are."""
    folder = tmp_path_factory.mktemp("exported")
    bundle = load_bundle(save_small_bundle(folder / "bundle"))
    files: dict[Library, str] = {"onnx": "small.onnx", "openvino": "small.xml"}
    with pytest.MonkeyPatch.context() as patch:
        traced_once(patch)
        for library, name in files.items():
            export(bundle, folder / name, library, flip=True, batches=pictures(2))
    return folder


def refused(path: Path, why: str | None = None) -> None:
    with pytest.raises(ArtefactError, match=why) as caught:
        read_exported(path)
    assert str(path.with_suffix("")) in caught.value.message
    assert "ccreid export" in caught.value.mend


@pytest.mark.parametrize("name", ["none.onnx", "none.xml", "small.pt", "bundle"])
def test_what_is_not_there_is_named(folder: Path, name: str) -> None:
    refused(folder / name, "no exported network")


@pytest.mark.parametrize("name", ["small.onnx", "small.bin"])
def test_a_single_wrong_bit_is_found(folder: Path, name: str) -> None:
    def turned(content: bytes) -> bytes:
        place = len(content) // 2  # among the weights
        return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]

    path = folder / name
    with changed_bytes(path, turned):
        refused(path.with_suffix(".xml") if path.suffix == ".bin" else path, "is damaged")


@pytest.mark.parametrize("name", ["small.onnx", "small.xml", "small.bin"])
@pytest.mark.parametrize("kept", [0, 1, 100, 5000])
def test_half_a_file_is_refused(folder: Path, name: str, kept: int) -> None:
    path = folder / name
    with changed_bytes(path, lambda content: content[:kept]):
        refused(path.with_suffix(".xml") if path.suffix == ".bin" else path)


def test_numbers_that_are_missing_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "small.xml").write_bytes((folder / "small.xml").read_bytes())
    refused(tmp_path / "small.xml", r"small")


def test_graphs_of_others_are_refused(tmp_path: Path) -> None:
    onnx.save(small_graph(flip=True), tmp_path / "others.onnx")
    refused(tmp_path / "others.onnx", "not made by ccreid")


def test_another_format_is_refused(folder: Path) -> None:
    path = folder / "small.xml"
    with changed_bytes(path, lambda content: content.replace(b"ccreid-exported-1", b"ccreid-exported-9")):
        refused(path, "format")


@pytest.mark.parametrize(("name", "library", "extra"), [
    ("small.onnx", "onnxruntime", "export"), ("small.xml", "openvino", "openvino"),
])  # fmt: skip
def test_a_missing_library_is_named_with_its_extra(
    folder: Path, name: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Finder:
        def find_spec(self, wanted: str, *_: object) -> None:
            if wanted == library:
                raise ModuleNotFoundError(f"No module named {wanted!r}", name=wanted)

    monkeypatch.delitem(sys.modules, library, raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(SettingError, match=f"{library} is needed to run an exported network") as missing:
        read_exported(folder / name)
    assert f"ccreid[{extra}]" in missing.value.mend


def test_they_are_kept_by_weights_library_and_flip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path))
    libraries: tuple[Library, ...] = ("onnx", "openvino")
    places = {
        kept_file(weights, library, flip=flip) for weights in "ab" for library in libraries for flip in (False, True)
    }
    assert len(places) == 8
    assert all(place and place.is_relative_to(tmp_path) for place in places)
    monkeypatch.setenv("CCREID_CACHE", "off")
    assert kept_file("a", "onnx", flip=True) is None


def test_a_difference_is_the_largest_of_all_batches() -> None:
    network, other = small_network(), small_network()
    with torch.no_grad():
        other.neck.weight[::2] *= 1.001
    batches = [*noise(PREPROCESSING, 4).split(1)]
    one, two = TorchEngine(network, flip=False), TorchEngine(other, flip=False)
    alone = [largest_difference(one, two, [batch]) for batch in batches]
    assert largest_difference(one, two, batches) == max(alone) > min(alone)
    assert largest_difference(one, one, batches) == 0
    assert max(alone) < PARITY * 100
