"""Options that several verbs share, read into what they mean."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ccreid.training.checkpoint import Difference

Device = Literal["auto", "cpu", "cuda", "mps"]  # the machine's, which needs torch
SelectionChoice = Literal["validation", "last", "test"]  # the recipe's, which needs pydantic

DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of the data set \\[default: inside the package].")
]
MovedDataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Folder of the data set, where it has moved \\[default: as trained]."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Folder to write \\[default: below runs/].")
]
DevicesOption = Annotated[int, typer.Option(min=1, metavar="N", help="Processes on this machine, a device each.")]
NodesOption = Annotated[int, typer.Option(min=1, metavar="M", help="Machines; give the same command on each.")]
RendezvousOption = Annotated[
    str | None, typer.Option(metavar="HOST:PORT", help="Where several machines meet: HOST is one of them.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, e.g. training.epochs=20; repeatable."),
]


def numbers_of(seeds: str) -> list[int]:
    """--seeds 0,1,2 as numbers."""
    try:
        return [int(word) for word in seeds.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"'{seeds}' is no list of whole numbers like 0,1,2.", param_hint="--seeds") from error


def differences_of(allow: str | None) -> list[Difference]:
    """--allow recipe,data as the names of what may differ."""
    from ccreid.training.checkpoint import DIFFERENCES

    allowed = allow.split(",") if allow else []
    if unknown := set(allowed) - set(DIFFERENCES):
        message = f"'{', '.join(sorted(unknown))}' is none of {', '.join(DIFFERENCES)}."
        raise typer.BadParameter(message, param_hint="--allow")
    return [name for name in DIFFERENCES if name in allowed]


def folder_to_write(chosen: Path | None, name: str) -> Path:
    """The folder chosen with --out, else a new one: see :func:`new_folder`. Raises StorageError before any work."""
    from ccreid.machine.files import check_writable

    folder = chosen or new_folder(name)
    check_writable(folder)
    return folder


def new_folder(name: str) -> Path:
    """runs/NAME, or the first of runs/NAME-2, runs/NAME-3, ... that is not there yet."""
    folder, number = Path("runs") / name, 1
    with suppress(OSError):  # such as a closed folder: whoever writes there is told
        while folder.exists():
            number += 1
            folder = Path("runs") / f"{name}-{number}"
    return folder
