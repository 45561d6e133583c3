"""`ccreid recipes` as a user meets it."""

from __future__ import annotations

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]


def test_recipes_are_listed_and_shown(ccreid_command: Run) -> None:
    code, out, _ = ccreid_command("recipes")
    assert code == 0
    assert "ltcc" in out
    assert "wardrobe" in out
    code, out, _ = ccreid_command("recipes", "ltcc")
    assert code == 0
    assert "backbone: resnet50.tv_in1k" in out
