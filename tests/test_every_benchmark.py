"""Every data set goes the whole way through the command line: show, check, train, evaluate."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from ccreid import cli
from ccreid.datasets import READERS
from ccreid.recipe import recipe_names
from trees import TREES, build_tree
from wardrobes import TINY_SETTINGS


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["ccreid", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as ended:
        return int(str(ended.code or 0))
    return 0


def test_there_is_a_tree_for_every_reader() -> None:
    assert set(TREES) == set(READERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS))
def test_show_check_train_evaluate(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = build_tree(name, tmp_path / "data")
    assert command(monkeypatch, "data", "show", name, "--data", data) == 0
    assert command(monkeypatch, "data", "check", name, "--data", data, "--out", "check.json") in (0, 1)
    json.loads(Path("check.json").read_text())
    recipe = name if name in recipe_names() else "own"
    settings = (*TINY_SETTINGS, f"data.dataset={name}", "data.people=2", "data.images=2", "training.epochs=2")
    words = [word for setting in settings for word in ("--set", setting)]
    assert command(monkeypatch, "train", recipe, "--data", data, "--out", "run", *words) == 0
    trained = json.loads(Path("run/report.json").read_text())
    assert command(monkeypatch, "evaluate", "run", "--dataset", name, "--data", data, "--out", "again") == 0
    again = json.loads(Path("again/report.json").read_text())
    assert again["protocols"] == trained["protocols"]
    assert [row["name"] for row in again["protocols"]] == [p.name for p in READERS[name].protocols]
    assert all(row["valid"] > 0 for row in again["protocols"])
    printed = capsys.readouterr()
    assert "Traceback" not in printed.err
