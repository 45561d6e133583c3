"""The verb that makes people who do not exist: ``ccreid people make``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import size_of
from ccreid.cli.progress import watching


def make(
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder to write; an unfinished set goes on.")
    ],
    people: Annotated[int, typer.Option(min=1, metavar="N", help="How many people.")] = 50,
    test_share: Annotated[
        float, typer.Option(min=0, max=1, metavar="SHARE", help="Of them for the test; the others are to train on.")
    ] = 0.3,
    outfits: Annotated[int, typer.Option(min=1, metavar="N", help="Of each person, from a wardrobe they share.")] = 8,
    cameras: Annotated[int, typer.Option(min=1, metavar="N", help="Each with a scene of its own.")] = 12,
    images: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Views of each person; beyond one an outfit, some outfits come again."),
    ] = 16,
    frames: Annotated[int, typer.Option(min=1, metavar="N", help="Consecutive pictures of each view.")] = 1,
    size: Annotated[str, typer.Option(metavar="HxW", help="Of a picture in pixels.")] = "256x128",
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Other seeds are other people, outfits, cameras.")] = 0,
    processes: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many draw at once \\[default: one a core].")
    ] = None,
) -> None:
    """Make a synthetic set of people who change clothes, with masks and all true factors; needs the extra synthetic."""
    from ccreid.runs.people import make_people
    from ccreid.synthetic.plan import Wanted

    height_px, width_px = size_of(size)
    wanted = Wanted(
        people=people,
        test_share=test_share,
        outfits=outfits,
        cameras=cameras,
        images=images,
        frames=frames,
        height_px=height_px,
        width_px=width_px,
        seed=seed,
    )
    with watching() as follow:
        outcome = make_people(out, wanted, processes, say=console.say, track=follow().track)
    already = f", {outcome.there} of them there already" if outcome.there else ""
    console.say(f"People: {outcome.made + outcome.there}{already}; pictures: {outcome.pictures:,}, each with a mask")
    console.say(f"Set: {out}")
