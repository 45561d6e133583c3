"""What docs/method.md names exists: settings, code and tests."""

from __future__ import annotations

import importlib
import re

from ccreid.recipe.settings import setting_paths
from rooms import ROOT

TEXT = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([^`\s]+)`", TEXT)


def test_every_setting_exists() -> None:
    sections = {path.partition(".")[0] for path in setting_paths()}
    named = {
        name.partition("=")[0] for name in NAMED if name.partition(".")[0] in sections and not name.endswith(".py")
    }
    assert len(named) > 20
    assert named - set(setting_paths()) == set()


def test_everything_of_the_code_exists() -> None:
    named = [name for name in NAMED if name.startswith("ccreid.")]
    assert len(named) > 8
    for name in named:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            module, _, attribute = name.rpartition(".")
            assert hasattr(importlib.import_module(module), attribute), name


def test_every_file_exists() -> None:
    for name in NAMED:
        if name.startswith(("tests/", "src/")):
            assert (ROOT / name).exists(), name
