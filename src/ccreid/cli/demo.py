"""The verb that shows the whole thing on a few synthetic people."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from ccreid.cli import console
from ccreid.cli.options import OutOption, folder_to_write, refuse_taken
from ccreid.cli.progress import watching
from ccreid.cli.showing import show_report


def demo(out_dir: OutOption = None) -> None:
    """Search with the model inside the package, then train a baseline and FIRe² and compare them (a few minutes)."""
    from ccreid.recipe import load_recipe
    from ccreid.report.tables import comparison_table
    from ccreid.runs import train

    recipe = load_recipe("demo")
    folder = folder_to_write(out_dir, "demo")
    refuse_taken(folder)
    _show_search(folder)
    contenders = {
        "baseline (identity + triplet)": load_recipe("demo", ["method.name=baseline", "name=demo-baseline"]),
        "FIRe²": recipe,
    }
    reports = {}
    for label, contender in contenders.items():
        target = folder / contender.name
        console.out.print(f"\nTraining {label} for {contender.training.epochs} epochs, seed {contender.training.seed}.")
        with watching() as follow:
            reports[label] = train.begin(contender, target, follow())
    console.out.print()
    console.out.print(comparison_table(reports, "Same images, epochs and seed, in percent"))
    console.out.print(
        "This is a demonstration on a few synthetic people: it shows that the parts work together and is too "
        "small to rank methods.",
        highlight=False,
    )
    show_report(reports["FIRe²"], folder / recipe.name)


def _show_search(folder: Path) -> None:
    from ccreid.runs import demo

    with watching() as follow:
        search = demo.search(folder, follow())
    table = Table("query", *(f"{rank}." for rank in range(1, demo.NEAREST + 1)), show_lines=True)
    for answer in search.answers:
        cells = (
            Text.assemble(("right", "green") if found.right else ("wrong", "red"), f" {found.cosine:.2f}\n{words}")
            for found, words in answer.nearest
        )
        table.add_row(answer.query, *cells)
    console.out.print(
        "\nHave we seen this person, in other clothes? The nearest pictures of other cameras, the person's own in the "
        "same clothes left out, with their cosines:",
        highlight=False,
    )
    console.out.print(table)
    (other, of_other), (any_clothes, of_any) = search.found_in_other_clothes, search.found_in_any
    console.out.print(
        f"This model puts the right person first for {other} of {of_other} queries in other clothes, and for "
        f"{any_clothes} of {of_any} in any. It comes with ccreid and was trained on other people than these; all of "
        "them are synthetic. The queries are spread from the one that goes best to the one that goes worst.",
        highlight=False,
    )
    console.say(f"Picture to look at: {folder / demo.PICTURE}")
