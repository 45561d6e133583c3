"""Ranked lists as a picture: a query, its nearest gallery images, right and wrong framed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from ccreid.data.decode import read_image
from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores
from ccreid.machine.files import replacing
from ccreid.report.curves import as_png
from ccreid.vocabulary import Ids, Pictures, Protocol, Samples, ignored, in_force

RIGHT, WRONG, QUERY = "#1b9e3e", "#d62728", "#404040"
THUMBNAIL_PX = (64, 128)
CELL_PX = (74, 196)
"""Width and height of a thumbnail with its frame, its title above and its three lines of caption below."""
HEADER_PX = 30
MOST_LETTERS = 20
"""Of a line of caption."""
PIXELS_PER_INCH = 72


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
    width, height = CELL_PX[0] * (top + 1) + 10, CELL_PX[1] * len(rows) + HEADER_PX
    figure = Figure(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), dpi=PIXELS_PER_INCH)
    # One pair of axes in pixels from the top left: a pair for each image would take seconds to lay out.
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    axes.text(6, 4, lists_title(evaluation, protocol), fontsize=9, verticalalignment="top")
    for line, row in enumerate(rows):
        corner = HEADER_PX + CELL_PX[1] * line
        _draw_image(axes, (6, corner), query, row, QUERY, "query")
        for found in ranked_list(evaluation, protocol, row, top):
            colour, mark = (RIGHT, "✓") if found.right else (WRONG, "✗")
            place = (10 + CELL_PX[0] * found.rank, corner)
            _draw_image(axes, place, gallery, found.place, colour, f"{found.rank} {mark}")
    png = as_png(figure, 2 * PIXELS_PER_INCH)
    with replacing(path) as temporary:
        temporary.write_bytes(png)


def lists_title(evaluation: Evaluation, protocol: Protocol) -> str:
    """What some ranked lists show, in two lines."""
    query, gallery = (evaluation.benchmark.subset(name) for name in (protocol.query, protocol.gallery))
    rule = in_force(protocol.ignore, query, gallery)
    left_out = f"Left out: the query's person with {rule.sentence}." if rule else "Nothing is left out."
    before = " and ".join(evaluation.refinement.of_lists)
    return f"{evaluation.benchmark.name}, {protocol.name}. {left_out}\nGreen ✓ right person, red ✗ wrong person." + (
        f" By cosine, before {before}." if before else ""
    )


@dataclass(frozen=True)
class Found:
    """One gallery image of a ranked list.

    Attributes
    ----------
    rank:
        From 1.
    place:
        In the gallery.
    right:
        Whether it shows the query's person.
    cosine:
        Of the two embeddings.
    """

    rank: int
    place: int
    right: bool
    cosine: float


def ranked_list(evaluation: Evaluation, protocol: Protocol, row: int, top: int = 10) -> list[Found]:
    """The nearest gallery images, by cosine similarity, that a protocol leaves to query `row`."""
    person = evaluation.benchmark.subset(protocol.query).person[row]
    gallery = evaluation.benchmark.subset(protocol.gallery)
    return [
        Found(rank, int(place), bool(gallery.person[place] == person), float(cosine))
        for rank, (place, cosine) in enumerate(_ranked(evaluation, protocol, row, top), 1)
    ]


def thumbnail(pictures: Pictures, row: int, size_px: tuple[int, int] = (96, 192)) -> bytes:
    """Image `row` as a JPEG no larger than (width, height), with its proportions. Raises ImageError."""
    return small_jpeg(read_image(pictures.path(row)), size_px)


def small_jpeg(image: Image.Image, size_px: tuple[int, int]) -> bytes:
    """A picture as a JPEG no larger than (width, height), with its proportions; the picture itself becomes as small."""
    image.thumbnail(size_px)
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=82)
    return stream.getvalue()


def exemplary_queries(scores: Scores, count: int = 2) -> dict[str, list[int]]:
    """Rows of valid queries with the best, the median and the worst average precision, no query twice.

    Returns
    -------
    dict
        "best", "typical" and "worst": up to `count` rows each, from the best to the worst; fewer where there
        are not three times as many valid queries.
    """
    ranked = _from_best_to_worst(scores)
    count = min(count, max(1, len(ranked) // 3))
    worst = ranked[count:][-count:]
    between = ranked[count : len(ranked) - len(worst)]
    middle = max(0, (len(between) - count) // 2)
    rows = {"best": ranked[:count], "typical": between[middle : middle + count], "worst": worst}
    return {kind: [int(row) for row in found] for kind, found in rows.items()}


def _from_best_to_worst(scores: Scores) -> Ids:
    """Rows of the valid queries by falling average precision, equal ones in their order."""
    valid = np.flatnonzero(scores.first_rank)
    return valid[np.argsort(-scores.average_precision[valid], kind="stable")].astype(np.int64)


def telling_queries(scores: Scores, count: int = 6) -> list[int]:
    """Rows of valid queries from the best to the worst average precision, evenly spread."""
    by_precision = _from_best_to_worst(scores)
    places = np.linspace(0, len(by_precision) - 1, min(count, len(by_precision))).round().astype(int)
    return [int(row) for row in by_precision[places]]


def _ranked(evaluation: Evaluation, protocol: Protocol, row: int, top: int) -> Iterator[tuple[int, float]]:
    """Places in the gallery with their cosines."""
    query = evaluation.benchmark.subset(protocol.query)
    gallery = evaluation.benchmark.subset(protocol.gallery)
    vectors = evaluation.embeddings[protocol.gallery].vectors
    similarity = (vectors @ evaluation.embeddings[protocol.query].vectors[row]).numpy()
    out = ignored(protocol.ignore, query, row, gallery) & (gallery.person == query.person[row])
    order = np.argsort(-similarity, kind="stable")
    nearest = order[~out[order]][:top]
    return zip(nearest, similarity[nearest], strict=True)


def _draw_image(axes: Axes, corner: tuple[int, int], samples: Samples, row: int, colour: str, title: str) -> None:
    """Draw one framed thumbnail with its title and caption; `corner` is the top left of its cell, in pixels."""
    left, top = corner[0], corner[1] + 16
    right, bottom = left + THUMBNAIL_PX[0], top + THUMBNAIL_PX[1]
    axes.imshow(read_image(samples.path(row)), extent=(left, right, bottom, top), aspect="auto")
    axes.add_patch(Rectangle((left, top), *THUMBNAIL_PX, fill=False, edgecolor=colour, linewidth=3))
    axes.text((left + right) / 2, top - 4, title, color=colour, fontsize=8, horizontalalignment="center")
    axes.text(
        (left + right) / 2,
        bottom + 5,
        "\n".join(shortened(line, MOST_LETTERS) for line in samples.described(row)),
        fontsize=6.5,
        horizontalalignment="center",
        verticalalignment="top",
    )


def shortened(line: str, most: int) -> str:
    """A line that fits under a picture: the end of a long one is an ellipsis."""
    return line if len(line) <= most else f"{line[: most - 1]}…"
