"""What `ccreid evaluate` says of the images that it scores, and which folders are enough for it."""

from __future__ import annotations

from pathlib import Path

from conftest import Run
from trees import build_tree


def _evaluate(run: Run, out: Path, name: str, data: Path) -> tuple[int, str, str]:
    """Its exit code, its complaints, and the report as text."""
    code, _, said = run("evaluate", "wardrobe", "--dataset", name, "--data", data, "--out", out)
    report = out / "report.txt"
    return code, said, report.read_text(encoding="utf-8") if report.exists() else ""


def test_images_of_other_names_are_told_beside_the_scores(ccreid_command: Run, tmp_path: Path) -> None:
    root = build_tree("market1501", tmp_path)
    (root / "query" / "0001_c1s1_133210_07.jpg").rename(root / "query" / "0001 [b] copy.jpg")
    code, said, report = _evaluate(ccreid_command, tmp_path / "out", "market1501", root)
    assert code == 0
    for text in (said, " ".join(report.split())):
        assert "1 image does not bear a name of the set and is left out, for example query/0001 [b] copy.jpg." in text
        assert "names like 0002_c1s1_000451_03.jpg" in text
