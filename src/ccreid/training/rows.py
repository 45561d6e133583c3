"""The rows of a run's journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Row = Mapping[str, Any]


def read_journal(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a journal; a last line cut off by a crash is passed over."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows
