"""Several processes of one command: how they end, and that they end together."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.launching import Machines, own_command, run_together
from ccreid.recipe import RunFolder
from ccreid.runs import train
from ccreid.runs.watch import Watch
from commands import PATIENCE_S, Done, carry_out
from journals import without_clock
from wardrobes import tiny_options

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")]

LONG = ("training.epochs=400", "method.after_epoch=300")
"""More than a test waits for."""


def training(data: Path, folder: Path, *more: str) -> list[object]:
    return ["train", "wardrobe", "--data", data, "--out", folder, "--devices", 2, *tiny_options("data.people=4", *more)]


def after_some_steps(words: list[object], folder: Path, act: Callable[[int], object]) -> Done:
    """Carry out a command, and act once its run has made some steps."""
    return carry_out(words, once=lambda: len(steps(folder)) >= 3, act=act)


def steps(folder: Path) -> list[dict[str, Any]]:
    return [row for row in without_clock(folder) if row["kind"] == "step"]


def process_of_rank(rank: int, folder: Path) -> int:
    """The process number of one of those that train into a folder."""
    for entry in Path("/proc").iterdir():
        try:
            words, environment = ((entry / part).read_bytes().split(b"\0") for part in ("cmdline", "environ"))
        except OSError:  # no process, one that has ended, or another user's
            continue
        if f"RANK={rank}".encode() in environment and str(folder).encode() in words:
            return int(entry.name)
    raise AssertionError(f"no process of rank {rank}")


@pytest.fixture(scope="module")
def whole(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that nobody disturbed, from an interpreter of its own."""
    folder = tmp_path_factory.mktemp("together") / "run"
    command = [sys.executable, "-m", "ccreid", *map(str, training(smallest_wardrobe, folder))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "cloth-changing" in done.stdout
    assert done.stdout.count("Report:") == 1  # one process does the talking
    assert "Traceback" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def interrupted(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes that a user stopped."""
    folder = tmp_path_factory.mktemp("together") / "run"
    done = after_some_steps(
        training(smallest_wardrobe, folder), folder, lambda process: os.kill(process, signal.SIGINT)
    )
    assert done.returncode == 130, done.stderr
    assert f"ccreid train --resume {folder} --devices 2" in done.stderr
    assert "Traceback" not in done.stderr
    return folder


def test_an_interrupted_run_goes_on_to_the_very_same_end(whole: Path, interrupted: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(interrupted, tmp_path / "run"))
    assert 0 < len(steps(folder)) < len(steps(whole))
    done = carry_out(["train", "--resume", folder, "--devices", 2])
    assert done.returncode == 0, done.stderr
    assert steps(folder) == steps(whole)
    ours, theirs = (load_file(where / "bundle" / "weights.safetensors") for where in (folder, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_another_number_of_processes_is_refused_unless_allowed(interrupted: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(interrupted, tmp_path / "run"))
    with pytest.raises(ArtefactError, match="processes: there were 2 and are 1") as refused:
        train.resume(folder, Watch())
    assert "--allow processes" in refused.value.mend
    train.resume(folder, Watch(), allowed=["processes"])
    assert (folder / "report.json").exists()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes as Linux shows them")
def test_a_process_that_dies_ends_the_run_with_its_name(smallest_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = after_some_steps(
        training(smallest_wardrobe, folder, *LONG),
        folder,
        lambda _process: os.kill(process_of_rank(1, folder), signal.SIGKILL),
    )
    assert done.returncode == 1
    assert "Process 1 was killed by SIGKILL" in done.stderr
    assert "--resume" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistake_of_one_process_is_told_by_it(smallest_wardrobe: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = carry_out(training(smallest_wardrobe, folder, "training.learning_rate=1e30", "training.warmup_epochs=0"))
    assert done.returncode == 1
    assert "term is" in done.stderr
    assert "has stopped for the reason above" in done.stderr
    assert "Traceback" not in done.stderr
    assert (RunFolder(folder).diverged() / "batch.json").exists()


def test_what_cannot_be_shared_is_said_before_anything_starts(smallest_wardrobe: Path, tmp_path: Path) -> None:
    done = carry_out(training(smallest_wardrobe, tmp_path / "run", "data.people=3"))
    assert done.returncode == 2
    assert "data.people" in done.stderr
    assert "2 processes" in done.stderr
    assert not (tmp_path / "run").exists()


def test_two_processes_evaluate_as_one(whole: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    evaluation = ("evaluate", whole, "--dataset", "wardrobe", "--data", small_wardrobe, "--out")
    reports = []
    for devices in (1, 2):
        done = carry_out([*evaluation, tmp_path / str(devices), "--devices", devices])
        assert done.returncode == 0, done.stderr
        reports.append(json.loads((tmp_path / str(devices) / "report.json").read_text())["protocols"])
    assert reports[0] == reports[1]


def test_machines_without_a_place_to_meet_are_refused() -> None:
    with pytest.raises(SettingError, match="no place to meet") as refused:
        run_together(["train", "wardrobe"], Machines(devices=1, nodes=2))
    assert "--rendezvous" in refused.value.mend


@pytest.mark.parametrize(
    ("file", "module", "expected"),
    [
        ("/env/bin/ccreid", None, ["-m", "ccreid"]),
        ("/env/Scripts/ccreid.exe", None, ["-m", "ccreid"]),
        ("/env/lib/ccreid/__main__.py", "ccreid.__main__", ["-m", "ccreid"]),
        ("/env/lib/cProfile.py", "cProfile", ["-m", "ccreid"]),
        (None, None, ["-m", "ccreid"]),  # a notebook
        ("/home/me/my_method.py", None, ["/home/me/my_method.py"]),
    ],
)
def test_a_script_of_ones_own_is_started_in_every_process(
    file: str | None, module: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = ModuleType("__main__")
    if file is not None:
        started.__file__ = file
    started.__spec__ = None if module is None else ModuleSpec(module, None)
    monkeypatch.setitem(sys.modules, "__main__", started)
    assert own_command() == expected


def test_a_script_is_found_from_wherever_it_has_gone_to(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "import os; from ccreid.machine.launching import own_command; os.chdir('/'); print(*own_command())"
    )
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(script.resolve())]
