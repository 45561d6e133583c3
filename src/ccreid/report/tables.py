"""What was scored, as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from ccreid.analysis.intervals import FEW_PEOPLE
from ccreid.records import BenchmarkCard, Interval, Measures, ProtocolScores, Scored
from ccreid.report.schema import RANKS, Difference, Report, ScoredBenchmark

FEW_INTERVALS = f"Intervals over fewer than {FEW_PEOPLE} people are too narrow to be believed"
TOO_FEW = ", too few to be believed"
STAMP = "†"
"""Stands behind a score whose epoch was selected on the test set."""


def report_table(report: ScoredBenchmark) -> Table:
    """The scores of a report or a summary, a row a protocol, in percent."""
    benchmark = report.benchmark
    title = benchmark.name + (f" ({benchmark.edition} edition)" if benchmark.edition else "")
    table = Table(title=title, caption=_caption(report), title_justify="left", caption_justify="left")
    table.box, table.pad_edge, table.collapse_padding = SIMPLE_HEAD, False, True  # to fit into 80 columns
    table.add_column("protocol", min_width=14)
    for name in (*(f"R{rank}" for rank in RANKS), "mAP", "mINP", "valid / skipped"):
        table.add_column(name, justify="right")
    for row in report.protocols:
        table.add_row(
            row.name,
            *(_at(row, rank) for rank in RANKS),
            _map(row),
            _cell(row, lambda measures: measures.minp),
            f"{row.valid} / {row.skipped}",
        )
    return table


def about_the_data(benchmark: BenchmarkCard) -> list[str]:
    """What is to be known about the images before one believes a score of them, a sentence each."""
    left_out = benchmark.left_out
    told = [f"Left out because they cannot be read: {', '.join(left_out)}"] if left_out else []
    return [*benchmark.warnings, *told]


def belief_table(report: Report) -> Table:
    """What a score is worth: its interval, and the results of others on the same protocol, clearly as theirs."""
    table = Table(title="Beside these scores, in percent", title_justify="left", caption_justify="left")
    table.caption = report.withheld or None
    for name in ("protocol", "whose", "R1", "mAP"):
        table.add_column(name, justify="right" if name in ("R1", "mAP") else "left")
    if report.intervals is not None:
        ours = f"ours, {100 * report.intervals.level:.0f} % interval over"
        for protocol, ends in report.intervals.protocols.items():
            table.add_row(protocol, f"{ours} {over_people(ends.people)}", _range(ends.rank1), _range(ends.map))
    for protocol, results in report.published.items():
        for result in results:
            words = (f"{result.method}, {result.by}", f"uses {result.uses}" if result.uses else "", result.note)
            whose = "; ".join(word for word in words if word)
            table.add_row(protocol, whose, _theirs(result.rank1), _theirs(result.map))
    return table


def over_people(people: int | None) -> str:
    """Over how many people an interval is, and whether they are too few."""
    if people is None:
        return "query people"
    return f"{people} query {'person' if people == 1 else 'people'}" + (TOO_FEW if people < FEW_PEOPLE else "")


def few_people(report: Report) -> str:
    """Which intervals of a report are over too few people, in a sentence, or ""."""
    few = {
        protocol: ends.people
        for protocol, ends in (report.intervals.protocols if report.intervals else {}).items()
        if ends.people is not None and ends.people < FEW_PEOPLE
    }
    if not few:
        return ""
    told = ", ".join(f"{protocol} (over {people})" for protocol, people in few.items())
    return f"{FEW_INTERVALS}: {told}."


def _theirs(percents: Interval | None) -> str:
    return _range(None if percents is None else (percents[0] / 100, percents[1] / 100))


def _range(ends: Interval | None) -> str:
    if ends is None:
        return "-"
    low, high = percent(ends[0]), percent(ends[1])
    return low if low == high else f"{low} to {high}"


def comparison_table(reports: Mapping[str, Scored], title: str) -> Table:
    """Rank-1 and mAP of several reports on the same protocols, side by side, in percent."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    protocols = next(iter(reports.values())).protocols
    table.caption, table.caption_justify = "\n".join(_absent(protocols)) or None, "left"
    for protocol in protocols:
        table.add_column(f"{protocol.name}\nR1 / mAP", justify="right")
    for name, report in reports.items():
        cells = (f"{_at(row, 1)} / {_map(row)}" for row in report.protocols)
        table.add_row(name, *(cell.replace("\n", " ") for cell in cells))
    return table


def paired_table(rows: Sequence[Difference]) -> Table:
    """How variants differ from others, query by query, in percent (points), with intervals over query people."""
    table = Table(
        title="Differences, in points, 95 % intervals over query people; queries better / worse, in percent",
        title_justify="left",
    )
    table.caption, table.caption_justify = few_differences(rows) or None, "left"
    table.box, table.pad_edge, table.collapse_padding = SIMPLE_HEAD, False, True  # to fit into 80 columns
    table.add_column("", overflow="fold")
    table.add_column("protocol", min_width=14)
    for name in ("R1", "mAP"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("better / worse", justify="right")
    table.add_column("people", justify="right", no_wrap=True)
    for row in rows:
        table.add_row(
            f"{row.variant}\nminus {row.against}",
            row.protocol,
            _two_lines(row.rank1, row.rank1_interval),
            _two_lines(row.map, row.map_interval),
            f"{percent(row.better)} / {percent(row.worse)}",
            "-" if row.people is None else str(row.people),
        )
    return table


def few_differences(rows: Sequence[Difference]) -> str:
    """Whether some intervals of differences are over too few people, in a sentence, or ""."""
    few = any(row.people is not None and row.people < FEW_PEOPLE for row in rows)
    return f"{FEW_INTERVALS}." if few else ""


def points(difference: float, ends: Interval | None) -> str:
    """A difference of shares in points, with its interval where there is one."""
    return f"{100 * difference:+.1f}" + ("" if ends is None else f" ({_signed(ends)})")


def _two_lines(difference: float, ends: Interval | None) -> str:
    return f"{100 * difference:+.1f}" + ("" if ends is None else f"\n{_signed(ends)}")


def _signed(ends: Interval) -> str:
    return f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}"


def _at(row: ProtocolScores, rank: int) -> str:
    return _cell(row, lambda measures: measures.at(rank))


def _map(row: ProtocolScores) -> str:
    return _cell(row, lambda measures: measures.map)


def _cell(row: ProtocolScores, one: Callable[[Measures], float | None]) -> str:
    """A score of a protocol in percent, with its standard deviation, where there is one, in a second line."""
    deviation = None if row.deviation is None else one(row.deviation)
    spread = f"\n±{percent(deviation)}" if deviation is not None else ""
    return percent(one(row)) + (STAMP if row.selected_on_test else "") + spread


def percent(share: float | None) -> str:
    """0.1234 as "12.3", nothing as a dash."""
    return "-" if share is None else f"{100 * share:.1f}"


def _caption(report: ScoredBenchmark) -> str:
    rules = [f"{row.name} ({row.shots}) ignores, of the query's person: {row.ignored}" for row in report.protocols]
    conditions = "; ".join(
        f"{name.replace('_', ' ')}: {in_words(value)}"
        for name, value in report.conditions.model_dump(exclude={"versions"}).items()
    )
    if any(row.selected_on_test for row in report.protocols):
        rules.append(f"{STAMP} the epoch was selected on these very numbers; do not compare them with honest ones")
    versions = ", ".join(f"{name} {version}" for name, version in (report.conditions.versions or {}).items())
    return "\n".join([*rules, *_absent(report.protocols), conditions, *([f"versions: {versions}"] if versions else [])])


def _absent(protocols: Sequence[ProtocolScores]) -> list[str]:
    """Why there is no score under some protocols, a sentence each."""
    without = (row.name for row in protocols if not row.valid)
    return [f"{name}: no query has a relevant gallery image, so there is no score" for name in without]


def in_words(value: object) -> str:
    """A plain value as it is read: yes, no, none, or itself."""
    return "none" if value is None else ("no", "yes")[value] if isinstance(value, bool) else str(value)
