"""What Rich prints, with names as they are."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console

from ccreid.machine.files import write_text


def plain_console(**options: Any) -> Console:
    """A console that takes no text for markup or for the name of an emoji: a path or a name may look like either.

    What is to be coloured is given as `rich.text.Text`.

    Parameters
    ----------
    options:
        Of Rich's console.
    """
    return Console(markup=False, emoji=False, **options)


def write_tables(path: Path, *tables: Any) -> None:
    """Write what Rich shows of some tables, and sentences, as plain text of 140 columns, whole or not at all.

    Raises StorageError.
    """
    console = plain_console(width=140, file=StringIO())
    for table in tables:
        console.print(table)
    write_text(path, console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO above
