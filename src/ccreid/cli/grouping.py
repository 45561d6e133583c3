"""The verb that proposes who is who in a pile of crops."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import OutOption, folder_to_write
from ccreid.cli.progress import watching


def group(
    crops: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CROPS...", help="Files of crops, from `ccreid embed`; none regroups what --out holds."),
    ] = None,
    out_dir: OutOption = None,
    decisions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Decisions that were saved on the folder's page.")
    ] = None,
    learn: Annotated[
        Path | None,
        typer.Option(metavar="CROPS", help="Crops whose column `person` is right: pairs then get a probability."),
    ] = None,
    gallery: Annotated[
        str | None,
        typer.Option("--gallery", "-g", metavar="PLACE", help="Say who of a gallery groups probably are."),
    ] = None,
    known: Annotated[
        float,
        typer.Option(metavar="P", help="With --gallery: how probable it is beforehand that a crop shows one of them."),
    ] = 0.5,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, write nothing.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures/--no-pictures", help="Show crops, on page and sheet.")] = True,
) -> None:
    """Propose who is who in a pile of crops, on a page to confirm or correct; confirmed names are never touched."""
    from ccreid.runs.grouping import APART, GROUPS, PAGE, group_into

    if not crops and out_dir is None:
        raise typer.BadParameter("Name files of crops, or with --out a folder of groups.", param_hint="CROPS")
    folder = out_dir if dry_run and out_dir else folder_to_write(out_dir, "groups")
    with watching() as follow:
        outcome = group_into(
            folder,
            crops or [],
            decisions=decisions,
            learn=learn,
            gallery=gallery,
            known=known,
            dry=dry_run,
            pictures=pictures,
            track=follow().track,
        )
    for name, value in outcome.in_words.items():
        console.say(f"{name}: {value}")
    if outcome.odds is None:
        console.say(
            "Pairs are ranked by similarity: with --learn CROPS, whose people are known, they get probabilities."
        )
    else:
        console.say(f"Probabilities were learnt from {outcome.odds.people} people.")
    if dry_run:
        console.say("Nothing was written.")
        return
    console.say(f"Groups: {folder / GROUPS} (what is kept apart: {folder / APART})")
    if outcome.likely:
        console.say(f"As proposals into a gallery: ccreid gallery add {folder / GROUPS}")
    console.say(f"Page to look at and decide on: {folder / PAGE}")
