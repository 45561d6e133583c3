"""Tables as plain text."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

from ccreid.machine.files import write_text


def write_tables(path: Path, *tables: Any) -> None:
    """Write what Rich shows of some tables as plain text of 140 columns, whole or not at all.

    Sentences among them stand as they are: what looks like markup in a name is no markup. Raises StorageError.
    """
    from rich.console import Console
    from rich.text import Text

    console = Console(width=140, file=StringIO())
    for table in tables:
        console.print(Text(table) if isinstance(table, str) else table)
    write_text(path, console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO above
