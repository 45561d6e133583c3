"""`ccreid embed` on the command line: what it says, and how it ends."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from ccreid.data.preprocess import Preprocessing
from ccreid.export.exporting import export
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, load_bundle, save_bundle
from ccreid.model.exported import kept_file
from ccreid.model.network import Network
from ccreid.retrieval.crops.crop_file import CropFile
from conftest import Run
from exports import pictures as noise_of
from exports import save_small_bundle, traced_once
from wardrobes import COMPACT

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = Network(Backbone("test_resnet", height_px=32, width_px=16))
    save_bundle(tmp_path / "b", network, Preprocessing(32, 16), About())
    return tmp_path / "b"


def pictures(count: int = 3) -> list[Path]:
    assert COMPACT is not None
    return sorted((COMPACT / "query").glob("*.jpg"))[:count]


def test_a_folder_becomes_a_file(ccreid_command: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "[red] people").mkdir()
    for path in pictures():
        (tmp_path / "[red] people" / path.name).write_bytes(path.read_bytes())
    code, out, err = ccreid_command("embed", bundle, "[red] people", "-o", "[red].parquet", "--device", "cpu")
    assert (code, "Warning" in err) == (0, False)
    assert "Crops: 3 embedded now, 0 there already" in out
    assert "Embeddings: [red].parquet" in out
    assert CropFile.read("[red].parquet").table["path"].to_pylist() == [
        str(tmp_path / "[red] people" / path.name) for path in pictures()
    ]
    code, out, _ = ccreid_command("embed", bundle, "[red] people", pictures(4)[3], "-o", "[red].parquet")
    assert code == 0
    assert "Crops: 1 embedded now, 3 there already" in out
    assert "Rows: 4" in out


def test_what_is_left_out_is_told(ccreid_command: Run, bundle: Path, tmp_path: Path) -> None:
    rows = [f"{pictures()[0]},{box}" for box in (",,,", "-4,0,20,20", "900,0,5,5")]
    rows += [f"gone{number}.jpg,,,," for number in range(7)]
    (tmp_path / "t.csv").write_text("\n".join(["path,x,y,width,height", *rows, rows[0]]))
    code, out, err = ccreid_command("embed", bundle, "t.csv", "-o", "out.parquet", "--device", "cpu")
    assert code == 0
    assert "8 of 11 crops were left out." in err
    assert "gone0.jpg cannot be read: No such file" in err
    assert "And 3 more." in err
    assert "gone6.jpg" not in err
    assert "were clipped: 1." in err
    assert "2 embedded now, 0 there already, 1 listed more than once" in out


def test_a_list_comes_on_standard_input(ccreid_command: Run, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"{path}\n" for path in pictures()).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    code, out, _ = ccreid_command("embed", bundle, "-", "-o", "out.parquet", "--device", "cpu")
    assert code == 0
    assert "3 embedded now" in out


def test_tracklets_are_pooled(ccreid_command: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,tracklet\n" + "".join(f"{path},5\n" for path in pictures()))
    code, out, _ = ccreid_command("embed", bundle, "t.csv", "-o", "out.parquet", "--tracklets", "--device", "cpu")
    assert code == 0
    assert "Rows: 1" in out
    assert "Tracklets: out.parquet" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "x.jpg", "-o", "out.parquet"], "x.jpg: there is no such file or folder"),
        (["nowhere", ".", "-o", "out.parquet"], "There is no picture in ."),
        (["b", "bad.jpg", "-o", "out.parquet", "--device", "cpu"], "bad.jpg cannot be read"),
        (["b", "bad.jpg", "-o", "bad.jpg", "--device", "cpu"], "bad.jpg cannot be written"),
        (["b", "bad.jpg", "--device", "cpu"], "Missing option"),
        (["nowhere", "bad.jpg", "-o", "out.parquet"], "nowhere is no bundle"),
        (["b", "bad.jpg", "-o", "out.parquet", "--ray-address", "10.0.0.1:6379"], "it is meant for --engine ray"),
    ],
)
def test_a_mistake_is_said(ccreid_command: Run, bundle: Path, tmp_path: Path, words: list[str], said: str) -> None:
    if "." not in words:
        (tmp_path / "bad.jpg").write_text("no picture")
    code, _, err = ccreid_command("embed", *words)
    assert code == (1 if "written" in said else 2)
    assert said in err
    assert {path.name for path in tmp_path.iterdir()} <= {"b", "bad.jpg"}


def test_what_runs_the_network_can_be_named_and_its_embeddings_mixed_where_they_are_of_one_precision(
    ccreid_command: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path / "cache"))
    folder = save_small_bundle(tmp_path / "b")
    small = load_bundle(folder)
    code, _, err = ccreid_command("embed", folder, *pictures(2), "-o", "out.parquet", "--runtime", "onnx")
    assert code == 2
    assert "ccreid export BUNDLE --to onnx" in err
    kept = kept_file(small.weights_hash, "onnx", flip=True)
    assert kept is not None
    traced_once(monkeypatch)
    export(small, kept, "onnx", flip=True, batches=noise_of(2))
    told = {}
    for runtime, count in (("torch", 2), ("onnx", 4)):
        code, told[runtime], _ = ccreid_command(
            "embed", folder, *pictures(count), "-o", "out.parquet", "--device", "cpu", "--runtime", runtime
        )
        assert code == 0
    assert "The network was run by: torch" in told["torch"]
    assert "The network was run by: onnx" in told["onnx"]
    assert "2 embedded now, 2 there already" in told["onnx"]
    ccreid_command("embed", folder, *pictures(4), "-o", "torch.parquet", "--device", "cpu", "--runtime", "torch")
    mixed, torchs = CropFile.read("out.parquet"), CropFile.read("torch.parquet")
    assert mixed.made_with == torchs.made_with
    assert mixed.made_with["precision"] == "32-true"
    np.testing.assert_allclose(mixed.vectors, torchs.vectors, rtol=0, atol=1e-4)
    code, _, err = ccreid_command("embed", folder, *pictures(2), "-o", "x", "--device", "cuda", "--runtime", "onnx")
    assert (code, "onnx runs on the processor, not on cuda" in err) == (2, True)
    code, _, err = ccreid_command("embed", kept, *pictures(2), "-o", "x", "--engine", "ray")
    assert (code, "an exported file is run by this process alone" in err) == (2, True)
