"""What may be changed in how a network is trained, whatever the method: off by default, exact when it goes on."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from ccreid.errors import ArtefactError, InterruptedRun, WeightsError
from ccreid.recipe import Recipe, RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.watch import Watch
from ccreid.training.rows import Row, StepRow
from journals import without_clock
from masked import add_masks
from wardrobes import TINY_SETTINGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("unrendered"),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
]

METHODS = ("fire2", "baseline", "cal")
KEPT = "method.reset_optimizer_each_epoch=false"
LEVERS: dict[str, tuple[str, ...]] = {
    "rates by layer": ("training.layer_decay=0.7", "training.clip_norm=1", "training.accumulate=2"),
    "a cosine": ("training.schedule=cosine",),
    "first stages at rest": ("network.frozen=3", "training.layer_decay=0.9"),
    "mixed styles": ("network.mixstyle=0.5",),
    "contrasting batches": ("data.sampler=contrasting",),
    "another camera": ("data.recapture=0.7",),
    "other clothes and backgrounds": ("data.redress=0.7", "data.background=0.5"),
    "what was known": ("training.remember.features=1", "training.remember.relations=1"),
}


def recipe(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [*TINY_SETTINGS, KEPT, *more], data=data)


def stop_in_the_second_epoch(row: Row) -> None:
    if isinstance(row, StepRow) and (row.epoch, row.step) == (2, 3):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def masked_wardrobe(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with masks and backgrounds beside it."""
    folder = tmp_path_factory.mktemp("masked") / "wardrobe"
    shutil.copytree(smallest_wardrobe, folder)
    add_masks(folder)
    return folder


@pytest.fixture(scope="module")
def without(smallest_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run without any lever, by method."""
    folder = tmp_path_factory.mktemp("without")
    for name in METHODS:
        train.begin(recipe(smallest_wardrobe, f"method.name={name}"), folder / name, Watch())
    return {name: folder / name for name in METHODS}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lever", LEVERS)
def test_it_changes_the_training_and_goes_on_to_the_very_same_end(
    masked_wardrobe: Path, tmp_path: Path, without: dict[str, Path], lever: str, method: str
) -> None:
    of_lever = recipe(masked_wardrobe, f"method.name={method}", *LEVERS[lever])
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


def test_remembered_weights_that_moved_or_were_replaced_are_found_out(
    smallest_wardrobe: Path, without: dict[str, Path], tmp_path: Path
) -> None:
    """The checkpoint does not hold them: they are read again, and must be those of before."""
    weights, elsewhere, run = tmp_path / "weights.safetensors", tmp_path / "elsewhere.safetensors", tmp_path / "run"
    shutil.copyfile(RunFolder(without["baseline"]).bundle / "weights.safetensors", weights)
    remembering = recipe(smallest_wardrobe, f"network.weights={weights}", "training.remember.features=1")
    with pytest.raises(InterruptedRun):
        train.begin(remembering, run, Watch(listener=stop_in_the_second_epoch))
    weights.rename(elsewhere)
    with pytest.raises(WeightsError, match=r"there is no file .*weights\.safetensors"):
        train.resume(run, Watch())
    other = load_file(elsewhere)
    other["backbone.model.conv1.0.weight"] += 1e-3
    save_file(other, weights)
    with pytest.raises(ArtefactError, match=r"network\.weights \(their contents\) was \w+ and is \w+"):
        train.resume(run, Watch())
    train.resume(run, Watch(), [f"network.weights={elsewhere}"], ["recipe"])
    assert RunFolder(run).finished


def test_who_remembers_strays_less(smallest_wardrobe: Path, tmp_path: Path) -> None:
    """Two runs from the same weights, of which one is held fast, differ in how far they end from there."""
    distances = {}
    for name, weight in (("free", "1e-9"), ("held", "30")):
        of_name = recipe(smallest_wardrobe, "method.name=baseline", f"training.remember.features={weight}")
        train.begin(of_name, tmp_path / name, Watch())
        epochs = [row for row in without_clock(tmp_path / name) if row["kind"] == "epoch"]
        distances[name] = [row["terms"]["remembered_features"] for row in epochs]
    assert distances["held"][-1] < 0.5 * distances["free"][-1]


def test_other_masks_or_backgrounds_are_found_out(masked_wardrobe: Path, tmp_path: Path) -> None:
    shutil.copytree(masked_wardrobe, tmp_path / "data")
    of_lever = recipe(tmp_path / "data", "method.name=baseline", "data.redress=0.7", "data.background=0.5")
    with pytest.raises(InterruptedRun):
        train.begin(of_lever, tmp_path / "run", Watch(listener=stop_in_the_second_epoch))
    for path in (
        next((tmp_path / "data" / "masks" / "train").iterdir()),
        tmp_path / "data" / "backgrounds" / "red.png",
    ):
        content = path.read_bytes()
        with Image.open(path) as image:
            image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).convert("RGB").point(lambda value: 255 - value).save(path)
        with pytest.raises(ArtefactError, match="data"):
            train.resume(tmp_path / "run", Watch())
        path.write_bytes(content)
    train.resume(tmp_path / "run", Watch())
