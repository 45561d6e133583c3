"""`ccreid recipes` as a user meets it."""

from __future__ import annotations

from pathlib import Path

from ccreid.recipe import load_recipe
from conftest import Run, Terminal


def test_recipes_are_listed_and_shown(ccreid_command: Run) -> None:
    code, out, _ = ccreid_command("recipes")
    assert code == 0
    assert "ltcc" in out
    assert "wardrobe" in out
    code, out, _ = ccreid_command("recipes", "ltcc")
    assert code == 0
    assert "backbone: resnet50.tv_in1k" in out


def test_a_recipe_shown_on_a_narrow_terminal_is_one_that_can_be_read(
    ccreid_command: Run, terminal: Terminal, tmp_path: Path
) -> None:
    terminal(40)
    code, out, _ = ccreid_command("recipes", "demo")
    assert code == 0
    (tmp_path / "mine.yaml").write_text(out, encoding="utf-8")
    assert load_recipe(str(tmp_path / "mine.yaml")) == load_recipe("demo")
