"""Which engine an embedder runs, and that all of them give the same embeddings."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError, SettingError
from ccreid.export.exporting import export
from ccreid.model import choosing
from ccreid.model.bundle import CARD, About, load_bundle, save_bundle
from ccreid.model.choosing import EngineName
from ccreid.model.embedder import Embedder
from ccreid.model.exported import ExportedEngine, Library, kept_file
from ccreid.runs.score import embedder_of
from exports import PREPROCESSING, pictures, save_small_bundle, small_network, traced_once

LIBRARIES: tuple[Library, ...] = ("openvino", "onnx")

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # of more workers than cores
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a bundle, and its exported networks as they are kept; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("kept")
    save_small_bundle(folder / "bundle")
    bundle = load_bundle(folder / "bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCREID_CACHE", str(folder / "cache"))
        traced_once(patch)
        for library in LIBRARIES:
            export(bundle, kept(bundle.weights_hash, library), library, flip=True, batches=pictures(2))
    return folder


def kept(weights_hash: str, library: Library, *, flip: bool = True) -> Path:
    path = kept_file(weights_hash, library, flip=flip)
    assert path
    return path


@pytest.fixture
def bundle(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundle with its exported networks, to be changed."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path / "cache"))
    return tmp_path / "bundle"


@pytest.fixture(scope="module")
def paths(small_wardrobe: Path) -> list[Path]:
    samples = read_benchmark("wardrobe", small_wardrobe).subset("query")
    return [samples.path(row) for row in range(7)]


def library_of(embedder: Embedder) -> str:
    return embedder.engine.library if isinstance(embedder.engine, ExportedEngine) else "torch"


@pytest.mark.parametrize("engine", get_args(EngineName))
def test_every_engine_gives_the_same_embeddings_under_the_same_key(
    bundle: Path, paths: list[Path], engine: EngineName
) -> None:
    reference = Embedder.load(bundle, "cpu", engine="torch")
    embedder = Embedder.load(bundle, engine=engine)
    assert library_of(embedder) == ("onnx" if engine == "auto" else engine)
    assert embedder.made_with == reference.made_with
    found = replace(embedder, batch_images=3)(paths)
    assert found.made_with == embedder.made_with
    torch.testing.assert_close(found.vectors, reference(paths).vectors, rtol=0, atol=1e-5)


@pytest.mark.parametrize("engine", LIBRARIES)
def test_pictures_are_decoded_by_other_processes_for_every_engine(
    bundle: Path, paths: list[Path], engine: EngineName
) -> None:
    embedder = replace(Embedder.load(bundle, engine=engine), batch_images=2)
    alone, together = (replace(embedder, workers=workers)(paths).vectors for workers in (0, 2))
    assert torch.equal(alone, together)


def test_the_fastest_that_is_there_is_taken(bundle: Path) -> None:
    weights = load_bundle(bundle).weights_hash
    assert library_of(Embedder.load(bundle)) == "onnx"
    assert library_of(Embedder.load(bundle, flip=False)) == "torch"  # none was exported
    kept(weights, "onnx").unlink()
    assert library_of(Embedder.load(bundle)) == "openvino"
    kept(weights, "openvino").unlink()
    assert library_of(Embedder.load(bundle)) == "torch"


def test_scores_are_torchs_whatever_is_there(bundle: Path) -> None:
    assert library_of(embedder_of(load_bundle(bundle))) == "torch"


def test_a_bundle_that_computes_otherwise_is_run_by_torch_unless_told(bundle: Path, paths: list[Path]) -> None:
    """Its float embeddings are another model's, and say so."""
    rough = replace(load_bundle(bundle), card=load_bundle(bundle).card.model_copy(update={"precision": "bf16-mixed"}))
    assert library_of(Embedder.load(rough, "cpu")) == "torch"
    fine = Embedder.load(rough, engine="onnx")
    assert library_of(fine) == "onnx"
    assert fine.made_with != Embedder.load(rough, "cpu").made_with
    assert fine.made_with == Embedder.load(bundle, "cpu", engine="torch").made_with


@pytest.mark.parametrize("engine", LIBRARIES)
def test_a_library_without_its_file_is_told_how_to_make_it(bundle: Path, engine: EngineName) -> None:
    with pytest.raises(ArtefactError, match=f"no exported network of these weights for {engine}, without mirror") as no:
        Embedder.load(bundle, engine=engine, flip=False)
    assert f"ccreid export BUNDLE --to {engine} --no-flip" in no.value.mend


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("engine", LIBRARIES)
def test_a_damaged_file_is_refused_where_it_was_asked_for_and_passed_over_elsewhere(
    bundle: Path, engine: EngineName, caplog: pytest.LogCaptureFixture
) -> None:
    for library in LIBRARIES:
        spoil(kept(load_bundle(bundle).weights_hash, library))
    with pytest.raises(ArtefactError):
        Embedder.load(bundle, engine=engine)
    assert library_of(Embedder.load(bundle)) == "torch"
    assert caplog.text.count("It is passed over.") == 2


@pytest.fixture
def another(bundle: Path, tmp_path: Path) -> Path:
    """A bundle of other weights, for which the exported networks of the first are kept."""
    network = small_network()
    with torch.no_grad():
        network.neck.weight[::2] *= 2
    weights = save_bundle(tmp_path / "another", network, PREPROCESSING, About())
    shutil.copytree(kept(load_bundle(bundle).weights_hash, "onnx").parent, kept(weights, "onnx").parent)
    return tmp_path / "another"


@pytest.mark.parametrize("engine", LIBRARIES)
def test_another_networks_file_is_refused(another: Path, engine: EngineName) -> None:
    with pytest.raises(ArtefactError, match="is of another network"):
        Embedder.load(another, engine=engine)
    assert library_of(Embedder.load(another)) == "torch"


@pytest.mark.parametrize("engine", LIBRARIES)
def test_a_machine_on_which_they_differ_is_found_out(
    bundle: Path, engine: EngineName, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "PARITY", -1.0)
    with pytest.raises(ArtefactError, match="differ from torch's by up to"):
        Embedder.load(bundle, engine=engine)
    assert library_of(Embedder.load(bundle)) == "torch"


def test_an_exported_file_needs_no_bundle(bundle: Path, paths: list[Path]) -> None:
    expected = Embedder.load(bundle, "cpu", engine="torch")(paths)
    files = [kept(load_bundle(bundle).weights_hash, library) for library in LIBRARIES]
    (bundle / CARD).unlink()
    for path in files:
        embedder = Embedder.load(path)
        found = embedder(paths)
        torch.testing.assert_close(found.vectors, expected.vectors, rtol=0, atol=1e-5)
        assert found.made_with == expected.made_with


def test_a_file_settles_what_runs_it(bundle: Path) -> None:
    path = kept(load_bundle(bundle).weights_hash, "onnx")
    assert library_of(Embedder.load(path, "cpu", flip=True, engine="onnx")) == "onnx"
    with pytest.raises(SettingError, match="is run by onnx, not by torch"):
        Embedder.load(path, engine="torch")
    with pytest.raises(SettingError, match="onnx runs on the processor, not on cuda"):
        Embedder.load(path, "cuda")
    with pytest.raises(SettingError, match="adds mirror images, whatever is asked for"):
        Embedder.load(path, flip=False)
    with pytest.raises(ArtefactError, match=r"none\.onnx is no exported network"):
        Embedder.load(path.with_name("none.onnx"))


def test_an_unknown_engine_is_refused_with_those_there_are(bundle: Path) -> None:
    with pytest.raises(SettingError, match="no engine 'tensorrt'") as unknown:
        Embedder.load(bundle, engine="tensorrt")  # type: ignore[arg-type]
    assert "auto, torch, onnx, openvino" in unknown.value.mend
