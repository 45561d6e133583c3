"""`ccreid calibrate` and `ccreid compare-images` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ccreid.model.embedder import Embedder
from ccreid.retrieval.calibration import calibrating
from conftest import Run
from simulated_people import as_crop_file, simulated


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    made_with = Embedder.load("wardrobe", "cpu").made_with
    path = tmp_path / "crops.parquet"
    as_crop_file(simulated(np.random.default_rng(0), 40, body=0.1), made_with).write(path)
    return path


def test_crops_are_calibrated_with(
    ccreid_command: Run, crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calibrating, "DRAWS", 2)
    monkeypatch.setattr(calibrating, "SIZES", 3)
    code, out, err = ccreid_command("calibrate", "wardrobe", "--crops", crops, "--out", "out", "--seed", "3")
    assert code == 0
    assert "FNIR, other clothes" in out
    assert "not supported" in out
    assert "40 people of crops.parquet" in out
    assert "“cannot say”" in err
    written = json.loads((Path("out") / "calibration.json").read_text())
    assert written["scope"]["seed"] == 3
    assert (Path("out") / "calibration.html").exists()
    assert ccreid_command("calibrate", "wardrobe", "--crops", crops, "--out", "out")[0] == 0  # its own is replaced


def test_mistakes_are_told_before_any_work(ccreid_command: Run, crops: Path, tmp_path: Path) -> None:
    code, _, err = ccreid_command("calibrate", "wardrobe", "--crops", crops)
    assert code == 2
    assert "--out" in err
    code, _, err = ccreid_command("calibrate", "wardrobe")
    assert code == 2
    assert "--gallery" in err
    code, _, err = ccreid_command("calibrate", "wardrobe", "--crops", crops, "--dataset", "wardrobe")
    assert code == 2
    Path("taken").mkdir()
    (Path("taken") / "calibration.json").write_text("something of mine")
    code, _, err = ccreid_command("calibrate", "wardrobe", "--crops", crops, "--out", "taken")
    assert code == 2
    assert "something else" in err
    assert (Path("taken") / "calibration.json").read_text() == "something of mine"
    code, _, err = ccreid_command("calibrate", "wardrobe", "--dataset", "wardrobe", "--out", "few")
    assert code == 2
    assert "16 people are too few" in err
    assert not Path("few").exists()


def test_two_pictures_are_compared(ccreid_command: Run, smallest_wardrobe: Path) -> None:
    one, other = sorted((smallest_wardrobe / "test").iterdir())[:2]
    code, out, err = ccreid_command("compare-images", one, one)
    assert code == 0
    assert "Similarity (cosine): 1.000" in out
    assert "support for one person in the same clothes" in out
    assert "a convention" in out
    assert "synthetic people only" in err

    def probability(*options: object) -> float:
        _, out, _ = ccreid_command("compare-images", one, other, *options)
        return float(out.split("same clothes: ")[1].split("%")[0])

    assert probability("--prior", 0.01) < probability() < probability("--prior", 0.99)


def test_pictures_that_cannot_be_compared_are_named(ccreid_command: Run, smallest_wardrobe: Path) -> None:
    one = next((smallest_wardrobe / "test").iterdir())
    assert "nowhere.jpg cannot be read" in ccreid_command("compare-images", one, "nowhere.jpg")[2]
    code, _, err = ccreid_command("compare-images", one, one, "--prior", 1)
    assert code == 2
    assert "between 0 and 1" in err
    code, _, err = ccreid_command("compare-images", one, one, "--calibration", "nowhere.json")
    assert code == 2
    assert "There is no calibration" in err
