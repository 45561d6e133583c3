"""Runs side by side: where each stands, what it scored, and in which settings they differ."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from ccreid.errors import CcreidError, SettingError
from ccreid.recipe import Recipe, RunFolder
from ccreid.records import ProtocolScores, Scored
from ccreid.training.rows import BeginRow, EpochRow, KeptRow, read_journal

Columns = tuple[list[str], list[list[str]]]
"""Headers and rows of a table."""
Course = tuple[list[float], list[float]]
"""Epochs and the values there."""

MOST_COLUMNS = 12
"""Runs whose settings stand side by side on a terminal."""

SHARED = ("recipe", "seed", "state")
"""What stands above the table where all runs have it in common."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListedRun:
    """What the folder of a run tells of it.

    Attributes
    ----------
    name:
        Its folder, from where the user looked.
    recipe:
        Its settings.
    rows:
        Of its journal.
    report:
        Its scores, where it is finished.
    """

    name: str
    recipe: Recipe
    rows: Sequence[KeptRow]
    report: Scored | None

    @property
    def epochs(self) -> list[EpochRow]:
        """The journal's rows of whole epochs."""
        return [row for row in self.rows if isinstance(row, EpochRow)]

    @property
    def state(self) -> str:
        """Where it stands."""
        if self.report is not None:
            return "finished"
        return f"epoch {len(self.epochs)} of {self.recipe.training.epochs}"

    @property
    def seconds(self) -> float:
        """How long its steps and minings took."""
        return math.fsum(row.seconds for row in self.rows if not isinstance(row, EpochRow))


def read_runs(places: Sequence[Path]) -> list[ListedRun]:
    """Read the runs that some folders are or hold, at any depth, each once.

    A damaged one is named in a warning and left out.

    Raises
    ------
    SettingError
        A folder does not exist, or there is no run in any.
    """
    runs: list[ListedRun] = []
    taken: list[Path] = []
    for place in places:
        if not place.is_dir():
            raise SettingError(f"There is no folder {place}.", "Name runs, or folders that hold some.")
        for run in RunFolder.below(place):
            if not any(run.path.samefile(seen) for seen in taken):
                taken.append(run.path)
                runs += _read(run)
    if not runs:
        looked = ", ".join(map(str, places))
        raise SettingError(f"There is no run in {looked}.", "Name runs, or folders that hold some; train makes them.")
    return runs


def runs_tables(runs: Sequence[ListedRun], *, narrow: bool = False) -> list[Table]:
    """Where runs stand and what they scored, a row each; what all share is the title.

    A narrow terminal gets the scores in a table of their own, and both without the runs' names.
    """
    headers, rows = overview(runs)
    shared = [header for header in SHARED if len({row[headers.index(header)] for row in rows}) == 1]
    title = ", ".join(f"{header} {rows[0][headers.index(header)]}" for header in shared)
    shown = [header for header in headers if header not in shared and not (narrow and header == "run")]
    scores = [header for header in shown if header in _protocol_names(runs)]
    if not scores:
        return [_table(title, headers, rows, shown)]
    told = "Rank-1 / mAP in percent"
    if not narrow:
        return [_table("; ".join(part for part in (title, told) if part), headers, rows, shown)]
    standing = [header for header in shown if header not in scores]
    return [_table(title, headers, rows, standing), _table(told, headers, rows, ["#", *scores])]


def differences_table(differences: Columns) -> Table:
    """The settings in which runs differ, a column a run, by its number."""
    headers, rows = differences
    return _table("Settings that differ", headers, rows, headers, left=headers)


def _table(
    title: str,
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    shown: Sequence[str],
    left: Collection[str] = ("run", *SHARED),
) -> Table:
    table = Table(title=title or None, title_justify="left")
    for header in shown:
        table.add_column(header, justify="left" if header in left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(row[headers.index(header)] for header in shown))
    return table


def overview(runs: Sequence[ListedRun]) -> Columns:
    """Headers and a row a run: what it is, where it stands, what it scored."""
    columns: dict[str, Callable[[ListedRun], str]] = {
        "run": lambda run: run.name,
        "recipe": lambda run: run.recipe.name,
        "seed": lambda run: str(run.recipe.training.seed),
        "state": lambda run: run.state,
        "loss": lambda run: _last((row.total for row in run.epochs), "{:.2f}"),
        "attributes": lambda run: _last((row.notes.get("attributes") for row in run.epochs), "{}"),
        "validation mAP": lambda run: _last((row.validation for row in run.epochs), "{:.1%}").removesuffix("%"),
        **{name: lambda run, name=name: _score(run, name) for name in _protocol_names(runs)},  # type: ignore[misc]
        "minutes": lambda run: f"{run.seconds / 60:.1f}",
    }
    rows = [[str(number), *(tell(run) for tell in columns.values())] for number, run in enumerate(runs, 1)]
    shown = [0, *(place for place in range(1, len(columns) + 1) if any(row[place] != "-" for row in rows))]
    headers = ["#", *columns]
    return [headers[place] for place in shown], [[row[place] for place in shown] for row in rows]


def differences(runs: Sequence[ListedRun]) -> Columns:
    """Headers and a row a setting that affects training or scores and that not all runs share."""
    settings = [run.recipe.affecting("training", "scores") for run in runs]
    rows = [
        [path, *("-" if path not in of_run else _plain(of_run[path]) for of_run in settings)]
        for path in dict.fromkeys(path for of_run in settings for path in of_run)
        if any(path not in of_run or of_run[path] != settings[0].get(path) for of_run in settings)
    ]
    return ["setting", *(str(number) for number in range(1, len(runs) + 1))], rows


def courses(runs: Sequence[ListedRun]) -> dict[str, dict[str, Course]]:
    """By the title of a plot and the label of a run: every term, the total, attributes, learning rate, validation."""
    plots: dict[str, dict[str, Course]] = {}
    for number, run in enumerate(runs, 1):
        for title, epoch, value in _points(run):
            epochs, values = plots.setdefault(title, {}).setdefault(f"{number}: {run.name}", ([], []))
            epochs.append(epoch)
            values.append(value)
    return plots


def _points(run: ListedRun) -> Iterator[tuple[str, int, float]]:
    for row in run.rows:
        if isinstance(row, EpochRow):
            for name, value in row.terms.items():
                yield f"{name} term", row.epoch, value
            told = {
                "total loss": row.total,
                "learning rate": row.learning_rate,
                "mAP on validation people": row.validation,
            }
            yield from ((title, row.epoch, value) for title, value in told.items() if value is not None)
    for row in run.rows:
        if isinstance(row, BeginRow):
            yield from ((f"{name} before the epoch", row.epoch, value) for name, value in row.notes.items())


def _read(run: RunFolder) -> Iterator[ListedRun]:
    try:
        scores = Scored.read(run.report) if run.finished else None
        yield ListedRun(str(run.path), run.recipe(), read_journal(run.journal), scores)
    except CcreidError as error:
        logger.warning("%s is left out: %s", run.path, error.message)
    except (OSError, ValueError) as error:
        logger.warning("%s is left out, a file of it is damaged: %s", run.path, error)


def _protocols(run: ListedRun) -> Sequence[ProtocolScores]:
    return () if run.report is None else run.report.protocols


def _protocol_names(runs: Sequence[ListedRun]) -> list[str]:
    return list(dict.fromkeys(row.name for run in runs for row in _protocols(run)))


def _score(run: ListedRun, protocol: str) -> str:
    for row in _protocols(run):
        first = row.at(1)
        if row.name == protocol and first is not None and row.map is not None:
            return f"{100 * first:.1f} / {100 * row.map:.1f}"
    return "-"


def _last(values: Iterable[float | None], form: str) -> str:
    """The last value that there is."""
    known = [value for value in values if value is not None]
    return form.format(known[-1]) if known else "-"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
