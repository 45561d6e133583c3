"""Bundles side by side as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path

from ccreid.machine.files import write_text
from ccreid.report.page import rendered
from ccreid.report.schema import Matrix, Report
from ccreid.report.tables import about_the_data, few_differences, points

TEMPLATE = "compare.html.j2"


def write_compare_page(path: Path, matrix: Matrix) -> None:
    """Write a page that needs nothing but a browser, whole or not at all. Raises StorageError."""
    sets = []
    for on in matrix.paired:
        reports = {label: of[on] for label, of in matrix.reports.items()}
        first = next(iter(reports.values()))
        sets.append(
            {
                "label": on,
                "benchmark": first.benchmark,
                "warnings": [*about_the_data(first.benchmark), *_stamped(reports)],
                "protocols": first.protocols,
                "rows": {label: report.protocols for label, report in reports.items()},
                "paired": matrix.paired[on],
                "few": few_differences(matrix.paired[on]),
            }
        )
    write_text(path, rendered(TEMPLATE, {"sets": sets, "points": points}))


def _stamped(reports: dict[str, Report]) -> list[str]:
    return [f"{label}: {warning}" for label, report in reports.items() for warning in report.warnings]
