"""The folder in which this user's commands keep what is costly to make."""

from __future__ import annotations

import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


def users_folder() -> Path | None:
    """The folder CCREID_CACHE, else `ccreid` in the user's folder for caches; it need not be there yet.

    None where nothing is to be kept (CCREID_CACHE=off), or where there is no such place, which is told.
    """
    chosen = os.environ.get("CCREID_CACHE")
    if chosen == "off":
        return None
    home = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "ccreid"
    try:
        return Path(os.path.abspath(home.expanduser()))  # noqa: PTH100
    except (RuntimeError, OSError):  # nobody's home; a working folder that was deleted
        logger.warning(
            "There is no folder %s: decoded pictures and exported models are not kept. Name one with CCREID_CACHE.",
            home,
        )
        return None
