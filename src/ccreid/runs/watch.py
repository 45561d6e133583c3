"""Who follows what takes a while."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ccreid.machine.progress import Track, untracked
from ccreid.training.journal import Listener


@dataclass(frozen=True)
class Watch:
    """Who follows a run.

    Attributes
    ----------
    track:
        Follows loops over images.
    listener:
        Is given each row of the journal, and before the first one a :class:`ccreid.training.rows.PlanRow`.
    """

    track: Track[Any] = untracked
    listener: Listener = lambda _row: None


Follow = Callable[[str], Watch]
"""Gives the watch of one run of several, by its name."""
