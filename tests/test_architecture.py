"""The picture of the rooms names those of today, and its script sees where it is out of date."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ElementTree
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from rooms import ROOT, rooms

PICTURE = ROOT / "docs" / "architecture.svg"


def words_in(picture: Path) -> list[str]:
    """Every text of a picture."""
    return [element.text or "" for element in ElementTree.parse(picture).iter("{http://www.w3.org/2000/svg}text")]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """scripts/architecture, with a picture of the test's own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", list(sys.path))
    spec = spec_from_loader("architecture", SourceFileLoader("architecture", str(ROOT / "scripts" / "architecture")))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "architecture", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PICTURE", tmp_path / "architecture.svg")
    return module


def test_the_picture_names_every_room_once() -> None:
    words = words_in(PICTURE)
    assert {room: words.count(room) for room in rooms()} == dict.fromkeys(rooms(), 1)


def test_drawn_twice_it_is_the_same_and_a_change_is_seen(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["architecture", *arguments])
        return int(script.main())

    assert run("--check") == 1  # there is none
    assert "out of date" in capsys.readouterr().err
    assert run() == 0
    drawn = script.PICTURE.read_bytes()
    assert rooms() <= set(words_in(script.PICTURE))
    assert run() == 0
    assert script.PICTURE.read_bytes() == drawn
    assert run("--check") == 0
    script.PICTURE.write_bytes(drawn.replace(b'"evaluation", "ops", ', b'"evaluation", "ops", 1'))
    assert run("--check") == 1
