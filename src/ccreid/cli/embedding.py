"""The verb that embeds pictures."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ccreid.cli import console
from ccreid.cli.options import Device, Runtime, RuntimeOption
from ccreid.cli.progress import watching

if TYPE_CHECKING:
    from ccreid.retrieval.crops.embed_crops import Engine


def embed(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="A bundle, the run folder of one, or an exported file.")
    ],
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="PATHS...",
            help="Folders, patterns, pictures, URIs, tables with a column path (and boxes), or - for a list on stdin.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="FILE.parquet", help="File to write; without the suffix, a folder of parts."
        ),
    ],
    tracklets: Annotated[
        bool, typer.Option("--tracklets", help="One row a tracklet, with the mean of its embeddings.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    runtime: RuntimeOption = "auto",
    engine: Annotated[
        Literal["local", "ray"], typer.Option(help="Who embeds: this process, or a Ray cluster \\[extra ray].")
    ] = "local",
    ray_address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="The Ray cluster \\[default: one of processes of this machine]."),
    ] = None,
) -> None:
    """Embed pictures of people into a Parquet file; what it holds already is not embedded again."""
    from ccreid.retrieval.crops.crop_list import STDIN, list_crops
    from ccreid.retrieval.crops.embed_crops import embed_crops, told

    if ray_address is not None and engine != "ray":
        raise typer.BadParameter("it is meant for --engine ray.", param_hint="--ray-address")
    listed = list_crops(places, sys.stdin.buffer.read() if STDIN in places else b"")
    with _engine(bundle, device, runtime, engine, ray_address) as embedding, watching() as follow:
        ran = embedding.runtime
        outcome = embed_crops(listed, out, embedding, tracklets=tracklets, track=follow().track)
    if outcome.problems:
        console.warn(f"{len(outcome.problems)} of {len(listed)} crops were left out. {told(outcome.problems)}")
    if outcome.clipped:
        console.warn(f"Boxes that reach beyond their pictures and were clipped: {outcome.clipped}.")
    counts = [
        f"{outcome.embedded} embedded now",
        f"{outcome.there} there already",
        *([f"{outcome.doubled} listed more than once"] if outcome.doubled else []),
    ]
    console.say(f"Crops: {', '.join(counts)}")
    console.say(f"Rows: {outcome.rows}")
    if outcome.embedded:
        console.say(f"The network was run by: {ran}")
    console.say(f"{'Tracklets' if tracklets else 'Embeddings'}: {out}")


def _engine(
    bundle: Path, device: Device, runtime: Runtime, engine: Literal["local", "ray"], ray_address: str | None
) -> AbstractContextManager[Engine]:
    if engine == "ray":
        from ccreid.model.bundle import load_bundle
        from ccreid.model.exported import is_exported
        from ccreid.retrieval.crops.embedding_on_ray import on_ray

        if is_exported(bundle):
            raise typer.BadParameter(
                "an exported file is run by this process alone: name its bundle, and --runtime.", param_hint="BUNDLE"
            )
        return on_ray(load_bundle(bundle), device, ray_address, engine=runtime)
    from ccreid.model.embedder import Embedder
    from ccreid.retrieval.crops.embedding_here import Here

    return nullcontext(Here(Embedder.load(bundle, device, engine=runtime)))
