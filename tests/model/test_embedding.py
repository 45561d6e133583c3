"""The extraction loop and the embeddings file."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ccreid.data.batch import Batch
from ccreid.data.loaders import PlainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError, DivergedError
from ccreid.model.backbone import Backbone
from ccreid.model.embedding import FORMAT, Embeddings, embed
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.vocabulary import Samples

T = TypeVar("T")

HEIGHT_PX, WIDTH_PX = 64, 32


@pytest.fixture(scope="module")
def samples(small_wardrobe: Path) -> Samples:
    return read_benchmark("wardrobe", small_wardrobe).subset("query").select(range(7))


@pytest.fixture
def loader(samples: Samples) -> PlainLoader:
    return PlainLoader(samples, Preprocessing(HEIGHT_PX, WIDTH_PX), batch_images=3)


@pytest.fixture(scope="module")
def pictures(samples: Samples) -> Tensor:
    """All images, by another path than batches."""
    (batch,) = PlainLoader(samples, Preprocessing(HEIGHT_PX, WIDTH_PX), batch_images=99)
    return batch.images


@pytest.fixture
def network() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        built = Network(Backbone("test_resnet", height_px=HEIGHT_PX, width_px=WIDTH_PX))
        built.neck.state_dict()["running_mean"].uniform_()  # as if trained: evaluation and training differ
    return built


def by_hand(network: Network, images: Tensor, *, flip: bool) -> Tensor:
    """One image at a time, straight from the definition."""
    network.eval()
    rows = []
    with torch.no_grad():
        for image in images:
            z = network(image[None])[0]
            if flip:
                mirrored = torch.stack([image[:, :, column] for column in reversed(range(image.shape[2]))], dim=2)
                z = z + network(mirrored[None])[0]
            rows.append(z / z.square().sum().sqrt())
    return torch.stack(rows)


@pytest.mark.parametrize("flip", [False, True])
def test_embeddings_are_their_definition_in_order(
    network: Network, loader: PlainLoader, pictures: Tensor, flip: bool
) -> None:
    found = embed(TorchEngine(network, flip=flip), loader)
    torch.testing.assert_close(found, by_hand(network, pictures, flip=flip), rtol=1e-4, atol=1e-5)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.norm(dim=1), torch.ones(7))


def test_flipping_matters(network: Network, loader: PlainLoader) -> None:
    assert not torch.allclose(
        embed(TorchEngine(network, flip=True), loader), embed(TorchEngine(network, flip=False), loader), atol=1e-4
    )


@pytest.mark.parametrize("batch_images", [1, 7, 64])
def test_batches_do_not_matter(network: Network, samples: Samples, loader: PlainLoader, batch_images: int) -> None:
    other = PlainLoader(samples, Preprocessing(HEIGHT_PX, WIDTH_PX), batch_images=batch_images)
    torch.testing.assert_close(
        embed(TorchEngine(network, flip=True), other),
        embed(TorchEngine(network, flip=True), loader),
        rtol=1e-4,
        atol=1e-5,
    )


def test_rows_follow_the_samples(network: Network, samples: Samples, loader: PlainLoader) -> None:
    order = [4, 0, 6, 1]
    some = PlainLoader(samples.select(order), Preprocessing(HEIGHT_PX, WIDTH_PX), batch_images=3)
    torch.testing.assert_close(
        embed(TorchEngine(network, flip=False), some),
        embed(TorchEngine(network, flip=False), loader)[order],
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("training", [True, False])
def test_the_networks_mode_and_statistics_are_left_alone(network: Network, loader: PlainLoader, training: bool) -> None:
    network.train(training)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    embed(TorchEngine(network, flip=True), loader)
    assert all(module.training == training for module in network.modules())
    for key, tensor in network.state_dict().items():
        torch.testing.assert_close(tensor, before[key], rtol=0, atol=0)


def test_evaluation_mode_is_used_whatever_the_mode(network: Network, loader: PlainLoader) -> None:
    trained = embed(TorchEngine(network.train(), flip=False), loader)
    torch.testing.assert_close(trained, embed(TorchEngine(network.eval(), flip=False), loader), rtol=0, atol=0)


class BreaksOff(Exception):  # noqa: N818 - a stop
    pass


def test_the_networks_mode_survives_an_exception(network: Network, loader: PlainLoader) -> None:
    network.train()

    def stopped(batches: Iterable[T], doing: str, count: int) -> Iterator[T]:
        yield next(iter(batches))
        assert not network.training
        raise BreaksOff

    with pytest.raises(BreaksOff):
        embed(TorchEngine(network, flip=False), loader, track=stopped)
    assert all(module.training for module in network.modules())
    assert not torch.is_inference_mode_enabled()


def test_the_networks_mode_survives_a_tracker_that_never_starts(network: Network, loader: PlainLoader) -> None:
    def broken(batches: Iterable[T], doing: str, count: int) -> Iterable[T]:
        raise BreaksOff

    with pytest.raises(BreaksOff):
        embed(TorchEngine(network.train(), flip=False), loader, track=broken)
    assert all(module.training for module in network.modules())


def test_embeddings_may_be_used_in_autograd(network: Network, loader: PlainLoader) -> None:
    vectors = embed(TorchEngine(network, flip=True), loader)
    assert not vectors.requires_grad
    assert not vectors.is_inference()
    weight = nn.Parameter(torch.ones(vectors.shape[1]))
    (vectors * weight).square().sum().backward()
    torch.testing.assert_close(weight.grad, 2 * vectors.square().sum(0))
    vectors.mul_(2)  # in place too


def test_the_tracker_hears_what_is_done_and_how_much(network: Network, loader: PlainLoader) -> None:
    heard = []

    def track(batches: Iterable[T], doing: str, count: int) -> Iterable[T]:
        heard.append((doing, count))
        return batches

    embed(TorchEngine(network, flip=False), loader, track=track, doing="Mining")
    embed(TorchEngine(network, flip=False), loader, track=track)
    assert heard == [("Mining", 3), ("Embedding", 3)]


def test_the_network_runs_in_the_context_and_the_result_is_single_precision(
    network: Network, loader: PlainLoader
) -> None:
    entered = []

    @contextmanager
    def autocast() -> Iterator[None]:
        entered.append(True)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            yield

    rough = embed(TorchEngine(network, flip=True, autocast=autocast), loader)
    assert entered == [True]
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough.norm(dim=1), torch.ones(7))  # normalised after the sum was made float32
    fine = embed(TorchEngine(network, flip=True), loader)
    assert not torch.equal(rough, fine)
    assert torch.nn.functional.cosine_similarity(rough, fine).min() > 0.99


# ------------------------------------------------------------------------------------------------ the embeddings file


@pytest.fixture
def embeddings() -> Embeddings:
    vectors = torch.nn.functional.normalize(torch.randn(3, 5, generator=torch.Generator().manual_seed(0)), dim=1)
    return Embeddings(vectors, ("a/ü 1.jpg", "b.jpg", "c.jpg"), {"weights": "12ab", "flip": "True"})


def test_embeddings_return_as_they_were_saved(tmp_path: Path, embeddings: Embeddings) -> None:
    embeddings.save(tmp_path / "new" / "e.safetensors")
    loaded = Embeddings.load(tmp_path / "new" / "e.safetensors")
    torch.testing.assert_close(loaded.vectors, embeddings.vectors, rtol=0, atol=0)
    assert loaded.files == embeddings.files
    assert loaded.made_with == embeddings.made_with


def test_a_view_is_saved_as_what_it_shows(tmp_path: Path, embeddings: Embeddings) -> None:
    turned = Embeddings(embeddings.vectors.T.contiguous().T, embeddings.files, {})
    assert not turned.vectors.is_contiguous()
    turned.save(tmp_path / "e")
    torch.testing.assert_close(Embeddings.load(tmp_path / "e").vectors, embeddings.vectors, rtol=0, atol=0)


@pytest.mark.parametrize("files", [(), ("a",), ("a", "b", "c", "d")])
def test_vectors_and_files_must_fit(files: tuple[str, ...]) -> None:
    with pytest.raises(ArtefactError, match=rf"\(3, 5\) vectors do not fit {len(files)} files"):
        Embeddings(torch.zeros(3, 5), files, {})


def test_vectors_must_be_a_table() -> None:
    with pytest.raises(ArtefactError):
        Embeddings(torch.zeros(3), ("a", "b", "c"), {})


def refused(path: Path) -> ArtefactError:
    with pytest.raises(ArtefactError) as caught:
        Embeddings.load(path)
    assert str(path) in caught.value.message
    return caught.value


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "e.safetensors")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"something else entirely", b"\xff" * 64])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "e").write_bytes(content)
    refused(tmp_path / "e")


@pytest.mark.parametrize("kept", [4, 40, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, embeddings: Embeddings, kept: int) -> None:
    embeddings.save(tmp_path / "e")
    (tmp_path / "e").write_bytes((tmp_path / "e").read_bytes()[:kept])
    refused(tmp_path / "e")


NOTES = {"format": FORMAT, "files": json.dumps(["a", "b", "c"]), "made_with": "{}"}


def test_notes_as_below_are_read(tmp_path: Path) -> None:
    save_file({"vectors": torch.eye(3)}, tmp_path / "e", metadata=NOTES)
    assert Embeddings.load(tmp_path / "e").files == ("a", "b", "c")


@pytest.mark.parametrize("value", [0.5, torch.nan, torch.inf])
def test_vectors_of_another_length_than_1_are_named_by_row(value: float) -> None:
    vectors = torch.eye(3)
    vectors[1, 1] = value
    with pytest.raises(ArtefactError, match="1 vectors are not of length 1, the first is that of b, row 1"):
        Embeddings(vectors, ("a", "b", "c"), {})


@pytest.mark.parametrize("notes", [None, {"format": "pt"}, NOTES | {"format": "ccreid-embeddings-2"}])
@pytest.mark.parametrize("name", ["vectors", "weight"])
def test_another_format_is_refused(tmp_path: Path, notes: dict[str, str] | None, name: str) -> None:
    save_file({name: torch.zeros(3, 5)}, tmp_path / "e", metadata=notes)
    assert FORMAT in refused(tmp_path / "e").message


@pytest.mark.parametrize("key", ["files", "made_with"])
@pytest.mark.parametrize("value", [None, "[", "3"])
def test_broken_notes_are_refused(tmp_path: Path, key: str, value: str | None) -> None:
    notes = {name: text for name, text in (NOTES | {key: value}).items() if text is not None}
    save_file({"vectors": torch.zeros(3, 5)}, tmp_path / "e", metadata=notes)
    refused(tmp_path / "e")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # whoever opens it waits for ever
    for path in (tmp_path / "pipe", tmp_path / "missing", tmp_path):
        assert "no such file" in refused(path).message


def test_a_file_without_vectors_is_refused(tmp_path: Path) -> None:
    save_file({"other": torch.zeros(3, 5)}, tmp_path / "e", metadata=NOTES)
    refused(tmp_path / "e")


def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path: Path) -> None:
    save_file({"vectors": torch.zeros(2, 5)}, tmp_path / "e", metadata=NOTES)
    with pytest.raises(ArtefactError, match="do not fit 3 files"):
        Embeddings.load(tmp_path / "e")


def test_a_diverged_network_is_refused() -> None:
    network = Network(_Constant(float("nan")))
    images = torch.zeros(3, 3, 8, 8)
    loader = [Batch(images, torch.zeros(3), torch.arange(3))]
    with pytest.raises(DivergedError, match="3 of 3 images are not finite"):
        embed(TorchEngine(network, flip=False), loader)  # type: ignore[arg-type]  # a list of batches will do


class _Constant(torch.nn.Module):
    """A backbone whose feature maps hold one value."""

    channels = 2

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = torch.nn.Parameter(torch.tensor(value))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.value.expand(len(images), self.channels, 2, 2)
