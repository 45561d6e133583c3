"""`ccreid data check` as a user and a script meet it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from conftest import Run


@pytest.fixture
def check(ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Runs `ccreid data check` in a folder of its own; its words are one space apart."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def command(*arguments: object) -> tuple[int, str, str]:
        code, out, err = ccreid_command("data", "check", *arguments)
        return code, " ".join(out.split()), " ".join(err.split())

    return command


@pytest.fixture
def wardrobe(small_wardrobe: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_wardrobe, tmp_path / "wardrobe"))


def test_the_bundled_set_is_sound(check: Run) -> None:
    code, out, err = check("wardrobe")
    assert code == 0
    assert "All 832 images can be read." in out
    assert "0 errors, 0 warnings" in out
    assert "128 of" not in out
    assert "Reading every image" in err
    assert "832/832" in err
    assert not list(Path().iterdir())


def test_warnings_do_not_change_the_exit_code(check: Run, small_wardrobe: Path) -> None:
    code, out, _ = check("wardrobe", "--data", small_wardrobe)
    assert code == 0
    assert "│ warning │ counts │" in out
    assert "0 errors, 4 warnings" in out


def test_errors_end_with_1_and_stand_in_the_json(check: Run, wardrobe: Path) -> None:
    broken = sorted((wardrobe / "train").iterdir())[0]
    broken.write_text("no picture")
    code, out, _ = check("wardrobe", "--data", wardrobe, "--out", "deep/findings.json")
    assert code == 1
    assert "│ error │ unreadable-images │" in out
    assert f"train/{broken.name}" in out
    assert "1 errors, 4 warnings" in out
    assert "Findings: deep/findings.json" in out
    values = json.loads(Path("deep/findings.json").read_text())
    assert (values["errors"], values["warnings"]) == (1, 4)
    (error,) = (finding for finding in values["findings"] if finding["severity"] == "error")
    assert error["name"] == "unreadable-images"
    assert error["examples"] == [f"train/{broken.name}"]


def test_json_is_written_of_a_sound_set_as_well(check: Run) -> None:
    code, _, _ = check("wardrobe", "--out", "findings.json")
    assert code == 0
    values = json.loads(Path("findings.json").read_text())
    assert values["errors"] == values["warnings"] == 0
    assert values["edition"] == "compact"
    assert {finding["severity"] for finding in values["findings"]} == {"ok"}


def test_names_are_shown_as_they_are(check: Run, tmp_path: Path, small_wardrobe: Path) -> None:
    pictures = sorted((small_wardrobe / "train").iterdir())
    for subset in ("query", "gallery"):
        (tmp_path / "mine" / subset / "[red]anna").mkdir(parents=True)
        shutil.copy(pictures[0], tmp_path / "mine" / subset / "[red]anna" / "1.jpg")
    code, out, _ = check("folder", "--data", tmp_path / "mine")
    assert code == 0
    assert "gallery/[red]anna/1.jpg" in out
    assert "query/[red]anna/1.jpg" in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["wardrobe", "--data", "nowhere"], "nowhere does not exist"),
        (["wardrob"], "Did you mean 'wardrobe'?"),
        (["ltcc"], "Name its folder with --data"),
        (["wardrobe", "--out", "."], "is a directory"),
        ([], "Missing argument"),
    ],
)
def test_mistakes_end_with_2(check: Run, arguments: list[str], expected: str) -> None:
    code, out, err = check(*arguments)
    assert code == 2
    assert expected in err
    assert "Traceback" not in err
    assert out == ""
    assert not list(Path().iterdir())


def test_a_folder_with_another_layout_ends_with_2(check: Run, tmp_path: Path) -> None:
    (tmp_path / "photos" / "holidays").mkdir(parents=True)
    code, _, err = check("wardrobe", "--data", tmp_path / "photos", "--out", "findings.json")
    assert code == 2
    assert "holidays/" in err
    assert not Path("findings.json").exists()


def test_it_explains_itself(check: Run) -> None:
    code, out, _ = check("--help")
    assert code == 0
    assert "FILE.json" in out
