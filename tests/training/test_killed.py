"""A run killed at any instant ends, once resumed, with the very weights and journal of one that was not."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from safetensors.torch import load_file

from ccreid.machine.files import HOLDER
from ccreid.recipe import RunFolder, load_recipe
from ccreid.runs import build, loading
from journals import without_clock
from killing import in_a_process
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.slow

CHECKPOINT = RunFolder(Path()).checkpoint.name
POINTS = {"training": 10, "saving the checkpoint": 10, "saving the bundle": 2, "scoring": 2}
"""How many seeded ones in each part of a run."""
KINDS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "every state": (
        "method.reset_optimizer_each_epoch=false",
        "training.average=0.9",
        "training.accumulate=2",
        "selection.by=validation",
        "selection.every=1",
        "selection.share=0.5",
        "data.people=2",
        "data.workers=1",
        "data.sampler=attribute-aware",
    ),
}
CASES = [(list(KINDS)[point % 2], part, point) for part, points in POINTS.items() for point in range(points)]


class Undisturbed(NamedTuple):
    """A run that nobody killed.

    Attributes
    ----------
    folder, settings:
        Its own.
    calls:
        How many it makes in each part.
    """

    folder: Path
    settings: tuple[str, ...]
    calls: dict[str, int]


@pytest.fixture(scope="module")
def undisturbed(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Undisturbed]:
    """A run of each kind, of pictures decoded already: whoever decodes makes more calls than who comes after."""
    warm = load_recipe("wardrobe", TINY_SETTINGS, data=smallest_wardrobe)
    for samples in build.benchmark(warm).subsets.values():
        list(loading.plain_loader(warm, samples))
    found = {}
    for kind, more in KINDS.items():
        folder = tmp_path_factory.mktemp("undisturbed") / "run"
        settings = (f"data.root={smallest_wardrobe}", *TINY_SETTINGS, *more)
        code, calls = in_a_process(folder, settings)
        assert code == 0
        found[kind] = Undisturbed(folder, settings, calls)
    return found


def assert_same(folder: Path, other: Path) -> None:
    assert without_clock(folder) == without_clock(other)
    for file in ("bundle/weights.safetensors", CHECKPOINT):
        ours, theirs = load_file(folder / file), load_file(other / file)
        assert ours.keys() == theirs.keys()
        assert [name for name in theirs if not torch.equal(ours[name], theirs[name])] == []
    assert {path.name for path in folder.iterdir()} == {path.name for path in other.iterdir()}
    assert [path for path in folder.rglob("*") if HOLDER in path.name] == []


@pytest.mark.parametrize(("kind", "part", "point"), CASES)
def test_killed_and_resumed(
    undisturbed: dict[str, Undisturbed], tmp_path: Path, kind: str, part: str, point: int
) -> None:
    whole, folder = undisturbed[kind], tmp_path / "run"
    fatal = random.Random(f"{kind} {part} {point}").randint(1, whole.calls[part])
    assert in_a_process(folder, whole.settings, (part, fatal)) == (-signal.SIGKILL, {})
    assert in_a_process(folder, whole.settings)[0] == 0
    assert_same(folder, whole.folder)


def test_killed_again_and_again(undisturbed: dict[str, Undisturbed], tmp_path: Path) -> None:
    whole, folder = undisturbed["plain"], tmp_path / "run"
    for share in (0.4, 0.2, 0.1):
        fatal = ("training", int(share * whole.calls["training"]))
        assert in_a_process(folder, whole.settings, fatal)[0] == -signal.SIGKILL
    assert in_a_process(folder, whole.settings)[0] == 0
    assert_same(folder, whole.folder)


def test_a_checkpoint_cut_off_while_it_is_written(undisturbed: dict[str, Undisturbed], tmp_path: Path) -> None:
    """A half-written file, as a machine that loses its power leaves one, is passed over."""
    whole, folder = undisturbed["plain"], tmp_path / "run"
    fatal = ("saving the checkpoint", whole.calls["saving the checkpoint"] // 2)
    assert in_a_process(folder, whole.settings, fatal)[0] == -signal.SIGKILL
    holder = folder / f".{CHECKPOINT}{HOLDER}cut"
    holder.mkdir()
    (holder / CHECKPOINT).write_bytes((whole.folder / CHECKPOINT).read_bytes()[:5000])
    assert in_a_process(folder, whole.settings)[0] == 0
    assert_same(folder, whole.folder)
