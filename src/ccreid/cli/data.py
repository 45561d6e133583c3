"""The verbs that look at data sets: ``ccreid data ...``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from ccreid.cli import console
from ccreid.cli.options import DataOption, refuse_taken_file
from ccreid.cli.progress import watching
from ccreid.report.text import visible

if TYPE_CHECKING:
    from ccreid.vocabulary import Samples


def list_data() -> None:
    """List the data sets that can be read."""
    from ccreid.datasets import READERS

    table = Table("name", "data set", Column("layout", overflow="fold"), "how to get it")
    for reader in READERS.values():
        table.add_row(reader.name, reader.title, reader.layout, reader.obtain)
    console.out.print(table)


def show_data(
    name: Annotated[str, typer.Argument(help="Data set, see `ccreid data list`.")], data: DataOption = None
) -> None:
    """Show what a folder holds: people, images, cameras, outfits, protocols."""
    from ccreid.datasets import read_benchmark

    benchmark = read_benchmark(name, data)
    edition = f" ({benchmark.edition} edition)" if benchmark.edition else ""
    table = Table("subset", "people", "images", "cameras", "outfits", title=f"{name}{edition}", title_justify="left")
    for subset, samples in benchmark.subsets.items():
        counts = (_counted(samples, name) for name in ("camera", "clothes"))
        table.add_row(subset, str(len(samples.people)), str(len(samples)), *counts)
    console.out.print(table)
    console.say(f"Folder: {benchmark.root}\nLicence: {benchmark.licence}")
    if benchmark.absent:
        console.say(f"Not here: {', '.join(dict.fromkeys(benchmark.absent.values()))}")
    rules = Table("protocol", "query", "gallery", "ignored: same person and")
    for protocol in benchmark.protocols:
        rules.add_row(protocol.name, protocol.query, protocol.gallery, protocol.ignore.sentence)
    if benchmark.protocols:
        console.out.print(rules)
    for warning in benchmark.remarks:
        console.warn(warning)


def _counted(samples: Samples, name: str) -> str:
    """How many different values a column has, and of how many images none is known."""
    values, unknown = samples.distinct(name), samples.unknown(name)
    if values is None:
        return "not annotated"
    return f"{len(values)}" + (f" ({unknown} unknown)" if unknown else "")


def check_data(
    name: Annotated[str, typer.Argument(help="Data set, see `ccreid data list`.")],
    data: DataOption = None,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.json", dir_okay=False, help="Write every finding there as JSON, too."),
    ] = None,
) -> None:
    """Read every image once and say what would spoil a score; ends with 1 where something does."""
    from ccreid.datasets import read_benchmark
    from ccreid.inspection.check import as_values, check_benchmark, has_errors
    from ccreid.machine.files import write_json

    if out_file is not None:
        refuse_taken_file(out_file, '"findings": [', "--out")
    benchmark = read_benchmark(name, data)
    with watching() as follow:
        findings = check_benchmark(benchmark, follow().track)
    values = as_values(benchmark, findings)
    _show_findings(values)
    if out_file is not None:
        write_json(out_file, values)
        console.say(f"Findings: {out_file}")
    if has_errors(findings):
        raise typer.Exit(1)


def _show_findings(check: Mapping[str, Any]) -> None:
    colours = {"error": "bold red", "warning": "yellow", "ok": "green"}
    table = Table("result", "finding", "what", title=f"{check['dataset']}: {check['root']}")
    for finding in check["findings"]:
        severity = Text(finding["severity"], colours[finding["severity"]])
        about = (f"\n{finding['about']}", "dim") if finding["about"] else ""
        examples = "".join(f"\n{visible(example)}" for example in finding["examples"])
        table.add_row(
            severity,
            Text.assemble(finding["name"], about),
            Text.assemble(visible(finding["detail"]), (examples, "dim")),
        )
    console.out.print(table)
    console.out.print(f"{check['errors']} errors, {check['warnings']} warnings", highlight=False)
