"""Runs side by side as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle, product
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ccreid.machine.files import write_text
from ccreid.report.curves import COLOURS, LINES, WIDTH_IN, as_png
from ccreid.report.page import Picture, data_address, rendered

TEMPLATE = "runs.html.j2"
Columns = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Headers and rows of a table."""
Plots = Mapping[str, Mapping[str, tuple[Sequence[float], Sequence[float]]]]
"""By title and label, the epochs of a curve and its values."""


def write_runs_page(path: Path, overview: Columns, differences: Columns, plots: Plots) -> None:
    """Write a page that needs nothing but a browser.

    Parameters
    ----------
    path:
        Of the page; written whole or not at all.
    overview:
        A row a run.
    differences:
        A row a setting in which they differ, a column a run.
    plots:
        What is drawn: a curve a run.

    Raises
    ------
    StorageError
        The page cannot be written.
    """
    # Every plot gives a run the same line.
    labels = dict.fromkeys(label for curves in plots.values() for label in curves)
    lines = dict(zip(labels, cycle((colour, line) for line, colour in product(LINES, COLOURS)), strict=False))
    contents = {
        "overview": overview,
        "differences": differences,
        "plots": [(title, _drawn(title, curves, lines)) for title, curves in plots.items()],
        "legend": _legend(lines) if lines else None,
    }
    write_text(path, rendered(TEMPLATE, contents))


def _drawn(
    title: str,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    lines: Mapping[str, tuple[str, str]],
) -> Picture:
    figure = Figure(figsize=(WIDTH_IN, 2.8), layout="constrained")
    axes = figure.add_subplot()
    for label, (epochs, values) in curves.items():
        colour, line = lines[label]
        axes.plot(epochs, values, line, color=colour, linewidth=1.6, marker="." if len(epochs) < 30 else "")
    axes.set(xlabel="epoch", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    ends = "; ".join(f"{label}: {values[-1]:.4g} in epoch {epochs[-1]}" for label, (epochs, values) in curves.items())
    return Picture(data_address(as_png(figure), "png"), f"{title} by epoch. At the end: {ends}.")


def _legend(lines: Mapping[str, tuple[str, str]]) -> Picture:
    figure = Figure(figsize=(2 * WIDTH_IN, 0.3 + 0.22 * len(lines)))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    handles = [axes.plot([], [], line, color=colour, linewidth=1.6)[0] for colour, line in lines.values()]
    axes.legend(handles, list(lines), loc="upper left", frameon=False, fontsize=9)  # a plot's own hides one like _name
    return Picture(data_address(as_png(figure), "png"), f"The lines: {', '.join(lines)}.")
