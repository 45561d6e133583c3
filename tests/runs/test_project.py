"""`ccreid project`: a bundle whose embeddings are projected, and what it says where it cannot be made."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from ccreid.datasets import read_benchmark
from ccreid.errors import SettingError
from ccreid.model.averaging import take_mean
from ccreid.model.bundle import CARD, WEIGHTS, load_bundle
from ccreid.model.embedder import Embedder
from ccreid.recipe import load_recipe
from ccreid.records import BenchmarkCard
from ccreid.runs import build, train
from ccreid.runs.project import project
from ccreid.runs.publish import MODEL_CARD
from ccreid.runs.untrained import bundle_backbone
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Benchmark
from wardrobes import TINY_SETTINGS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric")]


@pytest.fixture(scope="module")
def benchmark(small_wardrobe: Path) -> Benchmark:
    return read_benchmark("wardrobe", small_wardrobe)


@pytest.fixture(scope="module")
def finished(small_wardrobe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run; not to be changed by a test."""
    folder = tmp_path_factory.mktemp("runs") / "finished"
    train.begin(load_recipe("wardrobe", [f"data.root={small_wardrobe}", *TINY_SETTINGS]), folder, Watch())
    return folder


@pytest.fixture(scope="module")
def projected(finished: Path, benchmark: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("projected") / "short"
    project(finished, benchmark, out, Watch(), dimension=3)
    return out


def test_it_is_a_bundle_of_short_embeddings_with_a_card(finished: Path, projected: Path, benchmark: Benchmark) -> None:
    assert {path.name for path in projected.iterdir()} == {CARD, WEIGHTS, MODEL_CARD}
    bundle = load_bundle(projected)
    assert bundle.network.dimension == bundle.card.projected == 3
    assert bundle.card.projected_on == BenchmarkCard.of(benchmark).shareable()
    assert bundle.card.trained_on == load_bundle(finished).card.trained_on
    assert [row.name for row in bundle.card.scores] == [protocol.name for protocol in benchmark.protocols]
    people = benchmark.subset("train")
    text = (projected / MODEL_CARD).read_text()
    assert f"projected to 3 dimensions, by linear discriminant analysis of {len(people)} pictures" in text
    assert bundle.card.weights_sha256 in text
    assert str(finished.parent) not in text + (projected / CARD).read_text()


def test_its_embeddings_are_those_before_by_the_projection(
    finished: Path, projected: Path, benchmark: Benchmark
) -> None:
    before, after = load_bundle(finished), load_bundle(projected)
    one = benchmark.subset("query").path(0)
    whole = Embedder.load(before, "cpu", False)(one).vectors
    layer = after.network.projection
    assert layer is not None
    assert not layer.weight.requires_grad
    expected = normalize(whole @ layer.weight.T + layer.bias, dim=1)
    torch.testing.assert_close(Embedder.load(after, "cpu", False)(one).vectors, expected, atol=0.01, rtol=0)  # halves


def test_training_and_means_go_on_from_it_without_its_projection(
    finished: Path, projected: Path, benchmark: Benchmark, small_wardrobe: Path
) -> None:
    recipe = load_recipe("wardrobe", [f"data.root={small_wardrobe}", *TINY_SETTINGS, f"network.weights={projected}"])
    network = build.method(recipe, benchmark.subset("train")).network
    weights = load_bundle(projected).network.state_dict()
    assert network.projected is None
    assert torch.equal(network.neck.weight, weights["neck.weight"])
    run = load_bundle(finished)
    own = run.network.neck.weight.clone()
    take_mean(run, load_bundle(projected))
    torch.testing.assert_close(run.network.neck.weight, (own + weights["neck.weight"]) / 2)


def test_a_projection_is_no_part_of_a_mean(finished: Path, projected: Path) -> None:
    with pytest.raises(SettingError, match="no part of a mean"):
        take_mean(load_bundle(projected), load_bundle(finished))


def test_what_cannot_be_projected_is_refused(
    finished: Path, projected: Path, benchmark: Benchmark, tmp_path: Path
) -> None:
    with pytest.raises(SettingError, match="has a projection already"):
        project(projected, benchmark, tmp_path / "out", Watch(), dimension=2)
    people, width = len(benchmark.subset("train").people), load_bundle(finished).network.dimension
    told = f"{people} people and {width} dimensions give at most {min(people - 1, width)} directions, not 4000"
    with pytest.raises(SettingError, match=told) as refused:
        project(finished, benchmark, tmp_path / "out", Watch(), dimension=4000)
    assert "fewer dimensions (--dimension)" in refused.value.mend
    bundle_backbone("test_resnet", tmp_path / "none", weights="none", height_px=64, width_px=32, last_stride=2)
    with pytest.raises(SettingError, match="was not trained to tell people apart"):
        project(tmp_path / "none", benchmark, tmp_path / "out", Watch(), dimension=2)
    taken = Path(shutil.copytree(finished / "bundle", tmp_path / "taken"))
    with pytest.raises(SettingError, match="is not empty"):
        project(finished, benchmark, taken, Watch(), dimension=2)
    assert not (tmp_path / "out").exists()
    assert load_bundle(taken).card.projected is None
