"""The verb that asks a gallery who is seen: ``ccreid gallery search``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from ccreid.cli import console
from ccreid.cli.gallery import CROP_DIGITS, GALLERY, BundleOption, GalleryOption, PlacesArgument, crops_of
from ccreid.cli.options import Device, RuntimeOption
from ccreid.cli.progress import watching

if TYPE_CHECKING:
    from ccreid.retrieval.calibration.answers import Answer, FoundCrop
    from ccreid.retrieval.gallery.snapshot import Snapshot


def search(
    places: PlacesArgument,
    gallery: GalleryOption = GALLERY,
    bundle: BundleOption = None,
    crops: Annotated[bool, typer.Option("--crops", help="Answer with the nearest crops, without a verdict.")] = False,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="With --crops: by the index of `ccreid gallery index`.")
    ] = False,
    where: Annotated[
        str | None, typer.Option(metavar="CONDITION", help="Look among crops alone that fulfil it: 'camera != 3'.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, metavar="N", help="Candidates to show, at most.")] = 5,
    fpir: Annotated[
        float, typer.Option(metavar="RATE", help="Share of strangers who may be taken for somebody.")
    ] = 0.1,
    known: Annotated[
        float, typer.Option(metavar="P", help="How probable it is beforehand that they are enrolled.")
    ] = 0.5,
    same_clothes: Annotated[
        bool, typer.Option("--same-clothes", help="People wear what they are enrolled in, as within one day.")
    ] = False,
    purpose: Annotated[str, typer.Option(metavar="TEXT", help="What the search is for; it is written down.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the answers as JSON, and nothing else.")] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    runtime: RuntimeOption = "auto",
) -> None:
    """Say who each crop shows, if anybody who is enrolled."""
    from ccreid.report.calibration_tables import threshold_lines
    from ccreid.retrieval.gallery.gallery import Gallery
    from ccreid.retrieval.gallery.search import Question
    from ccreid.runs.finding import fitting_calibration

    if approximate and not crops:
        raise typer.BadParameter(
            "people are told apart by all that is enrolled; give --crops with it.", param_hint="--approximate"
        )
    opened = Gallery.open(gallery)
    question = Question(count, where, fpir, known, same_clothes)
    with watching() as follow:
        queries = crops_of(places, bundle, device, runtime, follow())
    paths = queries.table["path"].to_pylist()
    if crops:
        nearest = opened.search_crops(queries, question, approximate=approximate, purpose=purpose)
        if as_json:
            _print_json(paths, [[one.model_dump(mode="json") for one in found] for found in nearest])
        else:
            for path, found in zip(paths, nearest, strict=True):
                _show_crops(path, found)
        return
    answers = opened.search(queries, question, calibration=fitting_calibration(opened, bundle), purpose=purpose)
    if as_json:
        _print_json(paths, [answer.model_dump(mode="json") for answer in answers])
        return
    for path, answer in zip(paths, answers, strict=True):
        _show_answer(path, answer, opened.snapshot())
    for line in next((threshold_lines(one.threshold) for one in answers if one.threshold is not None), []):
        console.say(line)
    notes = [answer.calibration for answer in answers if answer.calibration is not None]
    for source in dict.fromkeys(note.source for note in notes):
        console.say(f"Calibrated with {source}")
    if notes and notes[0].here is not None:
        here = notes[0].here
        low, high = here.interval
        console.say(
            f"FPIR in this gallery: {here.value:.1%} ({low:.1%} to {high:.1%}) where {fpir:.1%} were asked for, of "
            f"{here.searches} searches for {here.people} of its own people as if they were not enrolled"
        )
    for remark in dict.fromkeys(remark for note in notes for remark in note.remarks):
        console.warn(remark)


def _print_json(paths: list[str], answers: list[Any]) -> None:
    lines = [{"path": path, "answer": answer} for path, answer in zip(paths, answers, strict=True)]
    console.say(json.dumps(lines, indent=2, ensure_ascii=False, allow_nan=False))


def _show_answer(path: str, answer: Answer, snapshot: Snapshot) -> None:
    console.out.print()
    console.say(f"{path}: {answer.decision} ({answer.reason})")
    if answer.p_nobody is not None:
        console.say(f"  Probability that it is nobody of the {answer.n_enrolled} enrolled: {answer.p_nobody:.1%}")
    for sentence in answer.quality:
        console.say(f"  {sentence}")
    if answer.candidates:
        outfits = snapshot.tables.outfits
        worn = dict(zip(outfits["id"].to_pylist(), outfits["name"].to_pylist(), strict=True))
        crops = snapshot.columns
        pictures = dict(zip(crops["id"].to_pylist(), crops["path"].to_pylist(), strict=True))
        narrow = (Column(name, no_wrap=True) for name in ("person", "name", "P", "LR", "cosine", "outfit"))
        table = Table(*narrow, Column("nearest crops", overflow="fold"))
        for one in answer.candidates:
            table.add_row(
                one.person,
                one.name,
                "" if one.probability is None else f"{one.probability:.1%}",
                "" if one.lr is None else f"{one.lr:.3g}",
                f"{one.similarity:.3f}",
                "" if one.outfit is None else worn.get(one.outfit, ""),
                "\n".join(Path(pictures.get(crop, crop)).name for crop in one.crops),
            )
        console.out.print(table)


def _show_crops(path: str, found: list[FoundCrop]) -> None:
    table = Table(
        "crop",
        "similarity",
        "state",
        "person",
        "name",
        "outfit",
        Column("picture", overflow="fold"),
        title=path,
        title_justify="left",
    )
    for one in found:
        table.add_row(
            one.crop[:CROP_DIGITS],
            f"{one.similarity:.3f}",
            one.state,
            one.person or "",
            one.name or "",
            one.outfit or "",
            one.path,
        )
    console.out.print(table)
