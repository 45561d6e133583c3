"""The verbs that say how probable it is who is seen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import DataOption, Device, refuse_taken_file
from ccreid.cli.progress import watching


def calibrate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or the run folder that holds one.")],
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Data set: its validation people, else its test people.")
    ] = None,
    data: DataOption = None,
    crops: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Crops with the column 'person', from `ccreid embed`.")
    ] = None,
    gallery: Annotated[
        str | None, typer.Option(metavar="GALLERY", help="A gallery: the people who are confirmed in it.")
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder to write \\[default: the bundle's].")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the galleries that are simulated.")] = 0,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Find out from people whom the model has not seen how probable its answers are, and which thresholds to set."""
    if sum(source is not None for source in (dataset, crops, gallery)) != 1:
        raise typer.BadParameter("Name one of --dataset, --crops and --gallery.", param_hint="--dataset")
    from ccreid.datasets import read_benchmark
    from ccreid.report.calibration_page import cautions
    from ccreid.report.calibration_tables import threshold_table
    from ccreid.retrieval.calibration.calibration import FORMAT, NAME
    from ccreid.runs import calibrate as journey

    folder = journey.calibration_folder(bundle, out_dir)
    refuse_taken_file(folder / NAME, FORMAT, "--out")
    with watching() as follow:
        watch = follow()
        if dataset is not None:
            labelled = journey.of_benchmark(bundle, read_benchmark(dataset, data), device, watch, seed)
        elif crops is not None:
            labelled = journey.of_crop_file(bundle, crops, device)
        else:
            labelled = journey.of_gallery(bundle, gallery or "", device)
        calibration = journey.calibrate_bundle(labelled, folder, seed, watch)
    console.out.print()
    console.out.print(threshold_table(calibration))
    console.say(f"Calibrated with {calibration.scope.in_words}")
    console.say(
        f"Cllr {calibration.quality.cllr:.3f}, of which calibration could mend "
        f"{calibration.quality.cllr - calibration.quality.cllr_min:.3f}; 1 would be worth nothing"
    )
    for caution in cautions(calibration):
        console.warn(caution)
    console.say(f"Calibration: {folder / NAME}")
    console.say(f"Page to look at: {folder / journey.PAGE}")


def compare_images(
    one: Annotated[Path, typer.Argument(metavar="A", help="A picture of a person.")],
    other: Annotated[Path, typer.Argument(metavar="B", help="Another picture.")],
    bundle: Annotated[Path, typer.Option(metavar="BUNDLE", help="The model, with its calibration.")] = Path(
        "synthetic-people"
    ),
    prior: Annotated[
        float, typer.Option(metavar="P", help="How probable one person is beforehand, between 0 and 1.")
    ] = 0.5,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A calibration \\[default: the bundle's].")
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
) -> None:
    """Say how similar two pictures are, and how probable it is that they show one person."""
    from ccreid.report.calibration_page import SYNTHETIC
    from ccreid.retrieval.calibration.answers import CONVENTION
    from ccreid.runs.compare_images import compare_images

    found = compare_images(one, other, bundle, prior=prior, calibration=calibration, device=device)
    console.say(f"Similarity (cosine): {found.similarity:.3f}")
    console.say(f"Likelihood ratio: {10**found.log10_lr:.3g} (10 to the {found.log10_lr:.2f}): {found.words}")
    console.say(
        f"Probability of one person in the same clothes: {found.probability:.1%} (beforehand {found.prior:.1%})"
    )
    pairs = found.calibration.pairs
    console.say(
        f"Calibrated on pairs of crops: {pairs.pairs:,} of one person, of {pairs.people} people; "
        f"{found.calibration.scope.in_words}"
    )
    console.say(CONVENTION)
    if pairs.similarity_changed is not None:
        usual = 10 ** pairs.log10(pairs.similarity_changed)
        console.say(
            f"In other clothes one person's pairs have a ratio of {usual:.2g} with this model (median): "
            f"{'low ones say nothing against one person who has changed.' if usual < 1 else 'they are found, too.'}"
        )
    if found.calibration.scope.synthetic:
        console.warn(SYNTHETIC)
