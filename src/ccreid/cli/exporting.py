"""The verb that gives a bundle to other libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ccreid.cli import console


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
) -> None:
    """Write a bundle as a file for ONNX Runtime or OpenVINO, which embed faster on a processor than torch does."""
    from ccreid.model.bundle import load_bundle
    from ccreid.model.parity import PARITY
    from ccreid.runs.export import export_bundle

    console.say("Exporting, which takes about half a minute ...")
    path, card = export_bundle(load_bundle(bundle), to, out, flip=flip)
    console.say(
        f"Largest difference from torch: {card.largest_difference:.1e} on {card.compared_on} pictures "
        f"(at most {PARITY:.0e} is let through)."
    )
    console.say(f"Exported: {path}")
