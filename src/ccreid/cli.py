"""The command line: thin verbs; whatever is heavy is imported inside them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from ccreid.errors import CcreidError
from ccreid.version import __version__

if TYPE_CHECKING:
    from ccreid.run import Watch

Device = Literal["auto", "cpu", "cuda", "mps"]  # runtime's, which needs torch

app = typer.Typer(
    name="ccreid",
    help="Cloth-changing person re-identification with FIRe²: train, score, embed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)
app.add_typer(data_app, name="data")

out = Console()
err = Console(stderr=True)

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the data set [default: inside the package].")
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder to write [default: below runs/].")]


def main() -> None:
    """Run the command line; a user's mistake ends with its message, never with a traceback."""
    logging.getLogger("ccreid").handlers = [_ConsoleHandler()]
    try:
        app()
    except CcreidError as error:
        err.print(f"[bold red]Error:[/] {_plain(error.message)}", highlight=False, soft_wrap=True)
        if error.mend:
            err.print(_plain(error.mend), highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        out.print(f"ccreid {__version__}", highlight=False)
        raise typer.Exit


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE", help="A recipe's name or YAML file.")] = None,
    data: DataOption = None,
    out_dir: OutOption = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, e.g. training.epochs=20; repeatable."),
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
) -> None:
    """Train a recipe, score its last epoch on every protocol and leave a run folder."""
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("give either a RECIPE or --resume RUN.", param_hint="RECIPE")
    if resume is not None and (data or out_dir or assignments):
        raise typer.BadParameter(
            "a resumed run keeps its settings; --data, --out and --set do not go with it.", param_hint="--resume"
        )
    from ccreid import run

    if resume is not None:
        folder = resume
        with _watching() as watch:
            report = run.resume(folder, watch)
    else:
        settings = _recipe(recipe or "", data, assignments or [])
        folder = out_dir or _new_folder(settings.name)
        _say_where(settings.data.dataset, settings.data.root, folder)
        with _watching() as watch:
            report = run.begin(settings, folder, watch)
    _show(report, folder)


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or the run folder that holds one.")],
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Data set to score on, see `ccreid data list`.")],
    data: DataOption = None,
    out_dir: OutOption = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Average with the mirror image [default: as trained].")
    ] = None,
    rerank: Annotated[bool, typer.Option("--rerank", help="Rank by k-reciprocal re-ranked distances.")] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Score a bundle on every protocol of a data set."""
    from ccreid import run
    from ccreid.datasets import read_benchmark

    benchmark = read_benchmark(dataset, data)
    folder = out_dir or _new_folder(f"evaluate-{dataset}")
    _say_where(dataset, data, folder)
    with _watching() as watch:
        report = run.evaluate_bundle(
            bundle,
            benchmark,
            folder,
            flip=flip,
            device=device,
            skip_unreadable=skip_unreadable,
            reranking=rerank,
            watch=watch,
        )
    _show(report, folder)


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="Show every setting of this recipe.")] = None,
) -> None:
    """List the recipes, or show one with every setting resolved."""
    from ccreid.recipe import load_recipe, recipe_names

    if name is not None:
        out.print(load_recipe(name).to_yaml(), highlight=False, end="", markup=False)
        return
    table = Table("recipe", "data set", "backbone", "epochs", "what")
    for known in recipe_names():
        recipe = load_recipe(known)
        table.add_row(known, recipe.data.dataset, recipe.network.backbone, str(recipe.training.epochs), recipe.title)
    out.print(table)


@app.command()
def demo(out_dir: OutOption = None) -> None:
    """Train a baseline and FIRe² on the people inside the package and compare them (a few minutes)."""
    from ccreid import build, run
    from ccreid.evaluation.report import comparison_table
    from ccreid.recipe import load_recipe

    recipe = load_recipe("demo")
    folder = out_dir or _new_folder("demo")
    contenders = {"baseline (identity + triplet)": build.without_mining_terms(recipe), "FIRe²": recipe}
    reports = {}
    for label, contender in contenders.items():
        target = folder / contender.name
        out.print(f"\nTraining {label} for {contender.training.epochs} epochs, seed {contender.training.seed}.")
        with _watching() as watch:
            reports[label] = run.begin(contender, target, watch)
    out.print()
    out.print(comparison_table(reports, "Same images, epochs and seed, in percent"))
    out.print(
        "This is a demonstration on a few synthetic people: it shows that the parts work together and is too "
        "small to rank methods.",
        highlight=False,
    )
    _show(reports["FIRe²"], folder / recipe.name)


@data_app.command("list")
def list_data() -> None:
    """List the data sets that can be read."""
    from ccreid.datasets import READERS

    table = Table("name", "data set", "layout", "how to get it")
    for reader in READERS.values():
        table.add_row(reader.name, reader.title, reader.layout, reader.obtain)
    out.print(table)


@data_app.command("show")
def show_data(
    name: Annotated[str, typer.Argument(help="Data set, see `ccreid data list`.")], data: DataOption = None
) -> None:
    """Show what a folder holds: people, images, cameras, outfits, protocols."""
    from ccreid.datasets import read_benchmark

    benchmark = read_benchmark(name, data)
    edition = f" ({benchmark.edition} edition)" if benchmark.edition else ""
    table = Table("subset", "people", "images", "cameras", "outfits", title=f"{name}{edition}", title_justify="left")
    for subset, samples in benchmark.subsets.items():
        columns = (samples.camera, samples.clothes)
        counts = ("not annotated" if column is None else str(len(set(column.tolist()))) for column in columns)
        table.add_row(subset, str(len(samples.people)), str(len(samples)), *counts)
    out.print(table)
    out.print(f"Folder: {benchmark.root}\nLicence: {benchmark.licence}", highlight=False, soft_wrap=True)
    rules = Table("protocol", "query", "gallery", "ignored: same person and")
    for protocol in benchmark.protocols:
        rules.add_row(protocol.name, protocol.query, protocol.gallery, protocol.ignore.sentence)
    out.print(rules)
    if benchmark.unmatched:
        examples = ", ".join(benchmark.unmatched[:3])
        _warn(f"{len(benchmark.unmatched)} images bear other names and are left out, for example {examples}.")
    for warning in benchmark.warnings:
        _warn(warning)


def _recipe(source: str, data: Path | None, assignments: list[str]) -> Any:
    from ccreid.recipe import load_recipe

    root = [f"data.root={_as_yaml(str(data.resolve()))}"] if data is not None else []
    return load_recipe(source, [*assignments, *root])


def _as_yaml(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _new_folder(name: str) -> Path:
    """runs/NAME, or the first of runs/NAME-2, runs/NAME-3, ... that is not there yet."""
    folder, number = Path("runs") / name, 1
    while folder.exists():
        number += 1
        folder = Path("runs") / f"{name}-{number}"
    return folder


def _say_where(dataset: str, root: Path | str | None, folder: Path) -> None:
    where = root or "the edition inside the package"
    out.print(f"Data: {dataset}, {where}\nRun folder: {folder}", highlight=False, soft_wrap=True)


def _show(report: Mapping[str, Any], folder: Path) -> None:
    from ccreid.evaluation.report import report_table

    out.print()
    out.print(report_table(report))
    for warning in report["benchmark"]["warnings"]:
        _warn(warning)
    if report["benchmark"]["left_out"]:
        _warn("Left out because they cannot be read: " + ", ".join(report["benchmark"]["left_out"]))
    pictures = ", ".join(str(path) for path in sorted(folder.glob("ranked-*.png")))
    out.print(f"Report: {folder / 'report.json'}\nRanked lists: {pictures}", highlight=False, soft_wrap=True)
    if (folder / "bundle").is_dir():
        out.print(f"Bundle: {folder / 'bundle'}", highlight=False, soft_wrap=True)


def _warn(message: str) -> None:
    err.print(f"[yellow]Warning:[/] {_plain(message)}", highlight=False, soft_wrap=True)


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


class _ConsoleHandler(logging.Handler):
    """Warnings of the package on the terminal, once each."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message not in self._said:
            self._said.add(message)
            _warn(message)


@contextmanager
def _watching() -> Iterator[Watch]:
    """Progress bars for a run, with the time left."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ccreid.run import Watch

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err) as progress:
        yield Watch(_Track(progress), _TrainingBar(progress))


class _Track:
    """A bar for each loop over images."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress

    def __call__(self, items: Iterable[Any], what: str, count: int) -> Iterable[Any]:
        return self.progress.track(items, total=count, description=what)  # type: ignore[no-any-return]


class _TrainingBar:
    """One bar for all steps of a run, fed by the journal's rows."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.epochs = 0

    def __call__(self, row: Mapping[str, Any]) -> None:
        if row["kind"] == "plan":
            self.epochs = row["epochs"]
            self.task = self.progress.add_task("Training", total=row["steps"], completed=row["done"])
        elif row["kind"] == "step":
            description = f"Epoch {row['epoch']}/{self.epochs}, loss {row['total']:.2f}"
            self.progress.update(self.task, advance=1, description=description)
        elif row["kind"] == "mining":
            self.progress.console.print(
                f"Epoch {row['epoch']}: {row['attributes']} attributes found in {row['seconds']:.1f} s", highlight=False
            )
