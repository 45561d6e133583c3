"""Journals as tests compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccreid.recipe import RunFolder
from ccreid.training.rows import read_journal


def without_clock(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's journal without what the clock says; none before there is one."""
    journal = RunFolder(folder).journal
    rows = read_journal(journal) if journal.exists() else []
    return [row.model_dump(exclude={"seconds"}) for row in rows]
