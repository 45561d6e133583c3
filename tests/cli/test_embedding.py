"""`ccreid embed` on the command line: what it says, and how it ends."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch

from ccreid.data.preprocess import Preprocessing
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, save_bundle
from ccreid.model.network import Network
from ccreid.retrieval.crops.crop_file import CropFile
from conftest import Run
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
        f"[red] people/{path.name}" for path in pictures()
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
        (["b", "bad.jpg", "-o", "out.parquet", "--device", "cpu"], "Nothing is left to embed. bad.jpg cannot be read"),
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
