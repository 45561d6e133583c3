"""A calibration's thresholds as a table."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ccreid.report.calibration_page import rate_in_words, rows_of
from ccreid.retrieval.calibration.calibration import Calibration


def threshold_table(calibration: Calibration) -> Table:
    """For the usual rates, by the size of the gallery."""
    table = Table(
        title="Thresholds of the nearest person's log10 likelihood ratio",
        caption="In brackets 95 % intervals over people",
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
