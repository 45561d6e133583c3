"""A bundle is scored as its run was: in its own precision, with or without the mirror image."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.model.bundle import load_bundle
from ccreid.recipe import RunFolder, load_recipe
from ccreid.report.schema import Report
from ccreid.runs import train
from ccreid.runs.score import evaluate_bundle
from ccreid.runs.watch import Watch
from wardrobes import TINY_SETTINGS

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")


def run(small_wardrobe: Path, folder: Path, *more: str) -> Path:
    settings = [f"data.root={small_wardrobe}", *TINY_SETTINGS, "training.epochs=1", *more]
    train.begin(load_recipe("wardrobe", settings), folder, Watch())
    return folder


@pytest.fixture(scope="module")
def half(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in bfloat16 without flip averaging; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("half") / "run"
    return run(small_wardrobe, folder, "training.precision=bf16-mixed", "evaluation.flip=false")


def test_a_bundle_is_scored_in_the_precision_of_its_run(half: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    card = load_bundle(half).card
    assert (card.precision, card.flip) == ("bf16-mixed", False)
    trained = Report.read(RunFolder(half).report)
    assert trained.conditions.precision == "bf16-mixed"
    again = evaluate_bundle(half, read_benchmark("wardrobe", small_wardrobe), tmp_path, device="cpu")
    assert (again.conditions.precision, again.conditions.flip_averaging) == ("bf16-mixed", False)
    assert again.protocols == trained.protocols


def test_half_precision_that_a_cpu_lacks_is_called_what_it_is(
    half: Path, small_wardrobe: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = run(small_wardrobe, tmp_path / "asked", "training.precision=16-mixed", "evaluation.flip=false")
    assert "cannot compute in 16-mixed; bf16-mixed is computed" in caplog.text
    assert RunFolder(asked).recipe().training.precision == "16-mixed"
    assert load_bundle(asked).card.precision == "bf16-mixed"
    assert Report.read(RunFolder(asked).report).conditions.precision == "bf16-mixed"
    files = [{path.name for path in RunFolder(of).embeddings.iterdir()} for of in (asked, half)]
    assert load_bundle(asked).weights_hash == load_bundle(half).weights_hash
    assert files[0] == files[1]
    train.resume(asked, Watch(), ["training.precision=bf16-mixed"])  # what it was, so that nothing need be allowed
    card = asked / "bundle" / "bundle.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "precision": "16-mixed"}))  # made on a GPU
    again = evaluate_bundle(asked / "bundle", read_benchmark("wardrobe", small_wardrobe), tmp_path / "x", device="cpu")
    assert again.conditions.precision == "bf16-mixed"


def test_precisions_never_share_a_file_of_embeddings(half: Path, small_wardrobe: Path, tmp_path: Path) -> None:
    benchmark = read_benchmark("wardrobe", small_wardrobe)
    evaluate_bundle(half, benchmark, tmp_path, device="cpu")
    first = set(RunFolder(tmp_path).embeddings.iterdir())
    card = half.parent / "whole" / "bundle.json"
    card.parent.mkdir()
    values = json.loads((RunFolder(half).bundle / "bundle.json").read_text()) | {"precision": "32-true"}
    card.write_text(json.dumps(values))
    (card.parent / "weights.safetensors").symlink_to(RunFolder(half).bundle / "weights.safetensors")
    whole = evaluate_bundle(card.parent, benchmark, tmp_path, device="cpu")
    assert len(set(RunFolder(tmp_path).embeddings.iterdir())) == 2 * len(first)
    assert whole.protocols != Report.read(RunFolder(half).report).protocols


def test_of_a_whole_precision_run_the_same_is_true(small_wardrobe: Path, tmp_path: Path) -> None:
    folder = run(small_wardrobe, tmp_path / "run")
    again = evaluate_bundle(folder, read_benchmark("wardrobe", small_wardrobe), tmp_path / "again", device="cpu")
    assert again.protocols == Report.read(RunFolder(folder).report).protocols
    assert again.conditions.precision == "32-true"
    # What an evaluation stands on has the same key as what the run left.
    names = [{path.name for path in RunFolder(at).embeddings.iterdir()} for at in (folder, tmp_path / "again")]
    assert names[0] == names[1]
