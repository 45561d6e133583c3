"""Plots of the scores: CMC curves and how the average precision spreads over the queries."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from io import BytesIO
from itertools import cycle

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from ccreid.analysis.separation import Separation
from ccreid.evaluation.metrics import Scores

COLOURS = ("#0b5fa5", "#d55e00", "#007a5a", "#8a3c82", "#6b5b00", "#404040")
LINES = ("-", "--", "-.", ":")
FURTHEST_RANK = 50
WIDTH_IN = 4.8
DOTS_PER_INCH = 160
POSITIVE, NEGATIVE = "#0b5fa5", "#d55e00"


def draw_cmc(scores: Mapping[str, Scores]) -> Figure:
    """Share of queries with a right image among the first k, for k up to 50: a curve for each protocol's name."""
    figure = Figure(figsize=(WIDTH_IN, 4.0), layout="constrained")
    axes = figure.add_subplot()
    shown = {name: found for name, found in scores.items() if found.valid}
    last = min(FURTHEST_RANK, max((len(found.cmc) for found in shown.values()), default=1))
    for (name, found), colour, line in zip(shown.items(), cycle(COLOURS), cycle(LINES), strict=False):
        share = 100 * found.cmc[:last]
        ranks = np.arange(1, len(share) + 1)
        axes.plot(ranks, share, line, color=colour, linewidth=2, marker="o", markevery=[0], label=name)
    axes.set(xlabel="rank k", ylabel="CMC, % of queries", ylim=(0, 102), xlim=(0.5, last + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if shown:
        figure.legend(loc="outside upper left", frameon=False, ncols=2)
    return figure


def draw_precision(scores: Mapping[str, Scores]) -> Figure:
    """How many queries have which average precision: a histogram for each protocol's name, one above the other."""
    shown = {name: found for name, found in scores.items() if found.valid}
    figure = Figure(figsize=(WIDTH_IN, 0.8 + 1.25 * max(1, len(shown))), layout="constrained")
    grid = figure.subplots(max(1, len(shown)), sharex=True, squeeze=False)[:, 0]
    edges = np.linspace(0, 100, 21)
    for axes, (name, found), colour in zip(grid, shown.items(), cycle(COLOURS), strict=False):
        precision = 100 * found.average_precision[found.first_rank > 0]
        axes.hist(precision, edges, color=colour, alpha=0.75)
        mean = 100 * found.mean_ap
        axes.axvline(mean, color="black", linewidth=1.4)
        near_right = mean > 75
        axes.annotate(
            f"mAP {mean:.1f} %",
            (mean, 0.86),
            xycoords=("data", "axes fraction"),
            xytext=(-4 if near_right else 4, 0),
            textcoords="offset points",
            horizontalalignment="right" if near_right else "left",
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
        )
        axes.set_title(name, loc="left", fontsize=10)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.spines[["top", "right"]].set_visible(False)
    grid[-1].set(xlabel="average precision of a query, %", xlim=(0, 100))
    figure.supylabel("queries", fontsize=10)
    return figure


def as_png(figure: Figure, dots_per_inch: int = DOTS_PER_INCH) -> bytes:
    """A figure as PNG, drawn without a display; names in it stand as they are, a box where the font lacks a letter."""
    FigureCanvasAgg(figure)
    for text in figure.findobj(Text):
        text.set_parse_math(False)  # a $ in a name begins no formula
    stream = BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(stream, format="png", dpi=dots_per_inch)
    return stream.getvalue()


def draw_separation(separation: Separation, positive: str, negative: str) -> Figure:
    """Both densities in one plot.

    Parameters
    ----------
    separation:
        What to draw.
    positive, negative:
        What the pairs are, for the legend.
    """
    figure = Figure(figsize=(4.8, 3.7), layout="constrained")
    axes = figure.add_subplot()
    for counts, colour, label, style in (
        (separation.positive, POSITIVE, positive, "-"),
        (separation.negative, NEGATIVE, negative, "--"),
    ):
        density = np.array(counts) / np.sum(counts) / np.diff(separation.edges)
        axes.stairs(density, separation.edges, fill=True, color=colour, alpha=0.25)
        axes.stairs(density, separation.edges, color=colour, linewidth=1.8, linestyle=style, label=label)
    axes.set(xlabel="cosine similarity", ylabel="density", yticks=[])
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper left", frameon=False)
    return figure
