"""Ranked lists as a picture: a query, its nearest gallery images, right and wrong framed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ccreid.data.decode import read_image
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores, ignored
from ccreid.files import replacing
from ccreid.vocabulary import UNKNOWN, Protocol, Samples

RIGHT, WRONG, QUERY = "#1b9e3e", "#d62728", "#404040"
THUMBNAIL_PX = (64, 128)


def draw_ranked_lists(
    path: Path, evaluation: Evaluation, protocol: Protocol, rows: Sequence[int], top: int = 10
) -> None:
    """Draw the nearest kept gallery images of some queries under a protocol, as PNG.

    Parameters
    ----------
    path:
        Of the picture; written whole or not at all.
    evaluation:
        Holds the images and their embeddings.
    protocol:
        Which images are ignored, and so left out of the lists.
    rows:
        Which queries.
    top:
        How many gallery images each.
    """
    query = evaluation.benchmark.subset(protocol.query)
    gallery = evaluation.benchmark.subset(protocol.gallery)
    figure = Figure(figsize=(1.0 * (top + 1), 2.55 * len(rows) + 0.5), dpi=110)
    grid = figure.subplots(len(rows), top + 1, squeeze=False)
    for line, row in zip(grid, rows, strict=True):
        for axes in line:
            axes.set_axis_off()
        _draw_image(line[0], query, row, QUERY, "query")
        for rank, place in enumerate(_ranked(evaluation, protocol, row, top), 1):
            right = gallery.person[place] == query.person[row]
            _draw_image(line[rank], gallery, place, RIGHT if right else WRONG, f"{rank} {'✓' if right else '✗'}")
    figure.suptitle(
        f"{evaluation.benchmark.name}, {protocol.name} (ignored: same person and {protocol.ignore.sentence}): "
        "green ✓ right person, red ✗ wrong person",
        fontsize=9,
    )
    figure.tight_layout(rect=(0, 0, 1, 0.985), h_pad=0.6, w_pad=0.3)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png")


def telling_queries(scores: Scores, count: int = 6) -> list[int]:
    """Rows of valid queries from the best to the worst average precision, evenly spread."""
    valid = np.flatnonzero(scores.first_rank)
    by_precision = valid[np.argsort(-scores.average_precision[valid], kind="stable")]
    places = np.linspace(0, len(by_precision) - 1, min(count, len(by_precision))).round().astype(int)
    return [int(row) for row in by_precision[places]]


def _ranked(evaluation: Evaluation, protocol: Protocol, row: int, top: int) -> NDArray[np.int64]:
    query = evaluation.benchmark.subset(protocol.query)
    gallery = evaluation.benchmark.subset(protocol.gallery)
    vectors = evaluation.embeddings[protocol.gallery].vectors
    similarity = (vectors @ evaluation.embeddings[protocol.query].vectors[row]).numpy()
    out = ignored(protocol.ignore, query, row, gallery) & (gallery.person == query.person[row])
    order = np.argsort(-similarity, kind="stable")
    nearest: NDArray[np.int64] = order[~out[order]][:top].astype(np.int64)
    return nearest


def _draw_image(axes: Axes, samples: Samples, row: int, colour: str, title: str) -> None:
    axes.imshow(np.asarray(read_image(samples.path(row)).resize(THUMBNAIL_PX)))
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    axes.set_title(title, fontsize=8, color=colour, pad=4)
    axes.set_xlabel(_caption(samples, row), fontsize=6.5, labelpad=2)
    for spine in axes.spines.values():
        spine.set(color=colour, linewidth=3)


def _caption(samples: Samples, row: int) -> str:
    values = {"person": samples.person, "clothes": samples.clothes, "camera": samples.camera}
    known = {name: column[row] for name, column in values.items() if column is not None and column[row] != UNKNOWN}
    return "\n".join(f"{name} {value}" for name, value in known.items())
