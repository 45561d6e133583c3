"""`ccreid train` as a user meets it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conftest import Run
from wardrobes import copy_people, tiny_options

SHORT = tiny_options("training.epochs=2")


@pytest.mark.slow
def test_ltcc_is_trained_and_scored_on_all_three_protocols(ccreid_command: Run, tmp_path: Path) -> None:
    data = copy_people(tmp_path / "LTCC_ReID", train=3, test=3)
    from PIL import Image

    for path in data.rglob("*.jpg"):  # LTCC's files are PNGs
        with Image.open(path) as image:
            image.resize((32, 64)).save(path.with_suffix(".png"))
        path.unlink()
    code, out, err = ccreid_command("train", "ltcc", "--data", tmp_path, "--out", "run", *SHORT)
    assert code == 0, err
    for protocol in ("standard", "cloth-changing", "same-clothes"):
        assert protocol in out
    assert "found 3 people" in err  # the counts of the real set are another matter


def test_all_wrong_settings_are_named_at_once(ccreid_command: Run) -> None:
    wrong = ["--set", "training.epohcs=3", "--set", "data.height_px=tall", "--set", "method.weights.triplet=-1"]
    code, _, err = ccreid_command("train", "wardrobe", *wrong)
    assert code == 2
    assert "3 wrong settings" in err
    for path in ("training.epohcs", "data.height_px", "method.weights.triplet"):
        assert path in err


def test_a_wrong_folder_names_what_was_expected_and_found(ccreid_command: Run, tmp_path: Path) -> None:
    (tmp_path / "photos" / "holidays").mkdir(parents=True)
    code, _, err = ccreid_command("train", "wardrobe", "--data", "photos")
    assert code == 2
    for word in ("train/", "query/", "test/", "holidays/"):
        assert word in err


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_an_unreadable_image_stops_or_is_left_out(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    broken = sorted((data / "train").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:900])
    missing = sorted((data / "query").iterdir())[0]
    missing.write_text("no picture")
    arguments = ("train", "wardrobe", "--data", data, "--out", "run", *SHORT)
    code, _, err = ccreid_command(*arguments)
    assert code == 2
    assert f"{broken} cannot be read" in err
    assert f"{missing} cannot be read" in err  # scored in the end, and said before anything is trained
    assert "data.unreadable=skip" in err
    assert not Path("run").exists()
    skipping = (*arguments, "--set", "data.unreadable=skip")
    code, _, err = ccreid_command(*skipping)
    assert code == 2
    assert "data.unreadable_share" in err
    assert not Path("run").exists()
    code, _, err = ccreid_command(*skipping, "--set", "data.unreadable_share=0.2")
    assert code == 0
    last = err.rsplit("Left out because they cannot be read:", 1)[1]
    assert f"train/{broken.name}" in last
    assert f"query/{missing.name}" in last
    report = json.loads(Path("run/report.json").read_text())
    assert report["benchmark"]["left_out"] == [f"train/{broken.name}", f"query/{missing.name}"]
    assert report["protocols"][0]["valid"] == 11


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_a_person_with_a_single_image_is_pointed_out(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    first = sorted((data / "train").iterdir())
    person = first[0].name.split("_")[0]
    for path in first[1:]:
        if path.name.startswith(f"{person}_"):
            path.unlink()
    code, _, err = ccreid_command("train", "wardrobe", "--data", data, "--out", "run", *SHORT)
    assert code == 0
    assert f"1 of 4 people have a single training image (the first is person {int(person)})" in err


@pytest.mark.slow
def test_an_interrupted_command_saves_and_says_how_to_go_on(small_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "wardrobe", "--data", str(small_wardrobe), "--out", str(folder)]
    more = tiny_options("training.epochs=500", "data.workers=1")
    process = subprocess.Popen(
        [sys.executable, "-m", "ccreid", *arguments, *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"COLUMNS": "200"},
    )
    journal = folder / "journal.jsonl"
    while process.poll() is None and not (journal.exists() and journal.read_text().count("\n") > 3):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "Stopped in epoch" in err
    assert f"ccreid train --resume {folder}" in err
    assert "Traceback" not in err
    assert (folder / "checkpoint.safetensors").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_seeds_are_run_one_by_one_and_summed_up(ccreid_command: Run, small_wardrobe: Path) -> None:
    arguments = ("train", "wardrobe", "--data", small_wardrobe, "--out", "series", *SHORT)
    code, out, err = ccreid_command(*arguments, "--seeds", "0,3")
    assert code == 0, err
    assert "±" in out
    reports = [json.loads(Path(f"series/seed-{seed}/report.json").read_text()) for seed in (0, 3)]
    summary = json.loads(Path("series/seeds.json").read_text())
    values = [report["protocols"][0]["map"] for report in reports]
    assert summary["protocols"][0]["map"] == pytest.approx(sum(values) / 2)
    assert summary["protocols"][0]["deviation"]["map"] == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert [report["conditions"]["seed"] for report in reports] == [0, 3]
    # The same command again takes the finished runs as they are, and another recipe is refused.
    journal = Path("series/seed-0/journal.jsonl").stat().st_mtime_ns
    assert ccreid_command(*arguments, "--seeds", "0,3")[0] == 0
    assert Path("series/seed-0/journal.jsonl").stat().st_mtime_ns == journal
    code, _, err = ccreid_command(*arguments, "--seeds", "0,3", "--set", "training.epochs=1")
    assert code == 2
    assert "other settings" in err


@pytest.mark.parametrize(("seeds", "words"), [("0,0", "are not different"), ("0;1", "no list of whole numbers")])
def test_odd_seeds_are_refused(ccreid_command: Run, small_wardrobe: Path, seeds: str, words: str) -> None:
    code, _, err = ccreid_command("train", "wardrobe", "--data", small_wardrobe, "--seeds", seeds)
    assert code == 2
    assert words in " ".join(err.split())


@pytest.mark.slow
def test_selecting_on_the_test_set_stamps_the_report(ccreid_command: Run, small_wardrobe: Path) -> None:
    code, out, _ = ccreid_command(
        "train",
        "wardrobe",
        "--data",
        small_wardrobe,
        "--out",
        "run",
        *SHORT,
        "--select-on",
        "test",
    )
    assert code == 0
    assert "ON THE TEST SET" in " ".join(out.split())
    report = json.loads(Path("run/report.json").read_text())
    assert all(row["selected_on_test"] for row in report["protocols"])
    assert "ON THE TEST SET" in report["warnings"][0]
    assert out.count("†") >= 6 * len(report["protocols"])  # every score of the table
    assert "†" in Path("run/report.html").read_text()
