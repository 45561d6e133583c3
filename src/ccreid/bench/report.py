"""What benchmarks measured, as plain values for JSON, and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from rich.table import Table
from rich.text import Text

from ccreid.bench.measure import ROUNDS, Measured, processor
from ccreid.machine.provenance import describe_machine, versions

VERDICTS: dict[bool | None, str | tuple[str, str]] = {
    True: ("holds", "green"),
    False: ("does not hold", "bold red"),
    None: "",
}


def bench_values(measured: Mapping[str, Sequence[Measured]], command: str, *, quick: bool) -> dict[str, Any]:
    """Everything measured, by benchmark, with what it was measured on."""
    return {
        "command": command,
        "quick": quick,
        "rounds": 1 if quick else ROUNDS,
        "machine": f"{describe_machine()}, {processor()}, {torch.get_num_threads()} threads",
        "versions": versions(),
        "benchmarks": {name: [one.to_json() for one in some] for name, some in measured.items()},
    }


def bench_table(values: Mapping[str, Any]) -> Table:
    """A table of what :func:`bench_values` gave: a row a quantity, with its bound and whether it holds."""
    title = f"{values['command']}\n{values['machine']}; medians of {values['rounds']} rounds"
    table = Table("benchmark", "what", "measured", "bound", "", title=title, title_justify="left")
    for name, rows in values["benchmarks"].items():
        for row in rows:
            bound = "" if row["bound"] is None else f"{row['sense']} {quantity(row['bound'], row['unit'])}"
            seconds = ", ".join(f"{what} {value:.3g} s" for what, value in row["seconds"].items())
            details = "".join(f"\n{text}" for text in (seconds, row["note"]) if text)
            measured = quantity(row["value"], row["unit"])
            what, held = Text.assemble(row["what"], (details, "dim")), Text.assemble(VERDICTS[row["holds"]])
            table.add_row(name, what, measured, bound, held)
    return table


def verdict(values: Mapping[str, Any]) -> str:
    """In a sentence, how many bounds hold."""
    if values["quick"]:
        return "Small sizes and one round: this shows that the benchmarks run, and judges nothing."
    holds = [row["holds"] for rows in values["benchmarks"].values() for row in rows if row["holds"] is not None]
    return f"{sum(holds)} of {len(holds)} bounds hold."


def quantity(value: float, unit: str) -> str:
    """A measured value with its unit."""
    return f"{value:.3g}{'' if unit == 'x' else ' '}{unit}"
