"""``ccreid people make`` as it is typed."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ccreid.cli.entry import app
from ccreid.errors import SettingError
from ccreid.synthetic.making import MANIFEST, ROWS

SMALL = ("--people", "2", "--images", "2", "--outfits", "2", "--cameras", "2", "--size", "64x32", "--processes", "1")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["people", "make", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_a_set_is_made_with_what_it_takes_said_before(tmp_path: Path) -> None:
    told = run("--out", str(tmp_path / "set"), *SMALL)
    assert told.index("4 pictures of 2 people: up to") < told.index("People: 2; pictures: 4, each with a mask")
    assert "2 of them there already" not in told
    assert len(list((tmp_path / "set").rglob("*.jpg"))) >= 4
    assert "up to" not in run("--out", str(tmp_path / "set"), *SMALL)


@pytest.mark.slow
def test_what_a_begun_set_still_takes_is_said(tmp_path: Path) -> None:
    run("--out", str(tmp_path), *SMALL)
    with (tmp_path / MANIFEST).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    (tmp_path / MANIFEST).unlink()  # as after a kill: one of two is done
    (tmp_path / ROWS).mkdir()
    (tmp_path / ROWS / "0.json").write_text(json.dumps([row for row in rows if row["person"] == "1"]), encoding="utf-8")
    told = run("--out", str(tmp_path), *SMALL)
    assert "2 pictures of 1 people who are left of 2: up to" in told
    assert "People: 2, 1 of them there already; pictures: 4" in told
    with (tmp_path / MANIFEST).open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == rows


@pytest.mark.parametrize(
    ("words", "message"), [(("--size", "huge"), "no size like 256x128"), (("--people", "0"), "people")]
)
def test_mistakes_are_told(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    assert message in run("--out", str(tmp_path / "set"), *words)
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize("library", ["anny", "numba", "cv2"])
def test_what_is_missing_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str) -> None:
    if library == "anny":
        monkeypatch.setattr("ccreid.synthetic.body.anny_files.version", _missing)
    else:
        monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(SettingError) as caught:
        run("--out", str(tmp_path / "set"), *SMALL)
    assert library in caught.value.message
    assert "ccreid[synthetic]" in caught.value.mend


def _missing(_name: str) -> str:
    from importlib.metadata import PackageNotFoundError

    raise PackageNotFoundError("anny")
