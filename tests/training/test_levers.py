"""What may be changed in how a network is trained, whatever the method: off by default, exact when it goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ccreid.errors import InterruptedRun
from ccreid.recipe import Recipe, RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training.rows import Row, StepRow
from journals import without_clock
from wardrobes import TINY_SETTINGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("unrendered"),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
]

KEPT = "method.reset_optimizer_each_epoch=false"
LEVERS: dict[str, tuple[str, ...]] = {
    "rates by layer": ("training.layer_decay=0.7", "training.clip_norm=1", "training.accumulate=2"),
    "a cosine": ("training.schedule=cosine",),
    "mixed styles": ("network.mixstyle=0.5",),
}


def recipe(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [*TINY_SETTINGS, KEPT, *more], data=data)


def stop_in_the_second_epoch(row: Row) -> None:
    if isinstance(row, StepRow) and (row.epoch, row.step) == (2, 3):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def without(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run without any lever, by method."""
    folder = tmp_path_factory.mktemp("without")
    for name in ("fire2", "baseline"):
        train.begin(recipe(smallest_wardrobe, f"method.name={name}"), folder / name, Watch())
    return {name: folder / name for name in ("fire2", "baseline")}


@pytest.mark.parametrize("method", ["fire2", "baseline"])
@pytest.mark.parametrize("lever", LEVERS)
def test_it_changes_the_training_and_goes_on_to_the_very_same_end(
    smallest_wardrobe: Path, tmp_path: Path, without: dict[str, Path], lever: str, method: str
) -> None:
    of_lever = recipe(smallest_wardrobe, f"method.name={method}", *LEVERS[lever])
    train.begin(of_lever, tmp_path / "whole", Watch())
    with pytest.raises(InterruptedRun):
        train.begin(of_lever, tmp_path / "halves", Watch(listener=stop_in_the_second_epoch))
    train.resume(tmp_path / "halves", Watch())
    assert without_clock(tmp_path / "halves") == without_clock(tmp_path / "whole")
    whole, halves, plain = (
        load_file(RunFolder(folder).checkpoint) for folder in (tmp_path / "whole", tmp_path / "halves", without[method])
    )
    assert whole.keys() == halves.keys()
    assert all(torch.equal(whole[name], halves[name]) for name in whole)
    of_network = {name for name in plain if name.startswith("method.network.")}
    assert not all(torch.equal(whole[name], plain[name]) for name in of_network)
    shipped = load_file(RunFolder(tmp_path / "whole").bundle / "weights.safetensors")
    assert {f"method.network.{name}" for name in shipped} == of_network
