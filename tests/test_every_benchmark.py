"""Every data set goes the whole way through the command line: show, check, train, evaluate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ccreid.datasets import READERS
from ccreid.recipe import recipe_names
from coarse import unrendered_pictures
from trees import TREES, build_tree
from wardrobes import tiny_options

Run = Callable[..., tuple[int, str, str]]


def test_there_is_a_tree_for_every_reader() -> None:
    assert set(TREES) == set(READERS)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(READERS))
def test_show_check_train_evaluate(name: str, ccreid_command: Run, tmp_path: Path) -> None:
    said = []

    def code_of(*arguments: object) -> int:
        code, _, err = ccreid_command(*arguments)
        said.append(err)
        return code

    data = build_tree(name, tmp_path / "data")
    assert code_of("data", "show", name, "--data", data) == 0
    assert code_of("data", "check", name, "--data", data, "--out", "check.json") in (0, 1)
    json.loads(Path("check.json").read_text())
    recipe = name if name in recipe_names() else "own"
    words = tiny_options(f"data.dataset={name}", "data.people=2", "data.images=2", "training.epochs=2")
    with unrendered_pictures():  # the same are drawn below
        assert code_of("train", recipe, "--data", data, "--out", "run", *words) == 0
    trained = json.loads(Path("run/report.json").read_text())
    assert code_of("evaluate", "run", "--dataset", name, "--data", data, "--out", "again") == 0
    again = json.loads(Path("again/report.json").read_text())
    assert again["protocols"] == trained["protocols"]
    assert [row["name"] for row in again["protocols"]] == [p.name for p in READERS[name].protocols]
    assert all(row["valid"] > 0 for row in again["protocols"])
    assert "Traceback" not in "".join(said)
