"""The attributes of a run as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ccreid.analysis.agreement import DEVIATIONS
from ccreid.machine.files import write_text
from ccreid.report.attribute_report import ANNOTATED, MEASURES, SAME, STRENGTHS, left_out, summary
from ccreid.report.curves import COLOURS, WIDTH_IN, as_png
from ccreid.report.page import Picture, data_address, rendered

TEMPLATE = "attributes.html.j2"
MOST_BARS = 30


def write_attribute_page(
    path: Path, values: Mapping[str, Any], sheets: Sequence[tuple[str, bytes]], chosen: str, further: int = 0
) -> None:
    """Write a page that needs nothing but a browser.

    Parameters
    ----------
    path:
        Of the page; written whole or not at all.
    values:
        From :func:`ccreid.report.attribute_report.attribute_values`.
    sheets:
        What each shows, in words, and a JPEG of it.
    chosen:
        Whose sheets these are, in a sentence.
    further:
        How many sheets stand beside the page only.

    Raises
    ------
    StorageError
        The page cannot be written.
    """
    counts = [len(identity["attributes"]) for identity in values["identities"]]
    plots = [(_histogram(counts), "How many people have so many attributes.")]
    if len(values["epochs"]) > 1:
        plots.append((_course(values["epochs"]), "How many attributes were found before each epoch."))
    contents = {
        "values": values,
        "about": values["about"],
        "measures": MEASURES,
        "strengths": ", ".join(_ranges()),
        "same": SAME,
        "deviations": DEVIATIONS,
        "left_out": left_out(values),
        "summary": summary(values),
        "plots": plots,
        "sheets": [Picture(data_address(jpeg, "jpeg"), f"Contact sheet. {title}.") for title, jpeg in sheets],
        "chosen": chosen,
        "further": further,
        "dressed": values["agreement"]["clothes"] is not None,
        "annotated": " and ".join(name for name in ANNOTATED if values["agreement"][name] is not None),
    }
    write_text(path, rendered(TEMPLATE, contents))


def _ranges() -> list[str]:
    ends = [None, *(least for least, _ in STRENGTHS)]
    return [
        f"{word} {least:g} and above" if above is None else f"{word} below {above:g}"
        for above, (least, word) in zip(ends, STRENGTHS, strict=False)
    ]


def _histogram(counts: Sequence[int]) -> Picture:
    figure = Figure(figsize=(WIDTH_IN, 2.6), layout="constrained")
    axes = figure.add_subplot()
    width = max(1, -(-max(counts) // MOST_BARS))
    edges = (np.arange(1, max(counts) + width + 1, width) - 0.5).tolist()
    axes.hist(counts, edges, color=COLOURS[0], rwidth=0.9)
    axes.set(xlabel="attributes of a person", ylabel="people")
    return _finished(figure, f"Histogram of the attributes of {len(counts)} people, {min(counts)} to {max(counts)}.")


def _course(epochs: Sequence[Mapping[str, Any]]) -> Picture:
    figure = Figure(figsize=(WIDTH_IN, 2.6), layout="constrained")
    axes = figure.add_subplot()
    found = [row["attributes"] for row in epochs]
    axes.plot([row["epoch"] for row in epochs], found, marker="o", color=COLOURS[0])
    axes.set(xlabel="epoch", ylabel="attributes", ylim=(0, 1.1 * max(found)))
    axes.grid(alpha=0.3)
    first, last = epochs[0], epochs[-1]
    return _finished(
        figure,
        f"Attributes from epoch {first['epoch']} ({first['attributes']}) to epoch {last['epoch']} "
        f"({last['attributes']}).",
    )


def _finished(figure: Figure, alt: str) -> Picture:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    return Picture(data_address(as_png(figure), "png"), alt)
