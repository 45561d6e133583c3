"""The verb that measures this machine's speed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ccreid.cli import console
from ccreid.cli.options import OutOption, folder_to_write, refuse_taken

RESULT = "bench.json"


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Benchmarks to run \\[default: all].")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, one round: only shows that they run.")] = False,
    out_dir: OutOption = None,
) -> None:
    """Measure this machine's speed against the limit of its hardware (about 20 minutes; best left alone)."""
    from ccreid.bench import BENCHMARKS, measure
    from ccreid.bench.report import bench_table, bench_values, quantity, verdict
    from ccreid.machine.files import write_json
    from ccreid.report.text import write_tables

    names = names or list(BENCHMARKS)
    runs = {name: measure(name, quick=quick) for name in names}  # a wrong name is refused before anything runs
    folder = folder_to_write(out_dir, "bench")
    refuse_taken(folder, RESULT)
    command = " ".join(["ccreid bench", *(names if names != list(BENCHMARKS) else []), *(["--quick"] if quick else [])])
    measured: dict[str, list[Any]] = {}
    for name, run in runs.items():
        console.out.print(f"{name}: {BENCHMARKS[name]} ...", highlight=False)
        measured[name] = []
        for row in run:
            measured[name].append(row)
            console.say(f"  {row.what}: {quantity(row.value, row.unit)}")
        # After each, so that whoever stops it keeps what was measured.
        values = bench_values(measured, command, quick=quick)
        write_json(folder / RESULT, values)
        write_tables(folder / "bench.txt", bench_table(values))
    console.out.print(bench_table(values))
    console.out.print(verdict(values), highlight=False)
    console.say(f"Measurements: {folder / RESULT}")
