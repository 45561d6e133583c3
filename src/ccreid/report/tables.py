"""What an evaluation found, as plain values and as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ccreid.evaluation.evaluate import Evaluation
from ccreid.evaluation.metrics import Scores
from ccreid.vocabulary import Benchmark, Protocol

FORMAT = 1
STAMP = "†"
"""Stands behind a score whose epoch was selected on the test set."""
RANKS = (1, 5, 10, 20)
TEST_SET = "ON THE TEST SET"
"""Begins how the epoch was selected when it was selected on the numbers reported; every score is then stamped."""
RERANKING = "k-reciprocal (k1 20, k2 6, lambda 0.3)"


def report_values(evaluation: Evaluation, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that a reader of the numbers needs, as plain values for JSON.

    Parameters
    ----------
    evaluation:
        What was found.
    conditions:
        Under which conditions: model, image size, flip averaging, seed, versions, images left out, ...
    """
    stamped = TEST_SET in str(conditions.get("selection"))
    return {
        "format": FORMAT,
        "benchmark": describe_benchmark(evaluation.benchmark),
        "conditions": {"reranking": RERANKING if evaluation.reranked else None, **conditions},
        "warnings": [str(conditions["selection"])] if stamped else [],
        "protocols": [
            {**_protocol_values(p, evaluation), "selected_on_test": stamped} for p in evaluation.benchmark.protocols
        ],
    }


def describe_benchmark(benchmark: Benchmark) -> dict[str, Any]:
    """A data card in plain values: name, edition, counts, licence, whether its people are real, warnings."""
    return {
        "name": benchmark.name,
        "edition": benchmark.edition or None,
        "licence": benchmark.licence,
        "synthetic": benchmark.synthetic,
        "subsets": {
            name: {"people": len(samples.people), "images": len(samples)} for name, samples in benchmark.subsets.items()
        },
        "unmatched": len(benchmark.unmatched),
        "left_out": list(benchmark.left_out),
        "warnings": list(benchmark.warnings),
    }


def report_table(report: Mapping[str, Any]) -> Table:
    """The scores of a report, a row a protocol, in percent."""
    benchmark = report["benchmark"]
    title = benchmark["name"] + (f" ({benchmark['edition']} edition)" if benchmark["edition"] else "")
    table = Table(title=title, caption=_caption(report), title_justify="left", caption_justify="left")
    table.box, table.pad_edge, table.collapse_padding = SIMPLE_HEAD, False, True  # to fit into 80 columns
    table.add_column("protocol", min_width=14)
    for name in (*(f"R{rank}" for rank in RANKS), "mAP", "mINP", "valid / skipped"):
        table.add_column(name, justify="right")
    for row in report["protocols"]:
        table.add_row(
            row["name"],
            *(_percent_of(row, "cmc", str(rank)) for rank in RANKS),
            _percent_of(row, "map"),
            _percent_of(row, "minp"),
            f"{row['valid']} / {row['skipped']}",
        )
    return table


def belief_table(report: Mapping[str, Any]) -> Table:
    """What a score is worth: its interval, and the results of others on the same protocol, clearly as theirs."""
    intervals = report["intervals"]
    table = Table(title="Beside these scores, in percent", title_justify="left")
    for name in ("protocol", "whose", "R1", "mAP"):
        table.add_column(name, justify="right" if name in ("R1", "mAP") else "left")
    for protocol, ends in intervals["protocols"].items():
        ours = f"ours, {100 * intervals['level']:.0f} % interval over query people"
        table.add_row(protocol, ours, _range(ends["rank1"]), _range(ends["map"]))
    for protocol, results in report["published"].items():
        for result in results:
            scores = (
                tuple(value / 100 for value in result[name]) if result[name] else None for name in ("rank1", "map")
            )
            table.add_row(protocol, f"{result['method']}, {result['by']}", *map(_range, scores))
    return table


def _range(ends: Sequence[float] | None) -> str:
    if ends is None:
        return "-"
    low, high = percent(ends[0]), percent(ends[1])
    return low if low == high else f"{low} to {high}"


def comparison_table(reports: Mapping[str, Mapping[str, Any]], title: str) -> Table:
    """Rank-1 and mAP of several reports on the same protocols, side by side, in percent."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    protocols = next(iter(reports.values()))["protocols"]
    for protocol in protocols:
        table.add_column(f"{protocol['name']}\nR1 / mAP", justify="right")
    for name, report in reports.items():
        cells = (f"{_percent_of(p, 'cmc', '1')} / {_percent_of(p, 'map')}" for p in report["protocols"])
        table.add_row(name, *(cell.replace("\n", " ") for cell in cells))
    return table


def paired_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """How variants differ from others, query by query, in percent (points), with intervals over query people."""
    table = Table(title="Differences query by query, in points, 95 % interval over query people", title_justify="left")
    for name in ("variant", "minus", "protocol", "R1", "mAP", "queries better / worse"):
        table.add_column(name, justify="left" if name in ("variant", "minus", "protocol") else "right")
    for row in rows:
        differences = (
            f"{100 * row[score]:+.1f}"
            + ("" if (ends := row[f"{score}_interval"]) is None else f" ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})")
            for score in ("rank1", "map")
        )
        shares = f"{percent(row['better'])} % / {percent(row['worse'])} %"
        table.add_row(row["variant"], row["against"], row["protocol"], *differences, shares)
    return table


def _percent_of(row: Mapping[str, Any], *path: str) -> str:
    """A score of a protocol in percent, with its standard deviation, where there is one, in a second line."""
    value, deviation = row, row["deviation"]
    for key in path:
        value, deviation = value[key], deviation and deviation[key]
    spread = f"\n±{percent(deviation)}" if deviation is not None else ""
    return percent(value) + (STAMP if row["selected_on_test"] else "") + spread  # type: ignore[arg-type]


def percent(share: float | None) -> str:
    """0.1234 as "12.3", nothing as a dash."""
    return "-" if share is None else f"{100 * share:.1f}"


def _protocol_values(protocol: Protocol, evaluation: Evaluation) -> dict[str, Any]:
    scores, draws = evaluation.scores[protocol.name], evaluation.draws.get(protocol.name)
    return {
        "name": protocol.name,
        "query": protocol.query,
        "gallery": protocol.gallery,
        "ignored": protocol.ignore.sentence,
        "shots": f"single-shot, mean of {len(draws)} draws" if draws else "multi-shot",
        "valid": scores.valid,
        "skipped": scores.skipped,
        "cmc": {str(rank): _finite(scores.at(rank)) for rank in RANKS},
        "map": _finite(scores.mean_ap),
        "minp": _finite(scores.mean_inp),
        "deviation": None if draws is None else _deviations(draws),
    }


def _deviations(draws: Sequence[Scores]) -> dict[str, Any]:
    """Standard deviations (of a sample) over the draws."""

    def deviation(values: list[float]) -> float | None:
        return _finite(stdev(values)) if len(values) > 1 else None

    return {
        "cmc": {str(rank): deviation([scores.at(rank) for scores in draws]) for rank in RANKS},
        "map": deviation([scores.mean_ap for scores in draws]),
        "minp": deviation([scores.mean_inp for scores in draws]),
    }


def _caption(report: Mapping[str, Any]) -> str:
    rules = [
        f"{row['name']} ({row['shots']}) ignores, of the query's person: {row['ignored']}"
        for row in report["protocols"]
    ]
    conditions = "; ".join(
        f"{name.replace('_', ' ')}: {_word(value)}"
        for name, value in report["conditions"].items()
        if not isinstance(value, dict)
    )
    if any(row["selected_on_test"] for row in report["protocols"]):
        rules.append(f"{STAMP} the epoch was selected on these very numbers; do not compare them with honest ones")
    versions = ", ".join(f"{name} {version}" for name, version in report["conditions"].get("versions", {}).items())
    return "\n".join([*rules, conditions, *([f"versions: {versions}"] if versions else [])])


def _word(value: object) -> str:
    return "none" if value is None else ("no", "yes")[value] if isinstance(value, bool) else str(value)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
