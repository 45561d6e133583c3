"""The verb that makes a bundle of a backbone as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import refuse_taken, size_of

OF_SETTINGS = {
    "--set network.weights=": "--weights ",
    "network.weights": "--weights",
    "network.last_stride": "--last-stride",
    "network.backbone": "BACKBONE",
}
"""What settings of a recipe, of which errors speak, are called here."""


def bundle(
    backbone: Annotated[str, typer.Argument(metavar="BACKBONE", help="timm's name, e.g. mobilenetv2_100.")],
    out_dir: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The bundle to write.")],
    weights: Annotated[
        str,
        typer.Option(
            metavar="bundled|timm|none|FILE",
            help="bundled: in the package, for mobilenetv2_100; timm: downloaded once; none: random.",
        ),
    ] = "bundled",
    size: Annotated[str, typer.Option(metavar="HxW", help="Of the network's input in pixels.")] = "256x128",
    last_stride: Annotated[
        int, typer.Option(min=1, max=2, help="Of the last stage; 1 keeps a ResNet's last map twice as large.")
    ] = 2,
) -> None:
    """Make a bundle of a backbone that nobody has trained on people: the first baseline."""
    height_px, width_px = size_of(size)
    refuse_taken(out_dir)
    from ccreid.machine.files import check_writable
    from ccreid.runs.untrained import bundle_backbone

    check_writable(out_dir)
    with _options_in_place_of_settings():
        network = bundle_backbone(
            backbone, out_dir, weights=weights, height_px=height_px, width_px=width_px, last_stride=last_stride
        )
    console.say(f"Bundle: {out_dir} ({backbone}, {network.dimension} dimensions, {height_px} x {width_px} pixels)")
    console.say(f"To score it: ccreid evaluate {out_dir} --dataset wardrobe")


@contextmanager
def _options_in_place_of_settings() -> Iterator[None]:
    from ccreid.errors import CcreidError

    try:
        yield
    except CcreidError as error:
        message, mend = error.message, error.mend
        for setting, option in OF_SETTINGS.items():
            message, mend = message.replace(setting, option), mend.replace(setting, option)
        raise type(error)(message, mend) from error
