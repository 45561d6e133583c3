"""The verbs that keep a gallery of people: ``ccreid gallery ...``."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from ccreid.cli import console
from ccreid.cli.options import Device, Runtime, RuntimeOption
from ccreid.cli.progress import watching

if TYPE_CHECKING:
    from ccreid.retrieval.crops.crop_file import CropFile
    from ccreid.retrieval.gallery.settings import Index
    from ccreid.runs.watch import Watch

GalleryOption = Annotated[
    str, typer.Option("--gallery", "-g", metavar="PLACE", help="Folder, or milvus://host:port/collection.")
]
KeepOption = Annotated[
    list[str] | None,
    typer.Option(
        "--keep",
        metavar="TIME",
        help="Crops expire after so long, like 30d or 12w, or forever; in a new one also vectors-only (no pictures).",
    ),
]
UndoOption = Annotated[
    int | None, typer.Option("--undo-days", min=0, metavar="N", help="So long what was removed can come back.")
]
CalibrationOption = Annotated[
    str | None,
    typer.Option("--calibration", metavar="FILE", help="Calibration, or the bundle that holds one, to answer by."),
]
AuditOption = Annotated[
    bool | None,
    typer.Option("--audit/--no-audit", help="Whether every search must give its --purpose, and is written down."),
]
BundleOption = Annotated[
    str | None, typer.Option("--bundle", metavar="BUNDLE", help="Model to embed pictures with, like synthetic-people.")
]
PlacesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="CROPS...", help="Files from `ccreid embed`; with --bundle pictures, folders, tables of pictures, or -."
    ),
]

GALLERY = "gallery"
VECTORS_ONLY = "vectors-only"
"""What one keeps where no picture is kept."""
_DAYS = {"d": 1, "w": 7}
_SHOWN = 5
CROP_DIGITS = 12


def create(
    gallery: GalleryOption = GALLERY,
    keep: KeepOption = None,
    undo_days: UndoOption = None,
    calibration: CalibrationOption = None,
    audit: AuditOption = None,
) -> None:
    """Make an empty gallery."""
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.settings import Settings

    times = [word for word in keep or () if word != VECTORS_ONLY]
    chosen = _settings(times, undo_days, calibration, audit)
    kept = VECTORS_ONLY if VECTORS_ONLY in (keep or ()) else "thumbnails"
    Gallery.create(gallery, Settings.model_validate({"keep": kept} | chosen))
    console.say(f"Gallery: {gallery}")


def change(
    gallery: GalleryOption = GALLERY,
    keep: KeepOption = None,
    undo_days: UndoOption = None,
    calibration: CalibrationOption = None,
    audit: AuditOption = None,
) -> None:
    """Show what holds for a gallery, or let something else hold."""
    from ccreid.retrieval.gallery.gallery import Gallery

    if VECTORS_ONLY in (keep or ()):
        raise typer.BadParameter(
            f"{VECTORS_ONLY} is chosen when a gallery is made: what of pictures it holds stays.", param_hint="--keep"
        )
    opened = Gallery.open(gallery)
    if chosen := _settings(keep, undo_days, calibration, audit):
        opened.change(**chosen)
    settings = opened.settings
    found = opened.calibration
    days = settings.retention_days
    for line in (
        f"Model: {'none yet' if settings.made_with is None else 'weights ' + settings.made_with['weights'][:12]}",
        f"Kept of pictures: {'nothing' if settings.keep == 'vectors-only' else 'thumbnails'}",
        f"Crops expire: {'never' if days is None else f'after {days} days, with ccreid gallery expire'}",
        f"What is removed can come back: for {settings.undo_days} days",
        f"Searches are audited: {'yes' if settings.audit else 'where they give a purpose'}",
        f"Calibration: {'none' if found is None else found.scope.in_words}",
        f"Approximate index: {'none' if settings.index is None else _in_words(settings.index)}",
    ):
        console.say(line)


def add(
    places: PlacesArgument,
    gallery: GalleryOption = GALLERY,
    bundle: BundleOption = None,
    person: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whom they show, by name or id \\[default: column person]."),
    ] = None,
    outfit: Annotated[
        str | None, typer.Option(metavar="NAME", help="In which outfit they are \\[default: column outfit].")
    ] = None,
    apart: Annotated[
        bool, typer.Option("--apart", help="They are new people, though the gallery knows such names.")
    ] = False,
    any_quality: Annotated[
        str | None, typer.Option(metavar="REASON", help="Enrol poor crops, too; the reason is recorded.")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    runtime: RuntimeOption = "auto",
) -> None:
    """Enrol crops: whom they show say --person or their columns; those without a person are kept as unknown."""
    from ccreid.retrieval.gallery.enrolment import Wishes
    from ccreid.retrieval.gallery.gallery import Gallery

    opened = Gallery.open(gallery)
    with watching() as follow:
        watch = follow()
        crops = crops_of(places, bundle, device, runtime, watch)
        enrolled = opened.add(crops, Wishes(person, outfit, apart, any_quality), track=watch.track)
    for sentence in enrolled.warnings:
        console.warn(sentence)
    for refusal in enrolled.refused[:_SHOWN]:
        console.warn(f"{refusal.path} was left out. {' '.join(refusal.reasons)}")
    if len(enrolled.refused) > _SHOWN:
        console.warn(f"{len(enrolled.refused) - _SHOWN} more were left out.")
    if enrolled.refused:
        console.say('Poor crops come in with --any-quality "why".')
    if enrolled.unseen:
        console.say(
            f"Of {enrolled.unseen} the pictures could not be looked at: of their quality only the height counts."
        )
    parts = (f"{enrolled.added} enrolled", f"{enrolled.already} there already", f"{len(enrolled.refused)} left out")
    console.say(f"Crops: {', '.join(parts)}")
    if enrolled.proposed:
        console.say(f"Of them proposed, to be confirmed or rejected: {enrolled.proposed}. See ccreid gallery proposals")
    console.say(f"People: {len(opened.snapshot().people)}, of them new: {len(enrolled.people)}")


def people(gallery: GalleryOption = GALLERY) -> None:
    """List the people of a gallery, with their outfits and crops."""
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.overview import overview

    table = Table("person", Column("name", overflow="fold"), "outfits", "confirmed", "proposed", "state", "note")
    for row in overview(Gallery.open(gallery).tables()):
        counts = (str(row.outfits), str(row.confirmed), str(row.proposed))
        table.add_row(row.person, row.name, *counts, row.state, row.note)
    console.out.print(table)


def show(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="Name or id.")], gallery: GalleryOption = GALLERY
) -> None:
    """Show a person's crops by outfit."""
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.naming import crops_of, person_of

    tables = Gallery.open(gallery).tables()
    row = person_of(tables, person)
    worn = dict(zip(tables.outfits["id"].to_pylist(), tables.outfits["name"].to_pylist(), strict=True))
    console.say(f"{row['name']} ({row['id']}){', hidden' if row['hidden'] else ''}")
    if row["note"]:
        console.say(f"Note: {row['note']}")
    table = Table("crop", "outfit", "state", "height", Column("picture", overflow="fold"), "known of it", "quality")
    crops = sorted(
        crops_of(tables, row["id"]).to_pylist(), key=lambda crop: (worn.get(crop["outfit"], ""), crop["path"])
    )
    for crop in crops:
        state = crop["state"] if crop["probability"] is None else f"{crop['state']} ({crop['probability']:.0%})"
        told = ", ".join(f"{name} {value}" for name, value in json.loads(crop["metadata"]).items())
        quality = " ".join(json.loads(crop["quality"] or "[]"))
        override = f" Enrolled because: {crop['override']}" if crop["override"] else ""
        table.add_row(
            crop["id"][:CROP_DIGITS],
            worn.get(crop["outfit"], ""),
            "removed" if crop["removed_at"] else state,
            f"{crop['height_px']} px",
            crop["path"],
            told,
            quality + override,
        )
    console.out.print(table)


def count(gallery: GalleryOption = GALLERY) -> None:
    """Count what a gallery holds."""
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.overview import counts

    for name, number in counts(Gallery.open(gallery).tables()).items():
        console.say(f"{name}: {number}")


def index(
    gallery: GalleryOption = GALLERY,
    drop: Annotated[bool, typer.Option("--drop", help="Take the index away.")] = False,
) -> None:
    """Build an approximate index for `search --crops --approximate`, and print what it finds of an exact search."""
    from ccreid.retrieval.gallery.gallery import Gallery

    opened = Gallery.open(gallery)
    if drop:
        opened.drop_index()
        console.say("Every search is exact.")
        return
    console.say(f"Index: {_in_words(opened.build_index())}")


def re_embed(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The new model.")],
    gallery: GalleryOption = GALLERY,
    leave_behind: Annotated[
        bool,
        typer.Option("--leave-behind", help="Move although pictures are gone; no search finds their crops then."),
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    runtime: RuntimeOption = "auto",
) -> None:
    """Move a gallery to another model: crops are embedded anew, people and decisions stay; it can be interrupted."""
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.runs.finding import re_embed

    opened = Gallery.open(gallery)
    with watching() as follow:
        moved = re_embed(opened, bundle, device, follow().track, engine=runtime, leave_behind=leave_behind)
    for path in moved.gone[:_SHOWN]:
        console.warn(f"{path} is not there any more, or is another picture by now.")
    if len(moved.gone) > _SHOWN:
        console.warn(f"So are {len(moved.gone) - _SHOWN} more.")
    console.say(
        f"Crops: {moved.embedded} embedded now, {moved.there} there already, {len(moved.gone)} without a picture"
    )
    if not moved.done:
        console.say("The gallery is still of its old model. Put the pictures back, or leave them: --leave-behind")
        raise typer.Exit(1)
    console.say(f"The gallery is of {bundle} now.")
    if opened.settings.calibration is None:
        console.say("It has no calibration of its own: ccreid gallery set --calibration FILE")


def _settings(
    times: list[str] | None, undo_days: int | None, calibration: str | None, audit: bool | None
) -> dict[str, Any]:
    """The settings that were chosen, by their names."""
    chosen: dict[str, Any] = {}
    if len(times or ()) > 1:
        raise typer.BadParameter(f"{' and '.join(times or ())} cannot both hold.", param_hint="--keep")
    for time in times or ():
        chosen["retention_days"] = _days(time)
    if undo_days is not None:
        chosen["undo_days"] = undo_days
    if calibration is not None:
        from ccreid.runs.finding import named_calibration

        chosen["calibration"] = named_calibration(calibration).model_dump(mode="json")
    if audit is not None:
        chosen["audit"] = audit
    return chosen


def _in_words(index: Index) -> str:
    return (
        f"over {index.crops:,} crops; finds {index.recall:.1%} of the nearest {index.count} that an exact search finds "
        f"({index.queries} crops asked, {index.at[:10]})"
    )


def _days(keep: str) -> int | None:
    if keep == "forever":
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})([dw])", keep)
    if found is None:
        raise typer.BadParameter(f"'{keep}' is no time like 30d (days), 12w (weeks) or forever.", param_hint="--keep")
    return int(found[1]) * _DAYS[found[2]]


def crops_of(places: list[str], bundle: str | None, device: Device, runtime: Runtime, watch: Watch) -> CropFile:
    """Crops with embeddings, from what was named."""
    from ccreid.runs.finding import given_crops

    lines = sys.stdin.buffer.read() if "-" in places else b""
    return given_crops(places, lines, bundle, device, watch.track, engine=runtime)
