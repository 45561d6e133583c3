"""The verbs that mend a gallery of people, take back what was done, and forget: ``ccreid gallery ...``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from ccreid.cli import console
from ccreid.cli.gallery import CROP_DIGITS, GALLERY, GalleryOption

if TYPE_CHECKING:
    from ccreid.retrieval.gallery.forgetting import Forgotten
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.journal import Entry

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="Name or id.")]
CropsArgument = Annotated[list[str], typer.Argument(metavar="CROPS...", help="Ids of crops, or how each begins.")]

_PERSON = re.compile(r"\bp-[0-9a-f]+")


def merge(
    others: Annotated[list[str], typer.Argument(metavar="PEOPLE...", help="Who become part of another: names or ids.")],
    into: Annotated[str, typer.Option("--into", metavar="PERSON", help="Of whom: they keep name and id.")],
    gallery: GalleryOption = GALLERY,
) -> None:
    """Make people part of another person."""
    opened = _opened(gallery)
    names = _names(opened)
    _say(opened, opened.merge(others, into), names)


def split(
    person: PersonArgument,
    outfits: Annotated[
        list[str] | None,
        typer.Option("--outfit", metavar="NAME", help="An outfit that goes: name or id; repeatable."),
    ] = None,
    crops: Annotated[
        list[str] | None,
        typer.Option("--crop", metavar="ID", help="A crop that goes: how its id begins; repeatable."),
    ] = None,
    group: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The proposed sub-group that goes, see --proposed.")
    ] = None,
    proposed: Annotated[
        bool, typer.Option("--proposed", help="Show which crops hang together, and change nothing.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the new person \\[default: the old one, with (2) behind].")
    ] = None,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Make some of a person's outfits or crops another person's."""
    from ccreid.errors import SettingError
    from ccreid.retrieval.gallery.subgroups import subgroups

    opened = _opened(gallery)
    chosen = list(crops or [])
    if proposed or group is not None:
        found = subgroups(opened.snapshot(), person)
        if proposed:
            _show_groups(opened, found)
            return
        if group is None or group > len(found):
            raise SettingError(
                f"There are {len(found)} sub-groups, and no number {group}.", "See them with --proposed."
            )
        chosen += found[group - 1]
    _say(opened, opened.split(person, outfits=outfits or [], crops=chosen, name=name))


def outfit(
    crops: CropsArgument,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the outfit; a new one, where need be.")] = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="It is not known which.")] = False,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Say in which outfit crops show their person."""
    if (name is None) != unknown:
        raise typer.BadParameter("Give --name, or say --unknown.", param_hint="--name")
    opened = _opened(gallery)
    _say(opened, opened.dress(crops, name))


def rename(
    person: PersonArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    gallery: GalleryOption = GALLERY,
) -> None:
    """Call a person otherwise."""
    opened = _opened(gallery)
    if sum(known == name for known in _names(opened).values()):
        console.warn(f"Another person is called '{name}', too: from now on name each by id.")
    _say(opened, opened.rename(person, name))


def note(
    person: PersonArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="In the place of the old one.")],
    gallery: GalleryOption = GALLERY,
) -> None:
    """Write a person's note anew."""
    opened = _opened(gallery)
    _say(opened, opened.note(person, text))


def hide(person: PersonArgument, gallery: GalleryOption = GALLERY) -> None:
    """Keep a person, but out of every search."""
    opened = _opened(gallery)
    _say(opened, opened.hide(person))


def unhide(person: PersonArgument, gallery: GalleryOption = GALLERY) -> None:
    """Let a hidden person be found again."""
    opened = _opened(gallery)
    _say(opened, opened.hide(person, hidden=False))


def proposals(
    person: Annotated[str | None, typer.Argument(metavar="PERSON", help="Name or id \\[default: everybody].")] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Print the crops' ids, and nothing else.")] = False,
    gallery: GalleryOption = GALLERY,
) -> None:
    """List the crops that are probably somebody and that nobody has confirmed or rejected, the likeliest first."""
    from ccreid.retrieval.gallery.naming import person_of
    from ccreid.retrieval.gallery.overview import proposals

    tables = _opened(gallery).tables()
    found = proposals(tables, None if person is None else person_of(tables, person)["id"])
    if ids:
        for one in found:
            console.say(one.crop)
        return
    if not found:
        console.say("Nothing is proposed.")
        return
    table = Table("crop", "person", "name", "P", Column("picture", overflow="fold"))
    for one in found:
        probable = "" if one.probability is None else f"{one.probability:.1%}"
        table.add_row(one.crop[:CROP_DIGITS], one.person, one.name, probable, one.path)
    console.out.print(table)
    console.say("Each: ccreid gallery confirm CROP, or ccreid gallery reject CROP")


def confirm(
    crops: CropsArgument,
    person: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Whom they show \\[default: who is proposed].")
    ] = None,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Say whom crops show."""
    opened = _opened(gallery)
    _say(opened, opened.confirm(crops, person))


def reject(crops: CropsArgument, gallery: GalleryOption = GALLERY) -> None:
    """Say that crops do not show whom they are taken for; they stay rejected."""
    opened = _opened(gallery)
    _say(opened, opened.reject(crops))


def undo(
    number: Annotated[
        int | None, typer.Argument(metavar="NUMBER", help="Of the operation in the journal \\[default: the last].")
    ] = None,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Take an operation back."""
    opened = _opened(gallery)
    _say(opened, opened.undo(number))


def journal(gallery: GalleryOption = GALLERY) -> None:
    """List every operation: when, by whom, what."""
    opened = _opened(gallery)
    names = _names(opened)
    table = Table(
        "number", Column("at", no_wrap=True), "who", "operation", Column("what", overflow="fold"), "taken back"
    )
    for entry in opened.journal.entries():
        undone = "" if entry.undone_by is None else f"by {int(entry.undone_by)}"
        state = undone if entry.state == "done" else "not finished"
        table.add_row(str(entry.number), entry.at[:16], entry.who, entry.verb, _with_names(entry.what, names), state)
    console.out.print(table)


def audit(gallery: GalleryOption = GALLERY) -> None:
    """List the searches that were written down: when, by whom, what for, who was shown."""
    from ccreid.retrieval.gallery.audit import lines

    table = Table("at", "who", "purpose", "crop", "condition", "decision", Column("shown", overflow="fold"))
    for line in lines(_opened(gallery).store).to_pylist():
        table.add_row(
            line["at"],
            line["who"],
            line["purpose"],
            line["query"][:12],
            line["filter"] or "",
            line["decision"],
            line["candidates"],
        )
    console.out.print(table)


def remove(
    people: Annotated[list[str] | None, typer.Argument(metavar="PEOPLE...", help="Names or ids.")] = None,
    crops: Annotated[
        list[str] | None, typer.Option("--crop", metavar="ID", help="A single crop, or how its id begins; repeatable.")
    ] = None,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Take people or crops out of every search, for now; `undo` brings them back while there is time."""
    if not people and not crops:
        raise typer.BadParameter("Name people, or crops with --crop.", param_hint="PEOPLE")
    opened = _opened(gallery)
    _say(opened, opened.remove(people or [], crops or []))
    console.say(f"For {opened.settings.undo_days} days this can be taken back; `ccreid gallery forget` is for good.")


def forget(
    person: PersonArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    gallery: GalleryOption = GALLERY,
) -> None:
    """Erase a person for good, also from old versions, and prove it."""
    from ccreid.retrieval.gallery.naming import crops_of, person_of

    opened = _opened(gallery)
    tables = opened.tables()
    row = person_of(tables, person)
    if not yes:
        crops = crops_of(tables, row["id"]).num_rows
        typer.confirm(f"Erase {row['name']} ({row['id']}) with {crops} crops? It cannot be taken back", abort=True)
    _show_forgotten(opened.forget(row["id"]))


def expire(gallery: GalleryOption = GALLERY) -> None:
    """Erase for good what was removed too long ago to come back, or is kept longer than it should be."""
    forgotten = _opened(gallery).expire()
    if forgotten.proofs:
        _show_forgotten(forgotten)
    else:
        console.say("Nothing has expired.")


def _opened(gallery: str) -> Gallery:
    from ccreid.retrieval.gallery.gallery import Gallery

    return Gallery.open(gallery)


def _names(opened: Gallery) -> dict[str, str]:
    people = opened.tables().people
    return dict(zip(people["id"].to_pylist(), people["name"].to_pylist(), strict=True))


def _with_names(sentence: str, names: dict[str, str]) -> str:
    """A sentence of the journal, with people's names beside their ids."""
    return _PERSON.sub(lambda found: f"{names[found[0]]} ({found[0]})" if found[0] in names else found[0], sentence)


def _say(opened: Gallery, entry: Entry, before: dict[str, str] | None = None) -> None:
    console.say(_with_names(entry.what, (before or {}) | _names(opened)))
    console.say(f"Operation {entry.number}" + ("" if entry.undoes else "; to take it back: ccreid gallery undo"))


def _show_groups(opened: Gallery, groups: list[list[str]]) -> None:
    crops = opened.snapshot().columns
    paths = dict(zip(crops["id"].to_pylist(), crops["path"].to_pylist(), strict=True))
    table = Table("group", "crops", Column("pictures", overflow="fold"))
    for number, group in enumerate(groups, 1):
        table.add_row(str(number), str(len(group)), ", ".join(paths[crop] for crop in group))
    console.out.print(table)


def _show_forgotten(forgotten: Forgotten) -> None:
    from ccreid.retrieval.gallery.forgetting import DERIVED
    from ccreid.retrieval.gallery.tables import VECTORS

    table = Table("table", "rows found", "in old versions", "files read", "files that hold one", "gone")
    for name, proof in forgotten.proofs.items():
        numbers = (proof.rows_live, proof.rows_old, proof.files_searched, proof.files_holding)
        unseen = "not looked at" if name.startswith(VECTORS) else "no embeddings"
        told = (unseen if number is None else str(number) for number in numbers)
        table.add_row(name, *told, "yes" if proof.physically_gone else "no")
    console.out.print(table)
    for remark in dict.fromkeys(remark for proof in forgotten.proofs.values() for remark in proof.remarks):
        console.warn(remark)
    derived = Table("what there was of them", "what has become of it")
    for what, fate in DERIVED.items():
        derived.add_row(what, fate)
    console.out.print(derived)
    console.say(f"Erased: {forgotten.crops} crops, {len(forgotten.people)} people")
    console.say(f"Proven: {'yes' if forgotten.proven else 'not wholly, see above'}")
