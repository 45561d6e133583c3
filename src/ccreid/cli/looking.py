"""The verbs that look at what is there: runs, their attributes, recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ccreid.cli import console
from ccreid.cli.options import MovedDataOption, refuse_taken_file
from ccreid.cli.progress import watching


def runs(
    places: Annotated[
        list[Path] | None, typer.Argument(metavar="DIR...", help="Runs, or folders that hold some \\[default: runs].")
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", dir_okay=False, help="Write a page with the course of every term, too."),
    ] = None,
) -> None:
    """List runs and compare them: where each stands, what it scored, and in which settings they differ."""
    from ccreid.report.text import plain_console
    from ccreid.runs import listing

    if page is not None:
        refuse_taken_file(page, "<title>Runs side by side</title>", "--page")
    found = listing.read_runs(places or [Path("runs")])
    tables = listing.runs_tables(found)
    if plain_console(width=1000).measure(tables[0]).maximum > console.out.width:
        for number, run in enumerate(found, 1):
            console.say(f"{number}: {run.name}")
        tables = listing.runs_tables(found, narrow=True)
    for table in tables:
        console.out.print(table)
    differences = listing.differences(found)
    if len(found) > 1:
        if not differences[1]:
            console.out.print("The runs differ in no setting that changes the outcome.", highlight=False)
        elif len(found) <= listing.MOST_COLUMNS:
            console.out.print(listing.differences_table(differences))
        else:
            names = ", ".join(row[0] for row in differences[1])
            console.out.print(f"They differ in: {names}. A page shows how: --page runs.html", highlight=False)
    if page is not None:
        from ccreid.report.runs_page import write_runs_page

        write_runs_page(page, listing.overview(found), differences, listing.courses(found))
        console.say(f"Page to look at: {page}")


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show every setting of this recipe.")] = None,
) -> None:
    """List the recipes, or show one with every setting resolved."""
    from ccreid.recipe import explained_yaml, load_recipe, recipe_names

    if name is not None:
        console.out.print(explained_yaml(load_recipe(name)), highlight=False, end="", soft_wrap=True)
        return
    table = Table("recipe", "data set", "backbone", "epochs", "what")
    for known in recipe_names():
        recipe = load_recipe(known)
        table.add_row(known, recipe.data.dataset, recipe.network.backbone, str(recipe.training.epochs), recipe.title)
    console.out.print(table)


def attributes(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    data: MovedDataOption = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write \\[default: RUN/attributes].")
    ] = None,
    people: Annotated[str, typer.Option(metavar="N|all", help="How many people get a contact sheet.")] = "12",
) -> None:
    """Show the attributes that a run mined, and whether they are clothes, cameras or neither."""
    if people != "all" and not (people.isdecimal() and int(people)):
        raise typer.BadParameter(f"'{people}' is neither a whole number above 0 nor 'all'.", param_hint="--people")
    from ccreid.machine.files import check_writable
    from ccreid.recipe import RunFolder
    from ccreid.report.attribute_report import attribute_table, summary
    from ccreid.runs import attributes

    folder = out_dir or RunFolder(run_folder).attributes
    check_writable(folder)
    with watching() as follow:
        most = None if people == "all" else int(people)
        values = attributes.write_attributes(run_folder, folder, data=data, people=most, track=follow().track)
    console.out.print(attribute_table(values))
    console.say("\n".join([*summary(values), *values["conclusion"]]))
    console.say(f"Sheets: {folder}/identity-*.png")
    console.say(f"Page to look at: {folder / attributes.PAGE}")
