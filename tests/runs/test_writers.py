"""A run has one writer, and what cannot go on is left as it was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ccreid.errors import ArtefactError, CcreidError, SettingError
from ccreid.machine.files import WRITERS
from ccreid.machine.writing import sole_writer
from ccreid.recipe import Recipe, RunFolder, load_recipe
from ccreid.runs import train
from ccreid.runs.ablate import ablate
from ccreid.runs.publish import publish
from ccreid.runs.series import run_seeds
from ccreid.runs.watch import Watch
from wardrobes import TINY_SETTINGS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("unrendered"),
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
]

SETTINGS = [*TINY_SETTINGS, "selection.by=validation", "selection.every=1", "selection.share=0.3", "data.people=2"]


def recipe_for(data: Path, *more: str) -> Recipe:
    return load_recipe("wardrobe", [*SETTINGS, *more], data=data)


def nobody_watches(_name: str = "") -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train.begin(recipe_for(small_wardrobe), folder, Watch())
    assert not WRITERS & {place.name for place in folder.iterdir()}
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file() and file.name not in WRITERS)
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_whoever_would_write_where_another_writes_is_refused(run: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    before, recipe = contents(run), recipe_for(small_wardrobe)
    attempts: dict[str, Callable[[], object]] = {
        "begin": lambda: train.begin(recipe, run, Watch()),
        "resume": lambda: train.resume(run, Watch()),
        "seeds": lambda: run_seeds(recipe, [0], run, nobody_watches),
        "ablate": lambda: ablate({"one": recipe}, [0], run, nobody_watches, {"one": []}),
        "publish": lambda: publish(run, tmp_path / "model", Watch()),
    }
    with sole_writer(run):
        for attempt in attempts.values():
            with pytest.raises(SettingError, match="is being written by another command"):
                attempt()
    assert contents(run) == before
    assert not (tmp_path / "model").exists()


def test_several_runs_go_into_no_run(run: Path, small_wardrobe: Path) -> None:
    before = contents(run)
    with pytest.raises(SettingError, match="is a run; several cannot be written there"):
        run_seeds(recipe_for(small_wardrobe), [0], run, nobody_watches)
    assert contents(run) == before


@pytest.mark.parametrize("seed", [-1, -(2**40)])
def test_a_seed_that_can_be_none_is_refused_before_any_runs(small_wardrobe: Path, tmp_path: Path, seed: int) -> None:
    with pytest.raises(SettingError, match=r"training\.seed"):
        run_seeds(recipe_for(small_wardrobe), [0, seed], tmp_path / "runs", nobody_watches)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "change",
    ["network.backbone=test_vit", "training.learning_rate=nonsense", "method.name=baseline", "data.root=nowhere"],
)
def test_a_resume_that_fails_changes_nothing(run: Path, change: str) -> None:
    before = contents(run)
    with pytest.raises(CcreidError):
        train.resume(run, Watch(), [change, "network.last_stride=2"], ["recipe"])
    assert contents(run) == before


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "best.safetensors"])
@pytest.mark.parametrize("place", [0.3, 0.6, 0.999])
def test_a_flipped_bit_is_neither_resumed_nor_shipped(run: Path, name: str, place: float) -> None:
    bundle = contents(RunFolder(run).bundle)
    damaged = bytearray((run / name).read_bytes())
    damaged[int(place * len(damaged))] ^= 1
    (run / name).write_bytes(damaged)
    with pytest.raises(ArtefactError, match=f"{name} is damaged"):
        train.resume(run, Watch())
    assert contents(RunFolder(run).bundle) == bundle
