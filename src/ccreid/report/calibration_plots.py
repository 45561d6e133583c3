"""Drawings of a calibration: whether probabilities come true, and which errors trade for which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ccreid.report.curves import COLOURS, LINES
from ccreid.retrieval.calibration.calibration import Bin, Quality
from ccreid.retrieval.calibration.thresholds import OperatingPoints, RateCurve

SMALLEST_DRAWN = 1e-3
"""FPIR at which the axis begins."""


def draw_reliability(quality: Quality) -> Figure:
    """What was said against what happened, for the probability of nobody and for that of the nearest person."""
    figure = Figure(figsize=(7.6, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_bins(left, quality.nobody, "P(nobody)", COLOURS[0])
    _draw_bins(right, quality.nearest, "P(nearest person)", COLOURS[1])
    left.set(ylabel="share of searches for which it was true, %")
    return figure


def _draw_bins(axes: Axes, bins: Sequence[Bin], title: str, colour: str) -> None:
    axes.plot([0, 100], [0, 100], color="black", linewidth=1, linestyle=":", zorder=1)
    said = np.array([one.said for one in bins])
    share = np.array([one.happened.value for one in bins])
    ends = np.array([one.happened.interval for one in bins]).reshape(-1, 2)
    spread = np.abs(ends.T - share)
    axes.errorbar(100 * said, 100 * share, yerr=100 * spread, fmt="o", color=colour, capsize=3, markersize=5)
    for one in bins:
        below = one.happened.value > 0.5
        place = one.happened.interval[0 if below else 1]
        axes.annotate(
            f"{one.happened.people}",
            (100 * one.said, 100 * place),
            xytext=(0, -4 if below else 4),
            textcoords="offset points",
            horizontalalignment="center",
            verticalalignment="top" if below else "bottom",
            fontsize=7,
            color="#505050",
        )
    axes.set(xlim=(-3, 103), ylim=(-7, 109), xlabel=f"{title} as told, %")
    axes.set_title(title, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def draw_det(points: OperatingPoints) -> Figure:
    """FNIR against FPIR: people in the clothes that they are enrolled in by the size of the gallery, and in others."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    axes = figure.add_subplot()
    shown = [size for size in points.sizes if size.fnir_same is not None][-3:]
    for size, colour, line in zip(reversed(shown), cycle(COLOURS), cycle(LINES), strict=False):
        label = "enrolled clothes" if points.outfits_known else "as they came"
        _draw_rate(axes, size.fpir, size.fnir_same, colour, line, f"{label}, {size.enrolled} enrolled")
    if shown and shown[-1].fnir_changed is not None:
        largest = shown[-1]
        _draw_rate(
            axes, largest.fpir, largest.fnir_changed, "#404040", "-", f"other clothes, {largest.enrolled} enrolled"
        )
    axes.axvspan(SMALLEST_DRAWN, points.smallest_fpir, color="#505050", alpha=0.12, linewidth=0)
    axes.annotate(
        f"too few people ({points.people})",
        (points.smallest_fpir, 0.02),
        xycoords=("data", "axes fraction"),
        xytext=(-4, 0),
        textcoords="offset points",
        horizontalalignment="right",
        fontsize=8,
        color="#404040",
    )
    axes.set(
        xscale="log",
        xlim=(SMALLEST_DRAWN, 1),
        ylim=(-0.02, 1.02),
        xlabel="FPIR: people who are not enrolled, taken for somebody",
        ylabel="FNIR: enrolled people, missed",
    )
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.grid(alpha=0.3, which="both")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False, ncols=2)
    return figure


def _draw_rate(axes: Axes, fpir: RateCurve, fnir: RateCurve | None, colour: str, line: str, label: str) -> None:
    if fnir is None:
        return
    across = np.maximum(fpir.value, SMALLEST_DRAWN / 10)
    axes.plot(across, fnir.value, line, color=colour, linewidth=2, label=label)
    axes.fill_between(across, fnir.low, fnir.high, color=colour, alpha=0.15, linewidth=0)
