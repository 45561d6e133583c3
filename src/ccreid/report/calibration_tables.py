"""A calibration's thresholds for the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ccreid.report.calibration_page import rate_in_words, rows_of
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.thresholds import Threshold

ISO = "ISO/IEC 19795-1"


def threshold_lines(threshold: Threshold) -> list[str]:
    """A threshold in force: what it asks for, what it gives, and what becomes of that as the gallery grows."""
    low, high = threshold.interval
    asked_low, asked_high = threshold.fpir_interval
    enrolled = threshold.enrolled
    size = "" if threshold.simulated else ", a size beyond those simulated"
    grown = ", ".join(f"{one.fpir:.1%} with {one.enrolled:,}" for one in threshold.growth if one.enrolled > enrolled)
    return [
        f"Threshold: log10 LR of {threshold.value:.2f} ({low:.2f} to {high:.2f}) for FPIR(N = {enrolled}, T) = "
        f"{threshold.fpir:.1%}, measured {asked_low:.1%} to {asked_high:.1%} with {threshold.people} people{size}",
        f"FNIR(N = {enrolled}, R = 1, T): in the clothes enrolled {rate_in_words(threshold.fnir_same)}, in others "
        f"{rate_in_words(threshold.fnir_changed)}",
        *([f"If the gallery grows and the threshold stays, the FPIR becomes {grown}"] if grown else []),
        f"Rates as {ISO} defines them: N people enrolled, the first R candidates, T the threshold; intervals of 95 % "
        "over people",
    ]


def threshold_table(calibration: Calibration) -> Table:
    """For the usual rates, by the size of the gallery."""
    table = Table(
        title="Thresholds of the nearest person's log10 likelihood ratio",
        caption=f"FPIR(N, T) and FNIR(N, R = 1, T) of {ISO}; N are enrolled. In brackets 95 % intervals over people",
        title_justify="left",
        caption_justify="left",
    )
    table.box, table.pad_edge, table.collapse_padding = SIMPLE_HEAD, False, True
    same = "FNIR, enrolled clothes" if calibration.points.outfits_known else "FNIR"
    for name in ("enrolled", "FPIR", "threshold", same, "FNIR, other clothes"):
        table.add_column(name, justify="right")
    for row in rows_of(calibration):
        asked = (f"{row.enrolled}", f"{100 * row.fpir:g} %")
        if row.threshold is None:
            table.add_row(*asked, "not supported", "", "")
            continue
        found = row.threshold
        table.add_row(*asked, f"{found.value:.2f}", rate_in_words(found.fnir_same), rate_in_words(found.fnir_changed))
    return table
