"""The verbs that train."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import (
    DataOption,
    DevicesOption,
    NodesOption,
    OutOption,
    RendezvousOption,
    SelectionChoice,
    SetOption,
    differences_of,
    folder_to_write,
    numbers_of,
)
from ccreid.cli.progress import watching
from ccreid.cli.showing import show_report, show_where
from ccreid.cli.together import is_shared, run_shared

if TYPE_CHECKING:
    from ccreid.report.schema import ScoredBenchmark


def train(
    recipe: Annotated[str | None, typer.Argument(metavar="RECIPE", help="A recipe's name or YAML file.")] = None,
    data: DataOption = None,
    out_dir: OutOption = None,
    assignments: SetOption = None,
    select_on: Annotated[
        SelectionChoice | None,
        typer.Option(help="Which epoch is kept; 'test' stamps every number \\[default: as the recipe says]."),
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
    from ccreid.machine.processes import Processes
    from ccreid.recipe import RunFolder, load_recipe
    from ccreid.runs import beforehand, build, series, train

    changes = [*(assignments or []), *([f"selection.by={select_on}"] if select_on else [])]
    if resume is not None:
        settings = RunFolder(resume).recipe(changes, data=data)
    else:
        settings = load_recipe(recipe or "", changes, data=data)
    numbers = numbers_of(seeds) if seeds is not None else None
    allowed = differences_of(allow)
    folder = folder_to_write(resume or out_dir, settings.name)
    if is_shared(devices, nodes):
        together = Processes(0, devices * nodes)
        beforehand.check(settings, build.benchmark(settings), together, pretrained=resume is None)
        run_shared(devices, nodes, rendezvous, None if resume or out_dir else folder)
        return
    show_where(settings.data.dataset, settings.data.root, folder)
    report: ScoredBenchmark
    with watching() as follow:
        if resume is not None:
            report = train.resume(resume, follow(), changes, allowed, data=data)
        elif numbers is None:
            report = train.begin(settings, folder, follow())
        else:
            report = series.run_seeds(settings, numbers, folder, follow)
    show_report(report, folder, "report.json" if numbers is None else "seeds.json")


def ablate(
    recipe: Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe's name or YAML file.")],
    variants: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE", help="Which variants: parts, methods, improvements, or a YAML file of yours."
        ),
    ] = "parts",
    seeds: Annotated[str, typer.Option(metavar="0,1,2", help="Every variant runs once a seed.")] = "0,1,2",
    data: DataOption = None,
    out_dir: OutOption = None,
    assignments: SetOption = None,
) -> None:
    """Train variants of a recipe over several seeds and compare them query by query."""
    from ccreid.recipe import load_recipe
    from ccreid.runs import ablate

    numbers = numbers_of(seeds)
    given = assignments or []
    changes = ablate.load_variants(variants)
    recipes = {name: load_recipe(recipe, [*given, *own], data=data) for name, own in changes.items()}
    first = next(iter(recipes.values()))
    folder = folder_to_write(out_dir, f"ablate-{first.name}")
    show_where(first.data.dataset, first.data.root, folder)
    with watching() as follow:
        result = ablate.ablate(recipes, numbers, folder, follow, changes)
    console.out.print()
    for table in ablate.ablation_tables(result):
        console.out.print(table)
    console.say(f"Comparison: {folder / ablate.RESULT}")
