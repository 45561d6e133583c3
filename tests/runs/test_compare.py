"""Bundles side by side: labels of their own, differences with intervals, and nothing dropped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ccreid.errors import SettingError
from ccreid.model.bundle import SHIPPED
from ccreid.report.schema import Matrix
from ccreid.runs.compare import told_apart
from conftest import Run
from trees import build_tree


def bundle(folder: Path, **changes: object) -> Path:
    """The bundle of the package in another folder, with something of its card changed."""
    shutil.copytree(SHIPPED / "wardrobe", folder)
    card = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(card | changes))
    return folder


def test_names_are_told_apart_by_as_much_of_their_folders_as_it_takes(tmp_path: Path) -> None:
    folders = [tmp_path / folder for folder in ("a/x", "b/x", "b/y", "c")]
    assert told_apart(["one", "one", "one", "other"], folders) == ["one in a/x", "one in b/x", "one in y", "other"]
    assert told_apart(["run", "run-1", "run"], folders[:3]) == ["run in x", "run-1", "run in y"]
    with pytest.raises(SettingError, match=r"one in .* is named twice"):
        told_apart(["one", "one"], [folders[0], tmp_path / "c" / ".." / "a" / "x"])
    with pytest.raises(SettingError, match="would share folders"):
        told_apart(["a b", "a-b"], folders[:2])


@pytest.mark.usefixtures("unrendered")
def test_bundles_and_sets_of_one_name_are_all_kept_and_compared(ccreid_command: Run, tmp_path: Path) -> None:
    darker = {"height_px": 64, "width_px": 32, "mean": [0.9, 0.1, 0.5], "std": [0.2, 0.9, 0.2]}
    bundles = [bundle(tmp_path / "first" / "model"), bundle(tmp_path / "second" / "model", preprocessing=darker)]
    sets = [f"folder={build_tree('folder', tmp_path / name)}" for name in ("here", "there")]
    code, out, err = ccreid_command(
        "compare", *bundles, "--dataset", sets[0], "--dataset", sets[1], "--out", tmp_path / "out"
    )
    assert code == 0, err
    matrix = Matrix.read(tmp_path / "out" / "compare.json")
    assert list(matrix.reports) == ["model in first", "model in second"]
    page = (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")
    for on, differences in matrix.paired.items():
        one, other = (of[on].protocols for of in matrix.reports.values())
        assert [row.protocol for row in differences] == [row.name for row in one]
        for row, ours, theirs in zip(differences, other, one, strict=True):
            assert (row.variant, row.against) == ("model in second", "model in first")
            assert ours.map is not None
            assert theirs.map is not None
            assert row.map == pytest.approx(ours.map - theirs.map)
            assert row.map_interval is not None
            assert row.map_interval[0] <= row.map <= row.map_interval[1]
            interval = f"{100 * row.map_interval[0]:+.1f} to {100 * row.map_interval[1]:+.1f}"
            assert interval in page
            assert interval in out
        assert on in page
        assert on in out
    assert len(matrix.paired) == 2
    assert "too narrow to be believed" in page
    assert "too narrow to be believed" in out
    assert len(list((tmp_path / "out").rglob("report.json"))) == 4


def test_what_is_named_twice_is_refused(ccreid_command: Run, tmp_path: Path) -> None:
    root = build_tree("folder", tmp_path)
    code, _, err = ccreid_command("compare", "wardrobe", "--dataset", f"folder={root}", "--dataset", f"folder={root}")
    assert code == 2
    assert "is named twice" in " ".join(err.split())
