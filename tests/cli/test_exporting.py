"""`ccreid export`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ccreid.datasets import read_benchmark
from ccreid.evaluation.evaluate import evaluate
from ccreid.model.bundle import About, load_bundle, save_bundle
from ccreid.model.embedder import Embedder
from ccreid.model.exported import Library, kept_file, read_exported
from ccreid.retrieval.crops.crop_file import CropFile
from conftest import Run
from exports import PREPROCESSING, save_small_bundle, small_network, traced_once

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


@pytest.fixture(autouse=True)
def _bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    traced_once(monkeypatch)
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path / "kept"))
    save_small_bundle(tmp_path / "small")


@pytest.mark.parametrize(("to", "name"), [("onnx", "out/other.onnx"), ("openvino", "out/other.xml")])
def test_a_named_file_is_written_and_the_difference_printed(
    ccreid_command: Run, tmp_path: Path, to: Library, name: str
) -> None:
    code, out, err = ccreid_command("export", "small", "--to", to, "--out", name, "--no-flip")
    assert (code, err) == (0, "")
    card = read_exported(tmp_path / name).card
    assert card.flip is False
    assert f"Largest difference from torch: {card.largest_difference:.1e} on {card.compared_on} pictures" in out
    assert f"Exported: {name}" in out
    assert not (tmp_path / "kept" / "exported").exists()
    assert ccreid_command("export", "small", "--to", to, "--out", name)[0] == 0  # its own file gives way
    assert read_exported(tmp_path / name).flip is True  # as the bundle says


def test_an_exported_file_embeds_on_the_command_line(
    ccreid_command: Run, tmp_path: Path, smallest_wardrobe: Path
) -> None:
    assert ccreid_command("export", "small", "--to", "onnx", "--out", "small.onnx")[0] == 0
    for bundle, out in (("small.onnx", "one.parquet"), ("small", "other.parquet")):
        code, _, err = ccreid_command("embed", bundle, smallest_wardrobe / "query", "-o", out)
        assert code == 0, err
    one, other = (CropFile.read(tmp_path / name) for name in ("one.parquet", "other.parquet"))
    assert one.made_with == other.made_with
    assert one.table["path"].to_pylist() == other.table["path"].to_pylist()


def test_without_a_name_it_is_kept_where_the_embedder_looks(ccreid_command: Run, tmp_path: Path) -> None:
    code, out, _ = ccreid_command("export", "small", "--to", "onnx")
    kept = kept_file(load_bundle(tmp_path / "small").weights_hash, "onnx", flip=True)
    assert code == 0
    assert kept
    assert f"Exported: {kept}" in out
    assert read_exported(kept).flip is True


def test_other_embeddings_than_torchs_are_refused_and_what_stood_there_stays(
    ccreid_command: Run, tmp_path: Path
) -> None:
    assert ccreid_command("export", "small", "--to", "onnx", "--out", "small.onnx")[0] == 0
    before = (tmp_path / "small.onnx").read_bytes()
    network = small_network()
    with torch.no_grad():
        network.neck.weight[::2] *= 2
    save_bundle(tmp_path / "other", network, PREPROCESSING, About())
    code, _, err = ccreid_command("export", "other", "--to", "onnx", "--out", "small.onnx")
    assert code == 2
    assert "nothing was written" in err
    assert (tmp_path / "small.onnx").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing", "--to", "onnx"], "nothing is no bundle"),
        (["small", "--to", "onnx", "--out", "a.xml"], "a.xml is no name for onnx"),
        (["small", "--to", "openvino", "--out", "a.onnx"], "a.onnx is no name for openvino"),
        (["small", "--to", "onnx", "--out", "taken.onnx"], "taken.onnx is there already"),
        (["small", "--to", "openvino", "--out", "taken.xml"], "taken.bin is there already"),
        (["small", "--to", "onnx", "--out", "small/folder.onnx"], "it is a folder, not a file"),
    ],
)
def test_mistakes_are_told_before_anything_is_exported(
    ccreid_command: Run, tmp_path: Path, words: list[str], message: str
) -> None:
    for name in ("taken.onnx", "taken.bin"):
        (tmp_path / name).write_text("of somebody else")
    (tmp_path / "small" / "folder.onnx").mkdir()
    code, out, err = ccreid_command("export", *words)
    assert code
    assert "Largest" not in out
    assert message in err.replace("\n", " ")
    assert (tmp_path / "taken.bin").read_text() == (tmp_path / "taken.onnx").read_text() == "of somebody else"


def test_where_nothing_is_kept_a_name_is_asked_for(ccreid_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCREID_CACHE", "off")
    code, _, err = ccreid_command("export", "small", "--to", "onnx")
    assert code == 2
    assert "--out" in err


def test_a_bundle_of_another_precision_is_told_to_be_another_model(ccreid_command: Run, tmp_path: Path) -> None:
    save_small_bundle(tmp_path / "mixed", About(precision="bf16-mixed"))
    code, _, err = ccreid_command("export", "mixed", "--to", "onnx")
    assert code == 0
    assert "computes in bf16-mixed, the exported network in 32-true" in err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize(("to", "name"), [("onnx", "eight.onnx"), ("openvino", "eight.xml")])
def test_integers_are_another_model_with_scores_before_and_after(
    ccreid_command: Run, tmp_path: Path, smallest_wardrobe: Path, to: Library, name: str
) -> None:
    pictures = smallest_wardrobe / "train"
    words = ("--calibrate", pictures, "--dataset", "wardrobe", "--data", smallest_wardrobe)
    code, out, err = ccreid_command("export", "small", "--to", to, "--out", name, "--int8", *words)
    assert code == 0, err
    assert "arning" not in out + err
    embedder = Embedder.load(tmp_path / name)
    quantised = read_exported(tmp_path / name).card.quantised
    assert quantised
    assert quantised.scored_on == "wardrobe"
    assert quantised.calibrated_on == min(300, len([*pictures.rglob("*.jpg")]))
    in_torch = Embedder.load(tmp_path / "small", "cpu", engine="torch")
    benchmark = read_benchmark("wardrobe", smallest_wardrobe)
    for made_by, told in ((in_torch, quantised.before), (embedder, quantised.after)):
        scores = evaluate(made_by, benchmark).scores
        assert [row.map for row in told] == [scores[row.name].mean_ap for row in told]
    assert "8-bit integers" in out
    assert embedder.made_with["precision"].startswith("int8 ")
    assert embedder.made_with != in_torch.made_with
    crop = benchmark.subset("query").path(0)
    one, other = embedder(crop).vectors, in_torch(crop).vectors
    assert 1e-6 < (one - other).abs().max() < 0.2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--int8"], "--out, --calibrate, --dataset"),
        (["--int8", "--out", "a.onnx", "--calibrate", "."], "--dataset"),
        (["--calibrate", "."], "for --int8 alone"),
        (["--int8", "--out", "a.onnx", "--calibrate", "empty", "--dataset", "wardrobe"], "no picture in"),
    ],
)
def test_integers_need_pictures_and_a_data_set(
    ccreid_command: Run, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = ccreid_command("export", "small", "--to", "onnx", *words)
    assert code == 2
    assert message in err
    assert not (tmp_path / "a.onnx").exists()
