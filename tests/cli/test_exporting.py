"""`ccreid export`: what it prints, what it writes, what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ccreid.model.bundle import About, load_bundle, save_bundle
from ccreid.model.exported import Library, kept_file, read_exported
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
