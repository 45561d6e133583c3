"""What Rich prints, with names as they are."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
"""What gives orders to a terminal, and how it is shown instead."""


def visible(text: str) -> str:
    """A text whose names can tell a terminal nothing: a file may be called so that it clears the screen."""
    return text.translate(CONTROLS)


class _PlainConsole(Console):
    """Shows every text, also one in the cell of a table, as it is."""

    def render_str(self, text: str, **options: Any) -> Text:
        """A text on its way to the terminal."""
        return super().render_str(visible(text), **options)


def plain_console(**options: Any) -> Console:
    """A console that takes no text for markup, for the name of an emoji or for an order: a name may look like each.

    What is to be coloured is given as `rich.text.Text`, and names in it through :func:`visible`.

    Parameters
    ----------
    options:
        Of Rich's console.
    """
    return _PlainConsole(markup=False, emoji=False, **options)


def write_tables(path: Path, *tables: Any) -> None:
    """Write what Rich shows of some tables, and sentences, as plain text of 140 columns, whole or not at all.

    Raises StorageError.
    """
    from ccreid.machine.files import write_text  # every command prints, and few write: safetensors comes with it

    console = plain_console(width=140, file=StringIO())
    for table in tables:
        console.print(table)
    write_text(path, console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO above
