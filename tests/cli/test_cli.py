"""The command line as a user meets it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import ccreid
from ccreid import cli
from wardrobes import TINY_SETTINGS, copy_people

Run = Callable[..., tuple[int, str, str]]


def settings(*more: str) -> list[str]:
    return [word for setting in (*TINY_SETTINGS, "training.epochs=2", *more) for word in ("--set", setting)]


@pytest.fixture(scope="module")
def bundle(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the command line, whole."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    environment = os.environ | {"COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-m", "ccreid", "train", "wardrobe", "--data", small_wardrobe, "--out", folder, *settings()],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "cloth-changing" in done.stdout
    assert "ranked-cloth-changing.png" in done.stdout
    assert "the complete edition has" not in done.stderr  # the nearest edition is the compact one
    assert "train: the compact edition has 16 people" in done.stderr
    assert "Traceback" not in done.stderr
    return folder / "bundle"


def test_help_needs_no_torch() -> None:
    code = "import sys; import ccreid.cli; raise SystemExit('torch' in sys.modules or 'timm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("verb", [[], ["train"], ["evaluate"], ["recipes"], ["demo"], ["data"], ["data", "show"]])
def test_every_verb_explains_itself(ccreid_command: Run, verb: list[str]) -> None:
    code, out, _ = ccreid_command(*verb, "--help")
    assert code == 0
    assert "Usage" in out


def test_version(ccreid_command: Run) -> None:
    assert ccreid_command("--version")[:2] == (0, f"ccreid {ccreid.__version__}\n")


def test_recipes_are_listed_and_shown(ccreid_command: Run) -> None:
    code, out, _ = ccreid_command("recipes")
    assert code == 0
    assert "ltcc" in out
    assert "wardrobe" in out
    code, out, _ = ccreid_command("recipes", "ltcc")
    assert code == 0
    assert "backbone: resnet50.tv_in1k" in out


def test_data_sets_are_listed_and_shown(ccreid_command: Run) -> None:
    assert "ltcc" in ccreid_command("data", "list")[1]
    code, out, err = ccreid_command("data", "show", "wardrobe")
    assert code == 0
    assert "compact edition" in out
    assert "same camera or same clothes" in out
    assert err == ""


def test_odd_names_and_counts_are_shown(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    (data / "train" / "holiday.jpg").touch()
    code, _, err = ccreid_command("data", "show", "wardrobe", "--data", data)
    assert code == 0
    assert "1 images bear other names" in err
    assert "train/holiday.jpg" in err
    assert "train: the compact edition has 16 people / 512 images, found 4 people / 128 images" in err


@pytest.mark.slow
def test_a_bundle_is_scored_on_a_data_set(ccreid_command: Run, bundle: Path, small_wardrobe: Path) -> None:
    trained = json.loads((bundle.parent / "report.json").read_text())
    code, out, _ = ccreid_command("evaluate", bundle, "--dataset", "wardrobe", "--data", small_wardrobe)
    assert code == 0
    report = json.loads(Path("runs/evaluate-wardrobe/report.json").read_text())
    assert report["protocols"] == trained["protocols"]
    assert "runs/evaluate-wardrobe/ranked-standard.png" in out
    code, _, _ = ccreid_command(
        "evaluate", bundle.parent, "--dataset", "wardrobe", "--data", small_wardrobe, "--no-flip"
    )
    assert code == 0
    without = json.loads(Path("runs/evaluate-wardrobe-2/report.json").read_text())
    assert without["conditions"]["flip_averaging"] is False
    assert without["protocols"] != trained["protocols"]


@pytest.mark.slow
def test_ltcc_is_trained_and_scored_on_all_three_protocols(ccreid_command: Run, tmp_path: Path) -> None:
    data = copy_people(tmp_path / "LTCC_ReID", train=3, test=3)
    from PIL import Image

    for path in data.rglob("*.jpg"):  # LTCC's files are PNGs
        with Image.open(path) as image:
            image.resize((32, 64)).save(path.with_suffix(".png"))
        path.unlink()
    code, out, err = ccreid_command("train", "ltcc", "--data", tmp_path, "--out", "run", *settings("selection.by=last"))
    assert code == 0, err
    for protocol in ("standard", "cloth-changing", "same-clothes"):
        assert protocol in out
    assert "found 3 people" in err  # the counts of the real set are another matter


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "wardrob"], "Did you mean 'wardrobe'?"),
        (["train", "wardrobe", "--set", "training.epoch=3"], "did you mean training.epochs?"),
        (["train", "wardrobe", "--set", "training.epochs=many"], "training.epochs"),
        (["train", "wardrobe", "--set", "training.epochs"], "write key=value"),
        (["train", "wardrobe", "--data", "nowhere"], "nowhere does not exist"),
        (["train", "ltcc"], "Name its folder with --data"),
        (["train", "wardrobe", "--resume", "run"], "either a RECIPE or --resume"),
        (["train"], "either a RECIPE or --resume"),
        (["train", "--resume", "nowhere"], "nowhere is no run"),
        (["train", "--resume", "nowhere", "--seeds", "0,1"], "keeps its seed"),
        (["train", "wardrobe", "--allow", "data"], "it goes with --resume"),
        (["train", "wardrobe", "--epochs", "3"], "No such option"),
        (["train", "wardrobe", "--set", "network.backbone=resnet5"], "Did you mean"),
        (["train", "wardrobe", "--set", "network.weights=nowhere.safetensors"], "there is no file nowhere"),
        (["train", "wardrobe", "--set", "data.people=99"], "data.people is 99"),
        (["evaluate", "nowhere", "--dataset", "wardrobe"], "nowhere is no bundle"),
        (["evaluate", "nowhere", "--dataset", "wardrobes"], "Did you mean 'wardrobe'?"),
        (["data", "show", "ltc"], "Did you mean 'ltcc'?"),
        (["recipes", "ltc"], "Did you mean 'ltcc'?"),
    ],
)
def test_mistakes_are_explained_and_leave_nothing_behind(
    ccreid_command: Run, arguments: list[str], expected: str, tmp_path: Path
) -> None:
    code, _, err = ccreid_command(*arguments)
    assert code == 2
    assert expected in " ".join(err.split())
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_all_wrong_settings_are_named_at_once(ccreid_command: Run) -> None:
    wrong = ["--set", "training.epohcs=3", "--set", "data.height_px=tall", "--set", "objective.weights.triplet=-1"]
    code, _, err = ccreid_command("train", "wardrobe", *wrong)
    assert code == 2
    assert "3 wrong settings" in err
    for path in ("training.epohcs", "data.height_px", "objective.weights.triplet"):
        assert path in err


def test_a_wrong_folder_names_what_was_expected_and_found(ccreid_command: Run, tmp_path: Path) -> None:
    (tmp_path / "photos" / "holidays").mkdir(parents=True)
    code, _, err = ccreid_command("train", "wardrobe", "--data", "photos")
    assert code == 2
    for word in ("train/", "query/", "test/", "holidays/"):
        assert word in err


@pytest.mark.slow
def test_an_unreadable_image_stops_or_is_left_out(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    broken = sorted((data / "train").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:900])
    missing = sorted((data / "query").iterdir())[0]
    missing.write_text("no picture")
    arguments = ("train", "wardrobe", "--data", data, "--out", "run", *settings())
    code, _, err = ccreid_command(*arguments)
    assert code == 2
    assert broken.name in err
    assert "data.unreadable=skip" in err
    shutil.rmtree("run")
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
def test_a_person_with_a_single_image_is_pointed_out(ccreid_command: Run, small_wardrobe: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(small_wardrobe, data)
    first = sorted((data / "train").iterdir())
    person = first[0].name.split("_")[0]
    for path in first[1:]:
        if path.name.startswith(f"{person}_"):
            path.unlink()
    code, _, err = ccreid_command("train", "wardrobe", "--data", data, "--out", "run", *settings())
    assert code == 0
    assert f"1 of 4 people have a single training image (the first is person {int(person)})" in err


@pytest.mark.slow
def test_a_bundle_of_another_version_is_refused(ccreid_command: Run, bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    card = json.loads((bundle / "bundle.json").read_text())
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(card | {"format": 99}))
    code, _, err = ccreid_command("evaluate", "bundle", "--dataset", "wardrobe")
    assert code == 2
    assert "format 99" in err
    assert ccreid.__version__ in err


@pytest.mark.slow
def test_an_interrupted_command_saves_and_says_how_to_go_on(small_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = ["train", "wardrobe", "--data", str(small_wardrobe), "--out", str(folder)]
    more = settings("training.epochs=500", "data.workers=1")
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
def test_the_demo_compares_the_baseline_with_fire(
    ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, small_wardrobe: Path
) -> None:
    from ccreid import recipe

    original = recipe.load_recipe
    small = [f"data.root={small_wardrobe}", *TINY_SETTINGS, "training.epochs=2"]
    monkeypatch.setattr(recipe, "load_recipe", lambda name: original(name, small))
    code, out, _ = ccreid_command("demo")
    assert code == 0
    assert out.index("Have we seen this person") < out.index("baseline (identity + triplet)")
    assert Path("runs/demo/search.png").is_file()
    assert "FIRe²" in out
    assert "too small to rank methods" in " ".join(out.split())
    assert Path("runs/demo/demo/ranked-cloth-changing.png").is_file()
    assert Path("runs/demo/demo-baseline/report.json").is_file()


@pytest.mark.slow
def test_seeds_are_run_one_by_one_and_summed_up(ccreid_command: Run, small_wardrobe: Path) -> None:
    arguments = ("train", "wardrobe", "--data", small_wardrobe, "--out", "series", *settings())
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
        "train", "wardrobe", "--data", small_wardrobe, "--out", "run", *settings(), "--select-on", "test"
    )
    assert code == 0
    assert "ON THE TEST SET" in " ".join(out.split())
    report = json.loads(Path("run/report.json").read_text())
    assert all(row["selected_on_test"] for row in report["protocols"])
    assert "ON THE TEST SET" in report["warnings"][0]
    assert out.count("†") >= 6 * len(report["protocols"])  # every score of the table
    assert "†" in Path("run/report.html").read_text()


@pytest.mark.slow
def test_bundles_are_compared_on_data_sets(ccreid_command: Run, bundle: Path, small_wardrobe: Path) -> None:
    copy = Path("another")
    shutil.copytree(bundle, copy)
    code, out, err = ccreid_command(
        "compare", bundle, copy, "--dataset", f"wardrobe={small_wardrobe}", "--out", "matrix"
    )
    assert code == 0, err
    assert "run" in out
    assert "another" in out
    matrix = json.loads(Path("matrix/compare.json").read_text())
    assert set(matrix) == {"run", "another"}
    assert matrix["run"]["wardrobe"]["protocols"] == matrix["another"]["wardrobe"]["protocols"]


@pytest.mark.slow
def test_reranking_is_named(ccreid_command: Run, bundle: Path, small_wardrobe: Path) -> None:
    code, out, _ = ccreid_command(
        "evaluate", bundle, "--dataset", "wardrobe", "--data", small_wardrobe, "--rerank", "--out", "reranked"
    )
    assert code == 0
    assert "reranking: k-reciprocal" in " ".join(out.split())


def test_a_warning_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    handler = cli._ConsoleHandler()
    for number in (1, 1, 2, 1):
        handler.handle(logging.LogRecord("ccreid", logging.WARNING, "", 0, "picture %d is odd", (number,), None))
    said = capsys.readouterr().err
    assert said.count("picture 1 is odd") == 1
    assert said.count("picture 2 is odd") == 1
