"""What `ccreid evaluate` says of the images that it scores, and which folders are enough for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import ccreid
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


def test_people_are_called_by_their_names(ccreid_command: Run, tmp_path: Path) -> None:
    """Whatever the names are: pictures draw them as they are, as far as their script can be drawn."""
    root = build_tree("folder", tmp_path)
    for old, new in (("dora", "Zoë $x$ 李小龙"), ("emil", "<b>emil [red]")):
        for folder in ("query", "gallery"):
            (root / folder / old).rename(root / folder / new)
    code, _, _ = _evaluate(ccreid_command, tmp_path / "out", "folder", root)
    assert code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for name in ("Zoë $x$ 李小龙", "&lt;b&gt;emil [red]", "fritz"):
        assert f"person {name}" in page
    assert "person 0" not in page
    rows = pq.read_table(tmp_path / "out" / "queries.parquet").to_pylist()
    assert {row["person_name"] for row in rows} == {"Zoë $x$ 李小龙", "<b>emil [red]"}


def test_queries_that_find_themselves_are_told_beside_the_scores(ccreid_command: Run, tmp_path: Path) -> None:
    root = build_tree("folder", tmp_path)
    shutil.rmtree(root / "query")
    (root / "query").symlink_to("gallery")
    code, said, report = _evaluate(ccreid_command, tmp_path / "out", "folder", root)
    assert code == 0
    for text in (said, " ".join(report.split())):
        assert "standard: 9 of 9 queries find themselves" in text


@pytest.mark.slow
def test_any_name_is_read_and_written_where_the_machine_knows_ascii_alone(tmp_path: Path) -> None:
    root = build_tree("folder", tmp_path / "Überwachung (1) 监控")
    for side in ("query", "gallery"):
        (root / side / "dora").rename(root / side / "Zoë Ñandú")
    out = tmp_path / "aus gabe é"
    source = str(Path(ccreid.__file__).parent.parent)
    plain = {"LANG": "C", "LC_ALL": "C", "PATH": os.environ["PATH"], "PYTHONPATH": source, "CCREID_CACHE": "off"}
    options = ["evaluate", "wardrobe", "--dataset", "folder", "--data", str(root), "--out", str(out)]
    done = subprocess.run([sys.executable, "-m", "ccreid", *options], env=plain, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "report.json").read_text(encoding="utf-8"))["protocols"][0]["valid"] == 4
    assert "person Zoë Ñandú" in (out / "report.html").read_text(encoding="utf-8")
