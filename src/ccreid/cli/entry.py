"""The way in: the app with every verb, and how it ends."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from ccreid.cli import console, gallery, gallery_repair, gallery_search, people
from ccreid.cli.bench import bench
from ccreid.cli.bundling import bundle
from ccreid.cli.calibrating import calibrate, compare_images
from ccreid.cli.data import check_data, list_data, show_data
from ccreid.cli.demo import demo
from ccreid.cli.embedding import embed
from ccreid.cli.exporting import export
from ccreid.cli.grouping import group
from ccreid.cli.looking import attributes, recipes, runs
from ccreid.cli.options import withdraw_claims
from ccreid.cli.scoring import compare, evaluate, project, publish
from ccreid.cli.training import ablate, train
from ccreid.errors import CcreidError
from ccreid.machine.worker import this_worker
from ccreid.version import __version__

app = typer.Typer(
    name="ccreid",
    help="Cloth-changing person re-identification with FIRe²: train, score, embed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)
# In the order in which help lists them.
app.command()(train)
app.command()(ablate)
app.command()(evaluate)
app.command()(bundle)
app.command()(publish)
app.command()(project)
app.command()(export)
app.command()(compare)
app.command()(embed)
app.command()(group)
app.command()(calibrate)
app.command("compare-images")(compare_images)
app.command()(runs)
app.command()(recipes)
app.command()(demo)
app.command()(bench)
app.command()(attributes)

data_app = typer.Typer(help="Look at data sets.", no_args_is_help=True)
data_app.command("list")(list_data)
data_app.command("show")(show_data)
data_app.command("check")(check_data)
app.add_typer(data_app, name="data")

gallery_app = typer.Typer(help="Keep a gallery of people, and ask who somebody is.", no_args_is_help=True)
gallery_app.command("create")(gallery.create)
gallery_app.command("add")(gallery.add)
gallery_app.command("search")(gallery_search.search)
gallery_app.command("people")(gallery.people)
gallery_app.command("show")(gallery.show)
gallery_app.command("count")(gallery.count)
gallery_app.command("set")(gallery.change)
gallery_app.command("index")(gallery.index)
gallery_app.command("re-embed")(gallery.re_embed)
gallery_app.command("merge")(gallery_repair.merge)
gallery_app.command("split")(gallery_repair.split)
gallery_app.command("outfit")(gallery_repair.outfit)
gallery_app.command("rename")(gallery_repair.rename)
gallery_app.command("note")(gallery_repair.note)
gallery_app.command("hide")(gallery_repair.hide)
gallery_app.command("unhide")(gallery_repair.unhide)
gallery_app.command("proposals")(gallery_repair.proposals)
gallery_app.command("confirm")(gallery_repair.confirm)
gallery_app.command("reject")(gallery_repair.reject)
gallery_app.command("undo")(gallery_repair.undo)
gallery_app.command("journal")(gallery_repair.journal)
gallery_app.command("audit")(gallery_repair.audit)
gallery_app.command("remove")(gallery_repair.remove)
gallery_app.command("forget")(gallery_repair.forget)
gallery_app.command("expire")(gallery_repair.expire)
app.add_typer(gallery_app, name="gallery")

people_app = typer.Typer(help="Make people who do not exist.", no_args_is_help=True)
people_app.command("make")(people.make)
app.add_typer(people_app, name="people")


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        console.say(f"ccreid {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command line; a user's mistake ends with its message, never with a traceback."""
    console.begin()
    if this_worker() is not None:
        from ccreid.machine.parent import end_with_parent

        end_with_parent()
    try:
        app(prog_name="ccreid")
    except CcreidError as error:
        _end(error)
    except OSError as error:
        if error.filename is None:
            raise
        # A place that the system itself refuses to look at: a name too long for it, a folder closed to the user.
        _end(CcreidError(f"{error.filename}: {error.strerror}.", "Name another place, or mend its permissions."))
    except RuntimeError as error:
        if this_worker() is not None:
            from ccreid.machine.launching import as_lost

            if lost := as_lost(error):
                _end(lost)
        raise
    finally:
        withdraw_claims()


def _end(error: CcreidError) -> NoReturn:
    worker = this_worker()
    who = "" if worker is None else f"Process {worker.rank}: "
    console.complain(who + error.message, error.mend)
    sys.exit(error.exit_code)
