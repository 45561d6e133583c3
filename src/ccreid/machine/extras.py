"""Libraries that only some uses need, and how to get them."""

from __future__ import annotations

import importlib
from typing import Any

from ccreid.errors import SettingError
from ccreid.machine.telemetry import stay_silent


def need(module: str, *, extra: str, to: str) -> Any:
    """Import a library of an extra, which then sends nothing about its use.

    Parameters
    ----------
    module:
        What is imported, for example "sklearn.metrics".
    extra:
        The extra of ccreid that brings it, for example "analysis".
    to:
        What it is needed for, as in "needed to ...".

    Raises
    ------
    SettingError
        It is not installed.
    """
    stay_silent()
    library = module.split(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != library:
            raise  # the library is there and lacks something of its own
        raise SettingError(
            f"{library} is needed to {to}, and is not installed.", f"Install it: pip install 'ccreid[{extra}]'"
        ) from error
