"""`ccreid evaluate` and `ccreid compare` as a user meets them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ccreid
from ccreid.evaluation import refinement
from conftest import Run
from wardrobes import tiny_options

SHORT = tiny_options("training.epochs=2")


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_images_that_are_no_files_are_named_or_left_out(
    ccreid_command: Run, smallest_wardrobe: Path, tmp_path: Path
) -> None:
    """A link that leads nowhere, as moved disks leave them, and a pipe, which would never end."""
    data = tmp_path / "data"
    shutil.copytree(smallest_wardrobe, data)
    link, pipe = sorted((data / "test").iterdir())[:2]
    for path in (link, pipe):
        path.unlink()
    link.symlink_to("nowhere.jpg")
    os.mkfifo(pipe)
    arguments = ("evaluate", "wardrobe", "--dataset", "wardrobe", "--data", data, "--out", "scored")
    code, _, err = ccreid_command(*arguments)
    assert code == 2
    assert f"{link} cannot be read: it is a link to nowhere.jpg, which is not there." in err
    assert "--skip-unreadable" in err
    code, _, err = ccreid_command(*arguments, "--skip-unreadable")
    assert code == 0
    assert f"Left out because they cannot be read: test/{link.name}, test/{pipe.name}" in err


@pytest.fixture(scope="module")
def bundle(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the command line, whole."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    environment = os.environ | {"COLUMNS": "160"}
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ccreid",
            "train",
            "wardrobe",
            "--data",
            small_wardrobe,
            "--out",
            folder,
            *SHORT,
        ],
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
def test_a_bundle_of_another_version_is_refused(ccreid_command: Run, bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle")
    card = json.loads((bundle / "bundle.json").read_text())
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(card | {"format": 99}))
    code, _, err = ccreid_command("evaluate", "bundle", "--dataset", "wardrobe")
    assert code == 2
    assert "format 99" in err
    assert ccreid.__version__ in err


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_bundles_are_compared_on_data_sets(ccreid_command: Run, bundle: Path, small_wardrobe: Path) -> None:
    copy = Path("another")
    shutil.copytree(bundle, copy)
    code, out, err = ccreid_command(
        "compare", bundle, copy, "--dataset", f"wardrobe={small_wardrobe}", "--out", "matrix"
    )
    assert code == 0, err
    assert "run" in out
    assert "another" in out
    matrix = json.loads(Path("matrix/compare.json").read_text())["reports"]
    assert set(matrix) == {"run", "another"}
    assert matrix["run"]["wardrobe"]["protocols"] == matrix["another"]["wardrobe"]["protocols"]


@pytest.mark.slow
@pytest.mark.usefixtures("unrendered")
def test_scores_stand_in_place_of_their_own_kind_alone(
    ccreid_command: Run, bundle: Path, small_wardrobe: Path, tmp_path: Path
) -> None:
    score = ("evaluate", bundle, "--dataset", "wardrobe", "--data", small_wardrobe, "--out")
    assert ccreid_command(*score, "scores")[0] == 0
    first = (tmp_path / "scores" / "report.json").read_bytes()
    assert ccreid_command(*score, "scores")[0] == 0  # the same once more
    run = bundle.parent
    for folder, holds in ((run, "is a run"), (bundle, "holds no scores")):
        before = contents(folder)
        code, _, err = ccreid_command(*score, folder)
        assert code == 2
        assert holds in err
        assert "--out" in err
        assert contents(folder) == before
    code, _, err = ccreid_command("evaluate", "wardrobe", *score[2:], "scores")
    assert (code, "scores of another model" in err) == (2, True)
    assert json.loads((tmp_path / "scores" / "report.json").read_text()).keys() == json.loads(first).keys()
    assert "ccreid" not in {place.name for place in (tmp_path / "runs").glob("*")}
    for words in (["compare", bundle, "--dataset", f"wardrobe={small_wardrobe}"], ["demo"], ["bench", "--quick"]):
        before = contents(run)
        assert ccreid_command(*words, "--out", run)[0] == 2
        assert contents(run) == before


@pytest.mark.parametrize("words", [["runs", "--page"], ["data", "check", "wardrobe", "--out"]], ids=str)
def test_a_file_that_is_something_else_is_not_written_over(
    ccreid_command: Run, bundle: Path, tmp_path: Path, words: list[str]
) -> None:
    for name in ("recipe.yaml", "journal.jsonl", "report.json", "report.html"):
        mine = Path(shutil.copy(bundle.parent / name, tmp_path / name))
        code, _, err = ccreid_command(*words, mine)
        assert code == 2
        assert f"{name} is there already, and is something else" in err
        assert mine.read_bytes() == (bundle.parent / name).read_bytes()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_reranking_is_named(ccreid_command: Run, bundle: Path, small_wardrobe: Path) -> None:
    code, out, _ = ccreid_command(
        "evaluate", bundle, "--dataset", "wardrobe", "--data", small_wardrobe, "--rerank", "--out", "reranked"
    )
    assert code == 0
    assert "reranking: k-reciprocal" in " ".join(out.split())


def test_camera_means_and_centralisation_are_named(
    ccreid_command: Run, bundle: Path, small_wardrobe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refinement, "CAMERA_IMAGES", 3)
    words = ["evaluate", bundle, "--dataset", "wardrobe", "--data", small_wardrobe, "--camera-means", "--centralise"]
    code, out, _ = ccreid_command(*words, "--out", "refined")
    assert code == 0
    told = " ".join(out.split())
    assert "camera means: taken off" in told
    assert "centralisation: to 2 mutual neighbours" in told
    assert "taken off" in Path("refined/report.html").read_text()
