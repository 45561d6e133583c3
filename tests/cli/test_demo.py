"""`ccreid demo` as a user meets it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conftest import Run
from wardrobes import TINY_SETTINGS


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.slow
def test_the_demo_compares_the_baseline_with_fire(
    ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, small_wardrobe: Path
) -> None:
    from ccreid import recipe

    original = recipe.load_recipe
    small = [f"data.root={small_wardrobe}", *TINY_SETTINGS, "training.epochs=2"]
    monkeypatch.setattr(recipe, "load_recipe", lambda name, more=(): original(name, [*small, *more]))
    code, out, _ = ccreid_command("demo")
    assert code == 0
    assert out.index("Have we seen this person") < out.index("baseline (identity + triplet)")
    assert Path("runs/demo/search.png").is_file()
    told = re.search(r"first for (\d+) of (\d+) queries in other clothes, and for (\d+) of \2 in any", flat(out))
    assert told
    assert int(told[1]) <= int(told[3]) <= int(told[2])
    assert "FIRe²" in out
    assert "too small to rank methods" in flat(out)
    assert Path("runs/demo/demo/ranked-cloth-changing.png").is_file()
    assert Path("runs/demo/demo-baseline/report.json").is_file()
