"""Progress bars with the time left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from ccreid.cli import console

if TYPE_CHECKING:
    from rich.progress import Progress

    from ccreid.runs.watch import Watch
    from ccreid.training.rows import Row


class Follow(Protocol):
    """Makes the watch of one run, whose name is said where there are several."""

    def __call__(self, name: str = "") -> Watch:
        """Begin to follow it."""
        ...


@contextmanager
def watching() -> Iterator[Follow]:
    """Bars for the runs of a block; a process that leaves the talking to another shows none."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from ccreid.runs.watch import Watch

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    silent = console.is_silent()
    with Progress(*columns, console=console.err, disable=silent) as progress:

        def follow(name: str = "") -> Watch:
            if silent:
                return Watch()
            if name:
                progress.console.print(name, highlight=False)
            return Watch(ImagesBar(progress), TrainingBar(progress))

        yield follow


class ImagesBar:
    """A bar for each loop over images."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def __call__(self, items: Iterable[Any], what: str, count: int) -> Iterable[Any]:
        """Follow a loop, see :data:`ccreid.machine.progress.Track`."""
        return self.progress.track(items, total=count, description=what)


class TrainingBar:
    """One bar for all steps of a run, fed by the journal's rows."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.epochs = 0

    def __call__(self, row: Row) -> None:
        """Take a row of the journal."""
        if row.kind == "plan":
            self.epochs = row.epochs
            self.task = self.progress.add_task("Training", total=row.steps, completed=row.done)
        elif row.kind == "step":
            description = f"Epoch {row.epoch}/{self.epochs}, loss {row.total:.2f}"
            self.progress.update(self.task, advance=1, description=description)
        elif row.kind == "begin":
            found = ", ".join(f"{number} {name}" for name, number in row.notes.items())
            self.progress.console.print(f"Epoch {row.epoch}: {found} found in {row.seconds:.1f} s", highlight=False)
