"""How what was found is shown on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ccreid.cli import console

if TYPE_CHECKING:
    from ccreid.report.schema import Report, ScoredBenchmark


def show_where(dataset: str, root: Path | str | None, folder: Path) -> None:
    """What a run reads, where it writes."""
    console.say(f"Data: {dataset}, {root or 'the edition inside the package'}\nRun folder: {folder}")


def show_report(report: ScoredBenchmark, folder: Path, name: str = "report.json") -> None:
    """A report, with what lies beside it in its folder."""
    show_scores(report)
    console.say(f"Report: {folder / name}")
    if (folder / "report.html").exists():
        console.say(f"Page to look at: {folder / 'report.html'}")
    if pictures := sorted(folder.glob("ranked-*.png")):
        console.say(f"Ranked lists: {', '.join(map(str, pictures))}")
    if (folder / "bundle").is_dir():
        console.say(f"Bundle: {folder / 'bundle'}")


def show_bundle(report: Report, folder: Path) -> None:
    """A bundle that was made to share, with its scores."""
    from ccreid.runs.publish import MODEL_CARD

    show_scores(report)
    console.say(f"Bundle: {folder}")
    console.say(f"Card to read: {folder / MODEL_CARD}")


def show_scores(report: ScoredBenchmark) -> None:
    """The tables of a report, with what is to be known about its data."""
    from ccreid.report.schema import Report
    from ccreid.report.tables import about_the_data, belief_table, report_table

    console.out.print()
    console.out.print(report_table(report))
    if isinstance(report, Report):  # a summary over seeds has deviations instead
        console.out.print(belief_table(report))
    for sentence in about_the_data(report.benchmark):
        console.warn(sentence)
