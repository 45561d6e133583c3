"""What `ccreid bench` says and writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from ccreid import bench
from ccreid.bench.measure import Measured
from ccreid.bench.report import bench_table, bench_values, verdict
from conftest import Run

ROWS = {
    "scoring": [
        Measured("three rules", 1.21, "x", 1.5, seconds={"scoring": 2.5}, note="on [two] cores"),
        Measured("memory", 1.72, "GB", 1.5),
    ],
    "input": [Measured("cached", 5.0, "x", 4.0, "at least"), Measured("images a second", 480.0, "images/s")],
}


RunCli = Callable[..., int]


def shown(table: object) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def test_the_table_names_bounds_and_says_which_hold() -> None:
    values = bench_values(ROWS, "ccreid bench", quick=False)
    lines = shown(bench_table(values)).splitlines()
    (scoring,), (memory,) = ([line for line in lines if what in line] for what in ("three rules", "memory"))
    assert "1.21x" in scoring
    assert "at most 1.5x" in scoring
    assert "does not hold" not in scoring
    assert "does not hold" in memory
    assert any("scoring 2.5 s" in line for line in lines)
    assert any("on [two] cores" in line for line in lines)
    assert verdict(values) == "2 of 3 bounds hold."


def test_the_values_are_json_with_machine_and_versions() -> None:
    values = bench_values(ROWS, "ccreid bench", quick=False)
    assert json.loads(json.dumps(values)) == values
    assert "cores" in values["machine"]
    assert values["versions"]["torch"]
    assert values["benchmarks"]["input"][0]["holds"] is True


def test_the_command_leaves_json_and_a_table(
    ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "measure", lambda name, quick: iter(ROWS[name]))
    code, out, _ = ccreid_command("bench", "scoring", "input")
    assert code == 0
    folder = tmp_path / "runs" / "bench"
    values = json.loads((folder / "bench.json").read_text())
    assert list(values["benchmarks"]) == ["scoring", "input"]
    assert values["command"] == "ccreid bench scoring input"
    assert "three rules" in (folder / "bench.txt").read_text()
    assert "2 of 3 bounds hold." in out


def test_whoever_stops_it_keeps_what_was_measured(
    ccreid_command: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def measured(name: str, quick: bool) -> Iterator[Measured]:
        yield from ROWS[name][:1]
        if name == "input":
            raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure", measured)
    code, out, _ = ccreid_command("bench", "scoring", "input")
    assert code != 0
    assert "three rules: 1.21x" in out
    values = json.loads((tmp_path / "runs" / "bench" / "bench.json").read_text())
    assert list(values["benchmarks"]) == ["scoring"]


def test_a_quick_run_judges_nothing(ccreid_command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "measure", lambda _name, quick: iter([Measured("it", 1.0)]))
    code, out, _ = ccreid_command("bench", "startup", "--quick")
    assert code == 0
    assert "judges nothing" in " ".join(out.split())


def test_a_mistyped_benchmark_is_refused_before_anything_runs(ccreid_command: Run, tmp_path: Path) -> None:
    code, _, err = ccreid_command("bench", "startup", "warp")
    assert code != 0
    assert "no benchmark 'warp'" in err
    assert not (tmp_path / "runs").exists()
