"""Nothing is sent about how this package is used: libraries that would do so are made to stay silent."""

from __future__ import annotations

import importlib
import os
import sys

SILENT = {"RAY_USAGE_STATS_ENABLED": "0", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
"""Variables by which libraries are told, for this process and those that it starts."""

SENDER = "openvino_telemetry"
"""What OpenVINO and NNCF send with: to Google Analytics, from the first import on, unless it cannot be imported."""


def stay_silent() -> None:
    """Switch off whatever would be sent, before a library that would send it is imported.

    OpenVINO and NNCF know no setting for it. They go without where the package that sends is missing, so it is made to
    seem so. Where somebody imported it before, the messages are dropped on their way.
    """
    os.environ.update(SILENT)
    if sys.modules.get(SENDER) is None:
        sys.modules[SENDER] = None  # type: ignore[assignment]  # which Python takes for "cannot be imported"
        return
    importlib.import_module(f"{SENDER}.utils.sender").TelemetrySender.send = lambda *_: None
