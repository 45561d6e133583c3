"""The command line: thin verbs; whatever is heavy is imported inside them."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from ccreid.errors import CcreidError
from ccreid.version import __version__

if TYPE_CHECKING:
    from ccreid.report.schema import ScoredBenchmark
    from ccreid.runs.score import Watch

Device = Literal["auto", "cpu", "cuda", "mps"]  # runtime's, which needs torch
SelectionChoice = Literal["validation", "last", "test"]  # recipe's, which needs pydantic

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

IS_WORKER = int(os.environ.get("WORLD_SIZE", 1)) > 1
"""Whether this is one of several processes that torchrun started."""
FOLLOWS = IS_WORKER and os.environ.get("RANK") != "0"
"""Whether another one of them does the talking."""

out = Console()
err = Console(stderr=True)

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the data set [default: inside the package].")
]
MovedDataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the data set, where it has moved [default: as trained]."),
]
OutOption = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder to write [default: below runs/].")]
DevicesOption = Annotated[int, typer.Option(min=1, metavar="N", help="Processes on this machine, a device each.")]
NodesOption = Annotated[int, typer.Option(min=1, metavar="M", help="Machines; give the same command on each.")]
RendezvousOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where several machines meet: HOST is one of them.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, e.g. training.epochs=20; repeatable."),
]


def main() -> None:
    """Run the command line; a user's mistake ends with its message, never with a traceback."""
    out.quiet = FOLLOWS
    logging.getLogger("lightning_fabric.utilities").setLevel(logging.WARNING)  # it announces processes and seeds
    logging.getLogger("ccreid").handlers = [logging.NullHandler() if FOLLOWS else _ConsoleHandler()]
    try:
        app()
    except CcreidError as error:
        _end(error)
    except RuntimeError as error:
        if IS_WORKER:
            from ccreid.machine.launching import as_lost

            if lost := as_lost(error):
                _end(lost)
        raise


def _end(error: CcreidError) -> NoReturn:
    who = f"Process {os.environ['RANK']}: " if IS_WORKER else ""
    err.print(f"[bold red]Error:[/] {escape(who + error.message)}", highlight=False, soft_wrap=True)
    if error.mend:
        err.print(escape(error.mend), highlight=False, soft_wrap=True)
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
    assignments: SetOption = None,
    select_on: Annotated[
        SelectionChoice | None,
        typer.Option(help="Which epoch is kept; 'test' stamps every number [default: as the recipe says]."),
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="0,1,2", help="Run once a seed and report mean and standard deviation.")
    ] = None,
    resume: Annotated[Path | None, typer.Option(metavar="RUN", help="Go on with an interrupted run.")] = None,
    allow: Annotated[
        str | None,
        typer.Option(metavar="recipe,data,processes", help="In what a resumed run may differ from what it was."),
    ] = None,
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    rendezvous: RendezvousOption = None,
) -> None:
    """Train a recipe, score the kept epoch on every protocol and leave a run folder."""
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("give either a RECIPE or --resume RUN.", param_hint="RECIPE")
    if resume is not None and (out_dir or seeds):
        raise typer.BadParameter("a resumed run stays in its folder and keeps its seed.", param_hint="--resume")
    if allow is not None and resume is None:
        raise typer.BadParameter("it goes with --resume RUN.", param_hint="--allow")
    from ccreid.runs import series, train

    changes = [*(assignments or []), *([f"selection.by={select_on}"] if select_on else []), *_root_of(data)]
    settings = train.recipe_of(resume, changes) if resume is not None else _recipe(recipe or "", None, changes)
    numbers = _numbers(seeds) if seeds is not None else None
    folder = resume or out_dir or _new_folder(settings.name)
    if devices * nodes > 1 and not IS_WORKER:
        from ccreid.machine.launching import Machines, run_together

        train.check(settings, devices * nodes)
        where = [] if resume or out_dir else ["--out", str(folder)]  # each process would find a name of its own
        run_together([*sys.argv[1:], *where], Machines(devices, nodes, rendezvous))
        return
    _say_where(settings.data.dataset, settings.data.root, folder)
    if resume is not None:
        with _watching() as follow:
            report = train.resume(resume, follow(), changes, _allowed(allow))
        _show(report, resume)
        return
    if numbers is None:
        with _watching() as follow:
            report = train.begin(settings, folder, follow())
        _show(report, folder)
        return
    with _watching() as follow:
        summary = series.run_seeds(settings, numbers, folder, follow)
    _show(summary, folder, "seeds.json")


@app.command()
def ablate(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name or YAML file.")],
    variants: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Which variants: parts, improvements, or a YAML file of yours.")
    ] = "parts",
    seeds: Annotated[str, typer.Option(metavar="0,1,2", help="Every variant runs once a seed.")] = "0,1,2",
    data: DataOption = None,
    out_dir: OutOption = None,
    assignments: SetOption = None,
) -> None:
    """Train variants of a recipe over several seeds and compare them query by query."""
    from ccreid.runs import ablate

    numbers = _numbers(seeds)
    changes = ablate.load_variants(variants)
    recipes = {name: _recipe(recipe, data, [*(assignments or []), *own]) for name, own in changes.items()}
    first = next(iter(recipes.values()))
    folder = out_dir or _new_folder(f"ablate-{first.name}")
    _say_where(first.data.dataset, first.data.root, folder)
    with _watching() as follow:
        result = ablate.ablate(recipes, numbers, folder, follow, changes)
    out.print()
    for table in ablate.ablation_tables(result):
        out.print(table)
    out.print(f"Comparison: {folder / ablate.RESULT}", highlight=False, soft_wrap=True)


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
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    rendezvous: RendezvousOption = None,
) -> None:
    """Score a bundle on every protocol of a data set."""
    from ccreid.datasets import read_benchmark

    benchmark = read_benchmark(dataset, data)
    folder = out_dir or _new_folder(f"evaluate-{dataset}")
    if devices * nodes > 1 and not IS_WORKER:
        from ccreid.machine.launching import Machines, run_together

        where = [] if out_dir else ["--out", str(folder)]
        run_together([*sys.argv[1:], *where], Machines(devices, nodes, rendezvous))
        return
    from ccreid.runs import score

    _say_where(dataset, data, folder)
    with _watching() as follow:
        report = score.evaluate_bundle(
            bundle,
            benchmark,
            folder,
            flip=flip,
            device=device,
            skip_unreadable=skip_unreadable,
            reranking=rerank,
            watch=follow(),
        )
    _show(report, folder)


@app.command()
def publish(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="The bundle to write.")],
    data: MovedDataOption = None,
) -> None:
    """Make a run's bundle fit to share: half the size, scored as it is stored, with a model card."""
    from ccreid.runs import publish

    with _watching() as follow:
        report = publish.publish(run_folder, out_dir, follow(), data=data)
    _show_scores(report)
    out.print(f"Bundle: {out_dir}", highlight=False, soft_wrap=True)
    out.print(f"Card to read: {out_dir / publish.MODEL_CARD}", highlight=False, soft_wrap=True)


@app.command()
def compare(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="Bundles, or run folders.")],
    datasets: Annotated[
        list[str],
        typer.Option("--dataset", metavar="NAME[=DIR]", help="Data set to score on, with its folder; repeatable."),
    ],
    out_dir: OutOption = None,
) -> None:
    """Score several bundles on several data sets and print a matrix."""
    from ccreid.datasets import read_benchmark
    from ccreid.report.tables import comparison_table
    from ccreid.runs import series

    benchmarks = {}
    for word in datasets:
        name, _, root = word.partition("=")
        benchmarks[name] = read_benchmark(name, Path(root) if root else None)
    folder = out_dir or _new_folder("compare")
    with _watching() as follow:
        reports = series.compare(bundles, benchmarks, folder, follow)
    for name in benchmarks:
        out.print()
        out.print(comparison_table({bundle: row[name] for bundle, row in reports.items()}, f"{name}, in percent"))
    out.print(f"Reports: {folder}", highlight=False, soft_wrap=True)


@app.command()
def runs(
    places: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR...", help="Runs, or folders that hold some [default: runs].")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", dir_okay=False, help="Write a page with the course of every term, too."),
    ] = None,
) -> None:
    """List runs and compare them: where each stands, what it scored, and in which settings they differ."""
    from ccreid.runs import listing

    found = listing.read_runs(places or [Path("runs")])
    tables = listing.runs_tables(found)
    if Console(width=1000).measure(tables[0]).maximum > out.width:
        for number, run in enumerate(found, 1):
            out.print(f"{number}: {run.name}", highlight=False, soft_wrap=True)
        tables = listing.runs_tables(found, narrow=True)
    for table in tables:
        out.print(table)
    differences = listing.differences(found)
    if len(found) > 1:
        if not differences[1]:
            out.print("The runs differ in no setting that changes the outcome.", highlight=False)
        elif len(found) <= listing.MOST_COLUMNS:
            out.print(listing.differences_table(differences))
        else:
            names = ", ".join(row[0] for row in differences[1])
            out.print(f"They differ in: {names}. A page shows how: --page runs.html", highlight=False)
    if page is not None:
        from ccreid.report.runs_page import write_runs_page

        write_runs_page(page, listing.overview(found), differences, listing.courses(found))
        out.print(f"Page to look at: {page}", highlight=False, soft_wrap=True)


@app.command()
def recipes(
    name: Annotated[str | None, typer.Argument(help="Show every setting of this recipe.")] = None,
) -> None:
    """List the recipes, or show one with every setting resolved."""
    from ccreid.recipe import load_recipe, recipe_names, to_yaml

    if name is not None:
        out.print(to_yaml(load_recipe(name)), highlight=False, end="", markup=False)
        return
    table = Table("recipe", "data set", "backbone", "epochs", "what")
    for known in recipe_names():
        recipe = load_recipe(known)
        table.add_row(known, recipe.data.dataset, recipe.network.backbone, str(recipe.training.epochs), recipe.title)
    out.print(table)


@app.command()
def demo(out_dir: OutOption = None) -> None:
    """Search with the model inside the package, then train a baseline and FIRe² and compare them (a few minutes)."""
    from ccreid.recipe import load_recipe
    from ccreid.report.tables import comparison_table
    from ccreid.runs import build, train

    recipe = load_recipe("demo")
    folder = out_dir or _new_folder("demo")
    _show_search(folder)
    contenders = {"baseline (identity + triplet)": build.without_mining_terms(recipe), "FIRe²": recipe}
    reports = {}
    for label, contender in contenders.items():
        target = folder / contender.name
        out.print(f"\nTraining {label} for {contender.training.epochs} epochs, seed {contender.training.seed}.")
        with _watching() as follow:
            reports[label] = train.begin(contender, target, follow())
    out.print()
    out.print(comparison_table(reports, "Same images, epochs and seed, in percent"))
    out.print(
        "This is a demonstration on a few synthetic people: it shows that the parts work together and is too "
        "small to rank methods.",
        highlight=False,
    )
    _show(reports["FIRe²"], folder / recipe.name)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Benchmarks to run [default: all].")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, one round: only shows that they run.")] = False,
    out_dir: OutOption = None,
) -> None:
    """Measure this machine's speed against the limit of its hardware (about 20 minutes; best left alone)."""
    from ccreid.bench import BENCHMARKS, measure
    from ccreid.bench.report import bench_table, bench_values, quantity, verdict
    from ccreid.machine.files import write_json
    from ccreid.report.text import write_tables

    names = names or list(BENCHMARKS)
    runs = {name: measure(name, quick=quick) for name in names}  # a wrong name is refused before anything runs
    folder = out_dir or _new_folder("bench")
    command = " ".join(["ccreid bench", *(names if names != list(BENCHMARKS) else []), *(["--quick"] if quick else [])])
    measured: dict[str, list[Any]] = {}
    for name, run in runs.items():
        out.print(f"{name}: {BENCHMARKS[name]} ...", highlight=False)
        measured[name] = []
        for row in run:
            measured[name].append(row)
            out.print(f"  {row.what}: {quantity(row.value, row.unit)}", highlight=False, markup=False, soft_wrap=True)
        # After each, so that whoever stops it keeps what was measured.
        values = bench_values(measured, command, quick=quick)
        write_json(folder / "bench.json", values)
        write_tables(folder / "bench.txt", bench_table(values))
    out.print(bench_table(values))
    out.print(verdict(values), highlight=False)
    out.print(f"Measurements: {folder / 'bench.json'}", highlight=False, soft_wrap=True)


@app.command()
def attributes(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    data: MovedDataOption = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write [default: RUN/attributes].")
    ] = None,
    people: Annotated[str, typer.Option(metavar="N|all", help="How many people get a contact sheet.")] = "12",
) -> None:
    """Show the attributes that a run mined, and whether they are clothes, cameras or neither."""
    if people != "all" and not (people.isdecimal() and int(people)):
        raise typer.BadParameter(f"'{people}' is neither a whole number above 0 nor 'all'.", param_hint="--people")
    from ccreid.report.attribute_report import attribute_table, summary
    from ccreid.runs import attributes

    folder = out_dir or run_folder / attributes.FOLDER
    with _watching() as follow:
        most = None if people == "all" else int(people)
        values = attributes.write_attributes(run_folder, folder, data=data, people=most, track=follow().track)
    out.print(attribute_table(values))
    out.print("\n".join([*summary(values), *values["conclusion"]]), highlight=False, markup=False, soft_wrap=True)
    out.print(f"Sheets: {folder}/identity-*.png", highlight=False, soft_wrap=True)
    out.print(f"Page to look at: {folder / attributes.PAGE}", highlight=False, soft_wrap=True)


@data_app.command("list")
def list_data() -> None:
    """List the data sets that can be read."""
    from ccreid.datasets import READERS

    table = Table("name", "data set", Column("layout", overflow="fold"), "how to get it")
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


@data_app.command("check")
def check_data(
    name: Annotated[str, typer.Argument(help="Data set, see `ccreid data list`.")],
    data: DataOption = None,
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.json", dir_okay=False, help="Write every finding there as JSON, too."),
    ] = None,
) -> None:
    """Read every image once and say what would spoil a score; ends with 1 where something does."""
    from ccreid.datasets import read_benchmark
    from ccreid.inspection.check import as_values, check_benchmark, has_errors
    from ccreid.machine.files import write_json

    benchmark = read_benchmark(name, data)
    with _watching() as follow:
        findings = check_benchmark(benchmark, follow().track)
    values = as_values(benchmark, findings)
    _show_findings(values)
    if out_file is not None:
        write_json(out_file, values)
        out.print(f"Findings: {out_file}", highlight=False, soft_wrap=True)
    if has_errors(findings):
        raise typer.Exit(1)


def _show_findings(check: Mapping[str, Any]) -> None:
    colours = {"error": "bold red", "warning": "yellow", "ok": "green"}
    table = Table("result", "finding", "what", title=f"{check['dataset']}: {escape(check['root'])}")
    for finding in check["findings"]:
        colour = colours[finding["severity"]]
        about = f"\n[dim]{finding['about']}[/]" if finding["about"] else ""
        examples = "".join(f"\n[dim]{escape(example)}[/]" for example in finding["examples"])
        table.add_row(
            f"[{colour}]{finding['severity']}[/]", finding["name"] + about, escape(finding["detail"]) + examples
        )
    out.print(table)
    out.print(f"{check['errors']} errors, {check['warnings']} warnings", highlight=False)


def _allowed(names: str | None) -> list[Any]:
    from ccreid.training.checkpoint import DIFFERENCES

    allowed = names.split(",") if names else []
    if unknown := set(allowed) - set(DIFFERENCES):
        message = f"'{', '.join(sorted(unknown))}' is none of {', '.join(DIFFERENCES)}."
        raise typer.BadParameter(message, param_hint="--allow")
    return allowed


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"'{text}' is no list of whole numbers like 0,1,2.", param_hint="--seeds") from error


def _recipe(source: str, data: Path | None, assignments: list[str]) -> Any:
    from ccreid.recipe import load_recipe

    return load_recipe(source, [*assignments, *_root_of(data)])


def _root_of(data: Path | None) -> list[str]:
    return [f"data.root={_as_yaml(str(data.resolve()))}"] if data is not None else []


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


def _show_scores(report: ScoredBenchmark) -> None:
    from ccreid.report.schema import Report
    from ccreid.report.tables import belief_table, report_table

    out.print()
    out.print(report_table(report))
    if isinstance(report, Report):  # a summary over seeds has deviations instead
        out.print(belief_table(report))
    for warning in report.benchmark.warnings:
        _warn(warning)
    if report.benchmark.left_out:
        _warn("Left out because they cannot be read: " + ", ".join(report.benchmark.left_out))


def _show(report: ScoredBenchmark, folder: Path, name: str = "report.json") -> None:
    _show_scores(report)
    out.print(f"Report: {folder / name}", highlight=False, soft_wrap=True)
    if (folder / "report.html").exists():
        out.print(f"Page to look at: {folder / 'report.html'}", highlight=False, soft_wrap=True)
    pictures = sorted(folder.glob("ranked-*.png"))
    if pictures:
        out.print(f"Ranked lists: {', '.join(map(str, pictures))}", highlight=False, soft_wrap=True)
    if (folder / "bundle").is_dir():
        out.print(f"Bundle: {folder / 'bundle'}", highlight=False, soft_wrap=True)


def _show_search(folder: Path) -> None:
    from ccreid.runs import demo

    with _watching() as follow:
        answers = demo.search(folder, follow())
    table = Table("query", *(f"{rank}." for rank in range(1, demo.NEAREST + 1)), show_lines=True)
    for answer in answers:
        cells = (
            f"[{'green' if found.right else 'red'}]{'right' if found.right else 'wrong'}[/] {found.cosine:.2f}\n{words}"
            for found, words in answer.nearest
        )
        table.add_row(answer.query, *cells)
    out.print(
        "\nHave we seen this person, in whatever clothes? The nearest pictures of other cameras, with their cosines:"
    )
    out.print(table)
    out.print(
        "The model comes with ccreid and was trained on other people than these; all of them are synthetic. The "
        "queries are spread from the one that goes best to the one that goes worst.",
        highlight=False,
    )
    out.print(f"Picture to look at: {folder / demo.PICTURE}", highlight=False, soft_wrap=True)


def _warn(message: str) -> None:
    err.print(f"[yellow]Warning:[/] {escape(message)}", highlight=False, soft_wrap=True)


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
def _watching() -> Iterator[Callable[..., Watch]]:
    """Progress bars with the time left; gives a function that makes the watch of one run, by its name."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ccreid.runs.score import Watch

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, disable=FOLLOWS) as progress:

        def follow(name: str = "") -> Watch:
            if FOLLOWS:
                return Watch()
            if name:
                progress.console.print(name, highlight=False)
            return Watch(_Track(progress), _TrainingBar(progress))

        yield follow


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
