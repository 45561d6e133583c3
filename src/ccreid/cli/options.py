"""Options that several verbs share, read into what they mean."""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ccreid.training.checkpoint import Difference

Device = Literal["auto", "cpu", "cuda", "mps"]  # the machine's, which needs torch
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]  # the machine's, which needs torch
Runtime = Literal["auto", "torch", "onnx", "openvino"]  # the model's, which needs torch
SelectionChoice = Literal["validation", "last", "test"]  # the recipe's, which needs pydantic

RuntimeOption = Annotated[
    Runtime, typer.Option("--runtime", help="What runs the network; auto: the fastest that it was exported for.")
]
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


def size_of(text: str) -> tuple[int, int]:
    """--size 256x128 as height and width in pixels."""
    from ccreid.machine.limits import LARGEST_PX

    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if found is None or not all(1 <= int(side) <= LARGEST_PX for side in found.groups()):
        message = f"'{text}' is no size like 256x128 (height x width, at most {LARGEST_PX} each)."
        raise typer.BadParameter(message, param_hint="--size")
    return int(found[1]), int(found[2])


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

    if chosen is None:
        return new_folder(name)
    check_writable(chosen)
    return chosen


def refuse_taken(folder: Path, own: str | None = None) -> None:
    """Refuse a folder that holds something, unless it is what the verb itself wrote there: the file that marks it.

    Raises SettingError.
    """
    from ccreid.errors import SettingError
    from ccreid.machine.files import is_free
    from ccreid.recipe import RunFolder

    if not is_free(folder, own) or RunFolder(folder).begun:
        raise SettingError(f"{folder} is not empty, and holds something else.", "Name another folder with --out.")


def refuse_taken_file(path: Path, mark: str, option: str) -> None:
    """Refuse a file that is there already, unless the verb itself wrote it, which the mark in its text tells.

    Raises
    ------
    SettingError
        It is something else.
    StorageError
        It cannot be written.
    """
    from ccreid.errors import SettingError
    from ccreid.machine.files import check_writable

    check_writable(path, "file")
    if path.exists() and mark.encode() not in path.read_bytes():
        raise SettingError(f"{path} is there already, and is something else.", f"Name another file with {option}.")


def new_folder(name: str) -> Path:
    """runs/NAME, or the first of runs/NAME-2, runs/NAME-3, ... that is not there yet. Raises StorageError.

    It is made, which claims it: of two commands, one finds it there and takes the next.
    """
    from ccreid.errors import StorageError

    names = (name if number == 1 else f"{name}-{number}" for number in count(1))
    while True:
        folder = Path("runs") / next(names)
        try:
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir()
        except FileExistsError:
            if folder.exists():
                continue
            raise StorageError(f"{folder.parent} is a file, not a folder.", "Name a folder with --out.") from None
        except OSError as error:
            mend = "Name another with --out."
            raise StorageError(f"{folder} cannot be written: {error.strerror or error}.", mend) from error
        _claimed.append(folder)
        return folder


_claimed: list[Path] = []


def withdraw_claims() -> None:
    """Take away the new folders, with `runs` above them, in which a command that has ended wrote nothing."""
    while _claimed:
        with suppress(OSError):  # it holds something
            (folder := _claimed.pop()).rmdir()
            folder.parent.rmdir()
