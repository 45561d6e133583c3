"""The verb that gives a bundle to other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ccreid.cli import console
from ccreid.cli.options import DataOption
from ccreid.cli.progress import watching


def export(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or the run folder that holds one.")],
    to: Annotated[Literal["onnx", "openvino"], typer.Option(help="What is to run it.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The .onnx or .xml file to write \\[default: where ccreid looks for it]."),
    ] = None,
    flip: Annotated[
        bool | None,
        typer.Option("--flip/--no-flip", help="Average with the mirror image, in the graph \\[default: as trained]."),
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="In 8-bit integers: another model, scored before and after.")
    ] = False,
    calibrate: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Pictures that tell --int8 the ranges of values.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME", help="Data set to score --int8 on, see `ccreid data list`.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Write a bundle as a file for ONNX Runtime or OpenVINO, which embed faster on a processor than torch does."""
    from ccreid.model.bundle import load_bundle

    if int8:
        _integers(bundle, to, out, flip, calibrate, dataset, data)
        return
    if calibrate or dataset or data:
        raise typer.BadParameter("They are for --int8 alone.", param_hint="--calibrate, --dataset, --data")
    from ccreid.model.parity import PARITY
    from ccreid.runs.export import export_bundle

    console.say("Exporting, which takes about half a minute ...")
    path, card = export_bundle(load_bundle(bundle), to, out, flip=flip)
    console.say(
        f"Largest difference from torch: {card.largest_difference:.1e} on {card.compared_on} pictures "
        f"(at most {PARITY:.0e} is let through)."
    )
    console.say(f"Exported: {path}")


def _integers(
    bundle: Path,
    to: Literal["onnx", "openvino"],
    out: Path | None,
    flip: bool | None,
    calibrate: Path | None,
    dataset: str | None,
    data: Path | None,
) -> None:
    needed = {"--out": out, "--calibrate": calibrate, "--dataset": dataset}
    if out is None or calibrate is None or dataset is None:
        missing = ", ".join(name for name, value in needed.items() if value is None)
        raise typer.BadParameter("--int8 needs a file to write, pictures, and a data set.", param_hint=missing)
    from ccreid.datasets import read_benchmark
    from ccreid.model.bundle import load_bundle
    from ccreid.records import Scored
    from ccreid.report.tables import comparison_table
    from ccreid.runs.export import export_integers_of

    benchmark = read_benchmark(dataset, data)
    with watching() as follow:
        card = export_integers_of(
            load_bundle(bundle),
            to,
            out,
            flip=flip,
            calibration=calibrate,
            benchmark=benchmark,
            track=follow().track,
        )
    if card.quantised:
        scores = {"torch": card.quantised.before, "8-bit integers": card.quantised.after}
        rows = {name: Scored(protocols=protocols) for name, protocols in scores.items()}
        title = f"{dataset}, in percent; calibrated on {card.quantised.calibrated_on} pictures"
        console.out.print(comparison_table(rows, title))
    console.say(f"Exported: {out}")
