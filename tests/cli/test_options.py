"""Options as they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ccreid.cli.options import differences_of, new_folder, numbers_of


def test_seeds_are_a_list_of_numbers() -> None:
    assert numbers_of("0,3, 12") == [0, 3, 12]
    for text in ("", "0;1", "0,", "1.5"):
        with pytest.raises(typer.BadParameter, match="no list of whole numbers"):
            numbers_of(text)


def test_what_may_differ_is_named() -> None:
    assert differences_of(None) == []
    assert set(differences_of("data,recipe")) == {"recipe", "data"}
    with pytest.raises(typer.BadParameter, match="'date, weather' is none of recipe, data, processes"):
        differences_of("weather,data,date")


def test_a_new_folder_is_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for expected in ("ltcc", "ltcc-2", "ltcc-3"):
        folder = new_folder("ltcc")
        assert folder == Path("runs") / expected
        folder.mkdir(parents=True)
