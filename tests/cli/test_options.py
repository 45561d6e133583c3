"""Options as they are read."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ccreid.cli.options import differences_of, new_folder, numbers_of, withdraw_claims
from conftest import Run


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
    for expected in ("ltcc", "ltcc-2", "ltcc-3"):  # each is claimed, though nothing is written yet
        assert new_folder("ltcc") == Path("runs") / expected
    (tmp_path / "runs" / "ltcc-2" / "kept").touch()
    withdraw_claims()
    assert [place.name for place in (tmp_path / "runs").iterdir()] == ["ltcc-2"]


def test_nothing_is_left_of_a_command_that_wrote_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    new_folder("ltcc")
    withdraw_claims()
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command",
    [
        ("train", "wardrobe", "--out", "taken/run"),
        ("train", "wardrobe", "--seeds", "0,1", "--out", "taken/run"),
        ("ablate", "wardrobe", "--out", "taken/run"),
        ("evaluate", "wardrobe", "--dataset", "wardrobe", "--out", "taken/run"),
        ("compare", "wardrobe", "--dataset", "wardrobe", "--out", "taken/run"),
        ("publish", "nowhere", "--out", "taken/run"),
        ("demo", "--out", "taken/run"),
        ("bench", "--out", "taken/run"),
        ("attributes", "nowhere", "--out", "taken/run"),
        ("runs", "nowhere", "--page", "taken/page.html"),
        ("data", "check", "wardrobe", "--out", "taken/found.json"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    ccreid_command: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "taken").write_text("mine")
    code, out, err = ccreid_command(*command)
    assert code == 1
    assert "taken is a file, not a folder" in err
    assert "Reading" not in err  # nothing was done
    assert out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]
