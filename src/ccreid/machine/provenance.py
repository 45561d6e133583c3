"""Where a result comes from: versions, the machine."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import torch

from ccreid.version import __version__


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("torch", "torchvision", "timm", "numpy", "pillow")
    return {
        "ccreid": __version__,
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }


def describe_machine() -> str:
    """The machine in one line: system, processor, cores, accelerator."""
    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {accelerator}"
