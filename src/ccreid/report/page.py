"""A report as one self-contained HTML page."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from matplotlib.figure import Figure

from ccreid.analysis.reliance import Reliance
from ccreid.analysis.separation import Separation
from ccreid.evaluation.evaluate import Evaluation
from ccreid.machine.files import write_text
from ccreid.records import Interval, Intervals, Measures
from ccreid.report.curves import as_png, draw_cmc, draw_precision, draw_separation
from ccreid.report.ranked_lists import exemplary_queries, ranked_list, thumbnail
from ccreid.report.schema import RANKS, Conditions, Report
from ccreid.report.tables import about_the_data, few_people, in_words, percent
from ccreid.vocabulary import Protocol, Samples

TEMPLATE = "page.html.j2"
TOP = 10
NONE = "no valid query"
NO_SPREAD = Measures(cmc={}, map=None, minp=None)
NO_INTERVALS = Intervals(level=0.95, resamples=0, unit="", protocols={})


@dataclass(frozen=True)
class Picture:
    """An image inside a page: a data address and what it shows, in words."""

    source: str
    alt: str


@dataclass(frozen=True)
class _Shown:
    """A thumbnail of a ranked list; `right` is None for the query."""

    picture: Picture
    title: str
    lines: tuple[str, ...]
    right: bool | None


@dataclass(frozen=True)
class _List:
    """A query and what was found for it."""

    title: str
    images: tuple[_Shown, ...]


def write_page(path: Path, report: Report, evaluation: Evaluation, *, pictures: bool = True) -> None:
    """Write a page that needs nothing but a browser: no network, no script, no other file.

    Parameters
    ----------
    path:
        Of the page; written whole or not at all.
    report:
        Best with what :func:`ccreid.analysis.supplement.supplement` finds.
    evaluation:
        The report's, for curves and ranked lists.
    pictures:
        Whether to show images of the data set. Most data sets may not be passed on, not even as thumbnails:
        a page to be shared is written without.

    Raises
    ------
    ImageError
        An image to be shown cannot be read.
    StorageError
        The page cannot be written.
    """
    write_text(path, rendered(TEMPLATE, _contents(report, evaluation, pictures)))


def rendered(template: str, contents: Mapping[str, Any]) -> str:
    """A template of this folder, filled."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html.j2"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "label": _label, "span": _span, "ends": _ends, "plain": _plain}
    return environment.get_template(template).render(contents)


def _contents(report: Report, evaluation: Evaluation, pictures: bool) -> dict[str, Any]:
    protocols = evaluation.benchmark.protocols
    return {
        "report": report,
        "benchmark": report.benchmark,
        "ranks": RANKS,
        "intervals": report.intervals or NO_INTERVALS,
        "few_people": few_people(report),
        "no_spread": NO_SPREAD,
        "warnings": _warnings(report),
        "conditions": list(_in_words(report.conditions)),
        "published": {name: results for name, results in report.published.items() if results},
        "cmc": _plot(draw_cmc(evaluation.scores), _cmc_in_words(report)),
        "precision": _plot(draw_precision(evaluation.scores), _precision_in_words(report)),
        "reliance": report.reliance,
        "separation": _separation(report.reliance),
        "lists": {p.name: (p, _lists(evaluation, p)) for p in protocols if not p.draws} if pictures else {},
        "before": " and ".join(evaluation.refinement.of_lists),
    }


def _warnings(report: Report) -> list[str]:
    found = [*report.warnings, *about_the_data(report.benchmark)]
    for row in report.protocols:
        if not row.valid:
            found.append(f"{row.name}: no query has a relevant gallery image, so there is no score.")
        elif row.skipped:
            queries = row.valid + row.skipped
            found.append(f"{row.name}: {row.skipped} of {queries} queries have no relevant image left.")
    return found


def _plot(figure: Figure, alt: str) -> Picture:
    return Picture(data_address(as_png(figure), "png"), alt)


def data_address(data: bytes, kind: str) -> str:
    """An image as an address that holds it whole."""
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


def _cmc_in_words(report: Report) -> str:
    parts = [
        f"{row.name}: "
        + (", ".join(f"{percent(row.at(rank))} % at rank {rank}" for rank in RANKS) if row.valid else NONE)
        for row in report.protocols
    ]
    return "CMC curves. " + "; ".join(parts) + "."


def _precision_in_words(report: Report) -> str:
    parts = [
        f"{row.name}: " + (f"mean {percent(row.map)} % over {row.valid} queries" if row.valid else NONE)
        for row in report.protocols
    ]
    return "Histograms of the queries' average precision. " + "; ".join(parts) + "."


def _separation(reliance: Reliance | None) -> Picture | None:
    found: Separation | None = None if reliance is None else reliance.separation
    if reliance is None or found is None:
        return None
    others = "other people, same clothes" if reliance.others_labelled else "other people, any clothes"
    return _plot(
        draw_separation(found, "same person, other clothes", others),
        f"Histograms of the cosine similarity of the same person in other clothes ({sum(found.positive)} pairs) and "
        f"of {others} ({sum(found.negative)} pairs). They overlap by {percent(found.overlap)} %.",
    )


def _lists(evaluation: Evaluation, protocol: Protocol) -> dict[str, list[_List]]:
    scores = evaluation.scores[protocol.name]
    return {
        kind: [_list(evaluation, protocol, row) for row in rows] for kind, rows in exemplary_queries(scores).items()
    }


def _list(evaluation: Evaluation, protocol: Protocol, row: int) -> _List:
    scores = evaluation.scores[protocol.name]
    query = evaluation.benchmark.subset(protocol.query)
    gallery = evaluation.benchmark.subset(protocol.gallery)
    images = [_shown(query, row, "query", None)]
    for found in ranked_list(evaluation, protocol, row, TOP):
        images.append(_shown(gallery, found.place, f"{found.rank} {'✓' if found.right else '✗'}", found.right))
    precision = percent(float(scores.average_precision[row]))
    title = f"average precision {precision} %, first right image at rank {scores.first_rank[row]}"
    return _List(title, tuple(images))


def _shown(samples: Samples, row: int, title: str, right: bool | None) -> _Shown:
    lines = samples.described(row)
    verdict = "" if right is None else ", right person" if right else ", wrong person"
    alt = f"{title.split()[0] if right is None else 'rank ' + title.split()[0]}{verdict}: {', '.join(lines)}"
    return _Shown(Picture(data_address(thumbnail(samples, row), "jpeg"), alt), title, lines, right)


def _in_words(conditions: Conditions) -> Iterator[tuple[str, str]]:
    """Names and values to read, in order; a mapping's one by one: ("versions: torch", "2.9")."""
    for name, value in conditions.model_dump().items():
        if isinstance(value, dict):
            yield from ((f"{_label(name)}: {key}", str(item)) for key, item in value.items())
        else:
            yield _label(name), in_words(value)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _plain(text: str) -> str:
    """A text as Markdown that shows it as it is, in one line."""
    return re.sub(r"([\\`*_{}\[\]<>|#~$&])", r"\\\1", " ".join(text.split()))


def _ends(interval: Interval | None) -> str:
    """Shares from and to, in percent."""
    return "-" if interval is None else " to ".join(map(percent, interval))


def _span(ends: Interval | None) -> str:
    """Figures in percent that may be a range: (38.0, 40.8) is "38.0 to 40.8"."""
    if ends is None:
        return "-"
    low, high = (f"{end:.1f}" for end in ends)
    return low if low == high else f"{low} to {high}"
