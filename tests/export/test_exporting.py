"""Exported bundles: what they say of themselves, and when there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ccreid.data.preprocess import Preprocessing
from ccreid.errors import ArtefactError, SettingError
from ccreid.export.exporting import export
from ccreid.model.bundle import About, Bundle, load_bundle, save_bundle
from ccreid.model.engine import TorchEngine
from ccreid.model.exported import Library, read_exported
from ccreid.model.parity import largest_difference, noise
from exports import LICENCE, pictures, save_small_bundle, small_network, traced_once

FILES: list[tuple[Library, str]] = [("onnx", "small.onnx"), ("openvino", "small.xml")]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    traced_once(monkeypatch)
    return load_bundle(save_small_bundle(tmp_path / "bundle"))


@pytest.mark.parametrize(("library", "name"), FILES)
@pytest.mark.parametrize("flip", [False, True])
def test_what_is_exported_embeds_as_torch_does(
    bundle: Bundle, library: Library, name: str, flip: bool, tmp_path: Path
) -> None:
    card = export(bundle, tmp_path / name, library, flip=flip, batches=pictures(3, 1))
    engine = read_exported(tmp_path / name)
    assert engine.card == card
    assert (engine.flip, engine.dimension) == (flip, bundle.network.dimension)
    torch_engine = TorchEngine(bundle.network, flip=flip)
    difference = largest_difference(engine, torch_engine, pictures(3, 1))
    assert card.largest_difference == difference <= 1e-5
    for images in pictures(2, 5):
        with engine.running() as run, torch_engine.running() as run_torch:
            torch.testing.assert_close(run(images), run_torch(images), rtol=0, atol=1e-5)
            earlier = run(images)
            run(-images)
            torch.testing.assert_close(earlier, run_torch(images), rtol=0, atol=1e-5)  # not written over


def test_a_file_says_what_its_pictures_go_through(bundle: Bundle, tmp_path: Path) -> None:
    card = export(bundle, tmp_path / "small.onnx", "onnx", flip=True, batches=pictures(2))
    assert (card.preprocessing.height_px, card.preprocessing.width_px) == (64, 32)
    assert card.preprocessing.mean == bundle.preprocessing.mean
    assert (card.weights_sha256, card.backbone, card.flip) == (bundle.weights_hash, "test_resnet", True)
    assert (card.trained_on, card.licence) == ("drawn", LICENCE)
    assert (card.precision, card.compared_on, card.quantised) == ("32-true", 2, None)
    assert card.made_with["weights"] == bundle.weights_hash


@pytest.mark.parametrize(("library", "name"), FILES)
@pytest.mark.parametrize("factor", [1.5, float("nan")])
def test_nothing_is_written_where_torch_says_something_else(
    bundle: Bundle, library: Library, name: str, factor: float, tmp_path: Path
) -> None:
    """The graph is that of the network as it was drawn."""
    path = tmp_path / "out" / name
    with torch.no_grad():
        bundle.network.neck.weight[::2] *= factor
    with pytest.raises(ArtefactError, match=r"differ from torch's by up to .*nothing was written"):
        export(bundle, path, library, flip=False, batches=pictures(2))
    assert not path.parent.exists()


@pytest.mark.slow
def test_a_network_that_openvino_cannot_run_is_refused(tmp_path: Path) -> None:
    """A mean over 2 x 2 pixels of a feature map of 2 x 1, which torch and ONNX Runtime clip."""
    tiny = Preprocessing(32, 16)
    save_bundle(tmp_path / "bundle", small_network(height_px=32, width_px=16), tiny, About())
    bundle = load_bundle(tmp_path / "bundle")
    with pytest.raises(SettingError, match=r"OpenVINO cannot run this network: .*AveragePool") as refused:
        export(bundle, tmp_path / "out" / "tiny.xml", "openvino", flip=False, batches=[noise(tiny, 1)])
    assert "--to onnx" in refused.value.mend
    assert not (tmp_path / "out").exists()
