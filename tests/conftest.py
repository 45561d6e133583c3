"""What every test may use: the golden values and the material beside the repository."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from ccreid.cli import console, main
from ccreid.report.text import plain_console
from coarse import coarse_pictures, unrendered_pictures
from wardrobes import copy_people

HERE = Path(__file__).parent
SHARED = HERE.parent.parent / "shared"

# Deadlines would time the machine, not the code.
settings.register_profile("ccreid", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60)
settings.load_profile("ccreid")

Golden = Callable[[str], dict[str, torch.Tensor]]
Run = Callable[..., tuple[int, str, str]]
Terminal = Callable[[int], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with many slow tests go first, so that no process is left alone with one at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])  # files stay whole: the sort is stable


@pytest.fixture(scope="session", autouse=True)
def _pixels_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test, and no fixture of a module or the session, reads or fills the user's cache of pixels."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCREID_CACHE", str(tmp_path_factory.getbasetemp() / "ccreid-cache"))
        yield


@pytest.fixture(scope="session", autouse=True)
def _few_pixels() -> Iterator[None]:
    """Drawing is most of a tiny run: all is drawn, but coarsely, save where a test asks for its pixels."""
    with coarse_pictures():
        yield


@pytest.fixture
def unrendered() -> Iterator[None]:
    """For tests of many runs whose pictures others look at."""
    with unrendered_pictures():
        yield


@pytest.fixture(scope="session")
def golden() -> Golden:
    """Loads one of the golden files as tensors by name."""

    def load(name: str) -> dict[str, torch.Tensor]:
        with np.load(HERE / "golden" / f"{name}.npz", allow_pickle=False) as arrays:
            return {key: torch.from_numpy(np.asarray(arrays[key])) for key in arrays.files}

    return load


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Gives the command line a terminal of so many columns, whatever the real one has."""

    def resize(width: int) -> None:
        monkeypatch.setenv("COLUMNS", str(width))  # for Typer's own messages
        for name in ("out", "err"):
            monkeypatch.setattr(console, name, plain_console(stderr=name == "err", width=width))

    return resize


@pytest.fixture
def ccreid_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, terminal: Terminal
) -> Run:
    """Runs the command line in this process and in a folder of its own: (exit code, output, errors)."""
    monkeypatch.chdir(tmp_path)
    terminal(240)

    def command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ccreid", *map(str, arguments)])
        try:
            main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code or 0
        printed = capsys.readouterr()
        return int(str(code)), printed.out, printed.err

    return command


@pytest.fixture(scope="session")
def small_wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four training people and three test people of the compact Wardrobe; not to be changed by a test."""
    return copy_people(tmp_path_factory.mktemp("data") / "wardrobe", train=4, test=3)


@pytest.fixture(scope="session")
def smallest_wardrobe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fewer queries to draw and score, for runs made many times; not to be changed by a test."""
    return copy_people(tmp_path_factory.mktemp("data") / "wardrobe", train=4, test=2, queries=1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of given material; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not on this machine")
    return SHARED
