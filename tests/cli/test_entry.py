"""Every verb of the command line, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.text import Text

import ccreid
from ccreid.cli import app
from conftest import Run


def verbs_below(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """A command and every verb below it, each with the words that call it."""
    yield path, command
    for name, verb in getattr(command, "commands", {}).items():
        yield from verbs_below(verb, (*path, name))


VERBS = dict(verbs_below(typer.main.get_command(app)))
HEAVY = {"torch", "timm", "torchvision", "lightning_fabric", "pydantic", "matplotlib", "numpy", "scipy", "pyarrow"}
TORCHRUN = {
    "LOCAL_RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "1",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29400",
    "TORCHELASTIC_RUN_ID": "ccreid",
}
"""What torchrun says to the only process of one of two machines, but for its RANK."""


def test_help_needs_nothing_heavy() -> None:
    code = f"""
import sys
from ccreid.cli import main
sys.argv = ["ccreid", "--help"]
try:
    main()
finally:
    sys.stderr.write(" ".join({HEAVY} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stderr == ""


def test_all_verbs_are_found() -> None:
    assert {(), ("train",), ("bench",), ("data",), ("data", "check")} <= set(VERBS)
    assert len(VERBS) >= 15


@pytest.mark.parametrize("words", VERBS, ids=lambda words: " ".join(words) or "ccreid")
def test_every_verb_explains_itself(ccreid_command: Run, words: tuple[str, ...]) -> None:
    code, out, err = ccreid_command(*words, "--help")
    assert code == 0
    assert err == ""
    assert " ".join(["Usage: ccreid", *words]) in out
    shown = " ".join(re.sub("[│╭╮╰╯─]", " ", out).split())
    verb = VERBS[words]
    assert verb.help
    assert " ".join(verb.help.split()) in shown
    for parameter in verb.params:
        assert parameter.help, f"{parameter.name} is not explained"
        assert Text.from_markup(parameter.help).plain in shown
    for name in getattr(verb, "commands", {}):
        assert f" {name} " in shown


def test_version(ccreid_command: Run) -> None:
    assert ccreid_command("--version")[:2] == (0, f"ccreid {ccreid.__version__}\n")


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


@pytest.mark.parametrize(
    "variables",
    [
        {"WORLD_SIZE": "2"},
        {"WORLD_SIZE": "abc"},
        {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "job-0", "MASTER_PORT": "23456"},
        {"SLURM_NTASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_JOB_NAME": "train", "WORLD_SIZE": "2"},
    ],
    ids=["a count", "no number", "Kubernetes", "SLURM"],
)
def test_variables_of_others_do_not_mute_it(variables: dict[str, str]) -> None:
    def said(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ccreid", *words]
        environment = {name: value for name, value in os.environ.items() if name not in ("RANK", *TORCHRUN)}
        return subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=False)

    listed = said("recipes")
    assert listed.returncode == 0, listed.stderr
    assert "wardrobe" in listed.stdout
    mistaken = said("recipes", "ltc")
    assert mistaken.returncode == 2
    assert mistaken.stderr.startswith("Error: ")
    assert "Process" not in mistaken.stderr
    assert "Did you mean 'ltcc'?" in mistaken.stderr
    assert "Traceback" not in mistaken.stderr


@pytest.mark.parametrize(("rank", "talks"), [("0", True), ("1", False)])
def test_of_several_processes_one_talks_and_each_tells_its_mistakes(
    ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, rank: str, talks: bool
) -> None:
    for name, value in (TORCHRUN | {"RANK": rank}).items():
        monkeypatch.setenv(name, value)
    code, out, _ = ccreid_command("recipes")
    assert code == 0
    assert ("wardrobe" in out) is talks
    code, _, err = ccreid_command("recipes", "ltc")
    assert code == 2
    assert err.startswith(f"Error: Process {rank}: ")
