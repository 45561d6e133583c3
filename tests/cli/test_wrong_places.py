"""Verbs pointed at what is not theirs: an error with its mend, and nothing written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ccreid.recipe import RunFolder, load_recipe
from conftest import Run

VERBS: dict[str, Callable[[str], list[str]]] = {
    "evaluate": lambda place: ["evaluate", place, "--dataset", "wardrobe", "--out", "made"],
    "compare": lambda place: ["compare", place, "--dataset", "wardrobe", "--out", "made"],
    "publish": lambda place: ["publish", place, "--out", "made"],
    "export": lambda place: ["export", place, "--to", "onnx", "--out", "made/made.onnx"],
    "attributes": lambda place: ["attributes", place, "--out", "made"],
    "runs": lambda place: ["runs", place],
    "resume": lambda place: ["train", "--resume", place],
    "train": lambda place: ["train", place, "--out", "made"],
    "recipes": lambda place: ["recipes", place],
    "ablate": lambda place: ["ablate", "demo", "--variants", place, "--out", "made"],
}


@pytest.fixture
def places(ccreid_command: Run, tmp_path: Path) -> Path:
    """Where the command line runs, with places that are no run, no bundle and no recipe."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("nothing of ours")
    (tmp_path / "file.txt").write_text("nothing of ours")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folders" / "recipe.yaml").mkdir(parents=True)
    (tmp_path / "folders" / "bundle" / "bundle.json").mkdir(parents=True)
    (tmp_path / "folders" / "journal.jsonl").mkdir()
    return tmp_path


@pytest.mark.parametrize("place", ["empty", "other", "file.txt", "nowhere", "pipe", "folders", "x" * 300, "", "a\nb"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_place_that_is_none_of_the_verbs_is_refused(ccreid_command: Run, places: Path, verb: str, place: str) -> None:
    code, _, err = ccreid_command(*VERBS[verb](place))
    assert code == 2
    message, mend = err.split("Error: ", 1)[1].split("\n", 1)
    assert message
    assert mend.strip()
    assert not (places / "made").exists()


@pytest.mark.parametrize("verb", ["evaluate", "compare", "publish", "export", "attributes"])
def test_a_run_that_has_only_begun_says_what_it_lacks(ccreid_command: Run, places: Path, verb: str) -> None:
    run = RunFolder(places / "begun")
    run.write_recipe(load_recipe("demo"))
    run.journal.touch()
    code, _, err = ccreid_command(*VERBS[verb]("begun"))
    assert code == 2
    assert "begun" in err
    assert ("train --resume begun" in err) if verb in ("publish", "attributes") else ("once it is trained" in err)


@pytest.mark.parametrize("verb", ["evaluate", "compare"])
@pytest.mark.parametrize("place", ["runs", "models"])
def test_a_folder_of_bundles_names_one_of_them(ccreid_command: Run, places: Path, verb: str, place: str) -> None:
    for bundle in ("runs/first/bundle", "models/a", "models/b"):
        (places / bundle).mkdir(parents=True)
        (places / bundle / "bundle.json").touch()
    code, _, err = ccreid_command(*VERBS[verb](place))
    assert code == 2
    assert f"{place} is no bundle, but holds some.\nName one, for example" in err
    shutil.rmtree(places / place)
