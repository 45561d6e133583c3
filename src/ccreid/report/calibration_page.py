"""A calibration as one self-contained HTML page, with its drawings beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ccreid.errors import SettingError
from ccreid.machine.files import replacing, write_text
from ccreid.report.calibration_plots import draw_det, draw_reliability
from ccreid.report.curves import as_png
from ccreid.report.page import Picture, data_address, rendered
from ccreid.retrieval.calibration.answers import CONVENTION
from ccreid.retrieval.calibration.calibration import Calibration, blindness
from ccreid.retrieval.calibration.open_set import Rate
from ccreid.retrieval.calibration.thresholds import FURTHEST, Threshold

TEMPLATE = "calibration.html.j2"
ASKED = (0.1, 0.05, 0.01)
"""FPIRs whose thresholds are shown."""

SYNTHETIC = "The calibration was made from synthetic people only: it says nothing certain of real people and cameras."

RELIABILITY, DET = "calibration-reliability.png", "calibration-det.png"


@dataclass(frozen=True)
class Row:
    """A threshold, or why there is none."""

    fpir: float
    enrolled: int
    threshold: Threshold | None
    refused: str


def rows_of(calibration: Calibration) -> list[Row]:
    """Thresholds for the usual rates, for galleries of the size that was simulated last and of ten people."""
    largest = calibration.points.sizes[-1].enrolled
    return [_row(calibration, fpir, enrolled) for enrolled in sorted({min(10, largest), largest}) for fpir in ASKED]


def _row(calibration: Calibration, fpir: float, enrolled: int) -> Row:
    try:
        return Row(fpir, enrolled, calibration.threshold(fpir, enrolled), "")
    except SettingError as error:
        return Row(fpir, enrolled, None, error.mend)


def rate_in_words(rate: Rate | None) -> str:
    """A rate with its interval, in percent: "12.0 % (9.1 to 15.2)"."""
    if rate is None:
        return "not measured"
    low, high = rate.interval
    return f"{100 * rate.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def cautions(calibration: Calibration) -> Iterator[str]:
    """What to know before one believes a number of it, a sentence each."""
    scope = calibration.scope
    if scope.synthetic:
        yield SYNTHETIC
    if scope.synthetic is None:
        yield "Whether the model has seen these people is not known here; if it has, all is worse than it looks."
    shown = [row.threshold for row in rows_of(calibration) if row.threshold is not None]
    blind = next((threshold for threshold in reversed(shown) if not threshold.sees_past_clothes), None)
    if blind is not None:
        yield (
            f"Where nobody reaches the threshold, the answer is “cannot say” ({blind.enrolled} enrolled, FPIR "
            f"{blind.fpir:.0%}): {blindness(blind)}. Whoever knows that clothes have not changed may say so, and is "
            "told “nobody”."
        )


def write_calibration_page(path: Path, calibration: Calibration) -> None:
    """Write a page that needs nothing but a browser, and its drawings as PNG beside it. Raises StorageError."""
    reliability, det = (as_png(draw) for draw in (draw_reliability(calibration.quality), draw_det(calibration.points)))
    for name, drawn in ((RELIABILITY, reliability), (DET, det)):
        with replacing(path.parent / name) as temporary:
            temporary.write_bytes(drawn)
    rows = rows_of(calibration)
    growing = next((row.threshold for row in reversed(rows) if row.threshold is not None), None)
    contents = {
        "calibration": calibration,
        "scope": calibration.scope,
        "quality": calibration.quality,
        "points": calibration.points,
        "rows": rows,
        "growing": growing,
        "furthest": FURTHEST * calibration.points.people,
        "cautions": list(cautions(calibration)),
        "rate": rate_in_words,
        "convention": CONVENTION,
        "reliability": Picture(data_address(reliability, "png"), _reliability_in_words(calibration)),
        "det": Picture(data_address(det, "png"), _det_in_words(calibration)),
    }
    write_text(path, rendered(TEMPLATE, contents))


def _reliability_in_words(calibration: Calibration) -> str:
    def told(name: str) -> str:
        bins = calibration.quality.nobody if name == "nobody" else calibration.quality.nearest
        return "; ".join(f"told {100 * one.said:.0f} %, true for {100 * one.happened.value:.0f} %" for one in bins)

    return f"Reliability of the probability of nobody: {told('nobody')}. Of the nearest person: {told('nearest')}."


def _det_in_words(calibration: Calibration) -> str:
    parts = [
        f"{row.enrolled} enrolled, FPIR {100 * row.fpir:g} %: FNIR {rate_in_words(row.threshold.fnir_same)} in the "
        f"clothes enrolled, {rate_in_words(row.threshold.fnir_changed)} in others"
        for row in rows_of(calibration)
        if row.threshold is not None
    ]
    return "Detection error trade-off. " + "; ".join(parts) + "."
