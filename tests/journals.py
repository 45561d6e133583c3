"""Journals as tests compare them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ccreid.recipe.run_folder import JOURNAL
from ccreid.training.rows import read_journal


def without_clock(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run's journal without what the clock says; none before there is one."""
    journal = folder / JOURNAL
    rows = read_journal(journal) if journal.exists() else []
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
