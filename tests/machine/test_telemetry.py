"""Libraries that would tell their makers of their use stay silent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

USE = """
import socket

def reached(*address, **_):
    print("reached", *address, flush=True)
    raise OSError("there is no network")

socket.getaddrinfo = socket.socket.connect = socket.socket.connect_ex = reached
{before}
from ccreid.machine.extras import need

need("openvino", extra="openvino", to="try")
need("nncf", extra="openvino", to="try")
print("imported")
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import openvino_telemetry", "import openvino_telemetry.main"])
def test_openvino_and_nncf_open_no_socket(before: str, tmp_path: Path) -> None:
    """They would at their import: in a process without pytest, where NNCF is silent of its own accord, and no CI."""
    inherited = {name: value for name, value in os.environ.items() if name not in {"CI", "TF_BUILD", "JENKINS_URL"}}
    found = subprocess.run(
        [sys.executable, "-c", USE.format(before=before)],
        env={**inherited, "HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (found.returncode, found.stdout) == (0, "imported\n"), found.stderr
    if not before:
        assert not [*tmp_path.rglob("*")], "something was noted about this user"
