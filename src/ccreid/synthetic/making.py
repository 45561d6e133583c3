"""A set of people is written: many processes, each person whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ccreid.errors import ArtefactError, InterruptedRun, SettingError, StorageError
from ccreid.machine.files import replacing, write_json
from ccreid.machine.parent import end_with_parent
from ccreid.machine.progress import Track, untracked
from ccreid.machine.stopping import StopRequest
from ccreid.machine.writing import sole_writer
from ccreid.records import Record, told
from ccreid.synthetic.plan import Wanted

SET, MANIFEST, ROWS = "set.json", "manifest.csv", ".people"
"""What a set is; one row a picture; what is known of people who are done, until all are."""
MASKS, BACKGROUNDS = "masks", "backgrounds"
FORMAT = "ccreid-people-1"

_PART = ".part"
_BYTES_A_PIXEL = 0.45
"""A picture with its mask takes no more on the disk, a file's smallest unit counted."""


class Made(Record):
    """What a folder holds, as its file says.

    Attributes
    ----------
    version:
        Of this package when it was made: another one may draw other people.
    """

    format: str = FORMAT
    version: str
    wanted: Wanted


@dataclass(frozen=True)
class Outcome:
    """How many people were made now, how many were there already, and how many pictures there are in all."""

    made: int
    there: int
    pictures: int


def bytes_of(wanted: Wanted, people: int) -> int:
    """What so many people of a set take on the disk, roughly and at most."""
    pictures = people * wanted.images * wanted.frames
    return int(pictures * (8192 + _BYTES_A_PIXEL * wanted.height_px * wanted.width_px))


def people_left(folder: Path, wanted: Wanted) -> list[int]:
    """The numbers of those whom a set still lacks, from 0: nobody where it is finished.

    Whether the folder holds this set and no other is seen when it is made.
    """
    if (folder / MANIFEST).exists():
        return []
    done = {path.name for path in (folder / ROWS).glob("*.json")}
    return [number for number in range(wanted.people) if f"{number}.json" not in done]


def check_room(folder: Path, wanted: Wanted) -> None:
    """Raise StorageError where the disk has no room for what a set still lacks."""
    ground = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    free = shutil.disk_usage(ground).free
    taken = bytes_of(wanted, len(people_left(folder, wanted)))
    if free < taken:
        raise StorageError(
            f"What is to be made takes up to {taken / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB left.",
            "Make room, name another --out, or ask for fewer --people or --images.",
        )


def make(folder: Path, wanted: Wanted, *, version: str, processes: int, track: Track[int] = untracked) -> Outcome:
    """Make a set, or go on with one that was begun.

    Parameters
    ----------
    version:
        Of this package.
    processes:
        How many draw people at once; the files do not depend on it.
    track:
        Follows the people.

    Raises
    ------
    SettingError
        The folder holds something else, or another set; or anny is missing.
    StorageError
        There is no room, or the folder cannot be written.
    InterruptedRun
        A stop was requested; the same command goes on.
    """
    wanted.check()
    check_room(folder, wanted)
    with sole_writer(folder):
        _claim(folder, Made(version=version, wanted=wanted))
        if (folder / MANIFEST).exists():
            return Outcome(0, wanted.people, wanted.pictures)
        todo = people_left(folder, wanted)
        for _ in track(_made(folder, wanted, todo, processes), "Making people", len(todo)):
            pass
        _write_manifest(folder, wanted)
    return Outcome(len(todo), wanted.people - len(todo), wanted.pictures)


def _claim(folder: Path, made: Made) -> None:
    """Write what the folder is for, or see that it is for the same. Raises SettingError."""
    path = folder / SET
    if path.exists():
        there = set_of(folder)
        if there != made:
            differing = [
                name.replace("_", "-")
                for name in Wanted.model_fields
                if getattr(there.wanted, name) != getattr(made.wanted, name)
            ]
            what = f"with other {', '.join(differing)}" if differing else f"of version {there.version}"
            raise SettingError(f"{folder} holds another set, {what}.", "Name another --out, or repeat its settings.")
    else:
        found = sorted(place.name for place in folder.iterdir() if not place.name.startswith("."))
        if found:
            raise SettingError(f"{folder} holds other files, such as {found[0]}.", "Name a new or empty folder.")
        write_json(path, made.model_dump())
    for split in made.wanted.splits:
        (folder / split).mkdir(exist_ok=True)
        (folder / MASKS / split).mkdir(parents=True, exist_ok=True)
    for name in (BACKGROUNDS, ROWS):
        (folder / name).mkdir(exist_ok=True)
    for left in folder.rglob(f"*{_PART}"):
        left.unlink()


def set_of(folder: Path) -> Made:
    """What a folder says that it holds. Raises ArtefactError where that cannot be read."""
    path = folder / SET
    try:
        return Made.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        why = told(error) if isinstance(error, ValidationError) else error
        raise ArtefactError(f"{path} does not describe a set of people: {why}.", "Make the set anew.") from error


def _made(folder: Path, wanted: Wanted, todo: list[int], processes: int) -> Iterator[int]:
    """Have people made, and give their numbers as they come; a few are in hand at a time, so that a stop is prompt."""
    if not todo:
        return
    waiting = iter(todo)
    with (
        StopRequest() as stop,
        ProcessPoolExecutor(
            min(processes, len(todo)), mp_context=get_context("spawn"), initializer=_alone, initargs=(os.getpid(),)
        ) as pool,
    ):
        running: set[Future[int]] = set()
        try:
            while True:
                while len(running) < processes + 1 and not stop.requested:
                    number = next(waiting, None)
                    if number is None:
                        break
                    running.add(pool.submit(_make_person, folder, wanted, number))
                if not running:
                    break
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for one in finished:
                    yield one.result()
        finally:
            for one in running:
                one.cancel()
        if stop.requested:
            raise InterruptedRun("Stopped: whoever was begun is whole, and the same command goes on.")


def _alone(maker: int) -> None:
    """One thread a process: the processes share the cores; none outlives the one that asks them, however that ends."""
    import signal

    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides when it stops
    cv2.setNumThreads(1)
    end_with_parent(maker)


def _make_person(folder: Path, wanted: Wanted, number: int) -> int:
    from ccreid.synthetic.person_set import pictures_of_person

    rows = []
    for name, content, row in pictures_of_person(wanted, number):
        try:
            _write(folder / name, content)
        except OSError as error:
            raise StorageError(
                f"{folder / name} could not be written: {error.strerror or error}.",
                "Free some space, then repeat this command: it goes on.",
            ) from error
        if row:
            rows.append(row)
    write_json(folder / ROWS / f"{number}.json", rows)
    return number


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all; not flushed, since whoever is not noted as done is made anew."""
    part = path.with_name(f"{path.name}.{os.getpid()}{_PART}")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        raise


def _write_manifest(folder: Path, wanted: Wanted) -> None:
    rows: list[dict[str, Any]] = []
    for number in range(wanted.people):
        rows += json.loads((folder / ROWS / f"{number}.json").read_text(encoding="utf-8"))
    with replacing(folder / MANIFEST) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    shutil.rmtree(folder / ROWS)
