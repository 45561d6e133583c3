"""Pictures without labels, on disk and in memory, to embeddings. All of them show people who do not exist."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

import ccreid
from ccreid.data.given import PictureLike
from ccreid.data.loaders import PlainLoader
from ccreid.data.pixels import PixelCache
from ccreid.data.preprocess import Preprocessing
from ccreid.datasets import read_benchmark
from ccreid.errors import ArtefactError, CcreidError, DataError, ImageError, SettingError
from ccreid.model.backbone import Backbone
from ccreid.model.bundle import About, load_bundle, save_bundle
from ccreid.model.embedder import Embedder
from ccreid.model.embedding import Embeddings, embed
from ccreid.model.network import Network
from ccreid.vocabulary import Pictures, Samples

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:lightning_fabric"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),  # of more workers than cores
]


@pytest.fixture(scope="module")
def samples(small_wardrobe: Path) -> Samples:
    return read_benchmark("wardrobe", small_wardrobe).subset("query").select(range(7))


@pytest.fixture(scope="module")
def paths(samples: Samples) -> list[Path]:
    return [samples.path(row) for row in range(len(samples))]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    """The model in the package, the one way a user has it."""
    return ccreid.Embedder.load("wardrobe", device="cpu")


@pytest.fixture(scope="module")
def vectors(embedder: Embedder, paths: list[Path]) -> torch.Tensor:
    return embedder(paths).vectors


def bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))


def decoded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


# What may be given


def test_a_file_its_picture_and_its_array_give_the_same_bits(
    embedder: Embedder, paths: list[Path], vectors: torch.Tensor
) -> None:
    images = [decoded(path) for path in paths]
    assert bits(embedder(images).vectors, vectors)
    assert bits(embedder([np.asarray(image) for image in images]).vectors, vectors)
    assert bits(embedder([str(path) for path in paths]).vectors, vectors)


def test_any_mix_keeps_its_order_and_its_names(embedder: Embedder, paths: list[Path], vectors: torch.Tensor) -> None:
    order = [5, 0, 3, 0, 6]
    unread = Image.open(paths[6])  # decoded only when its turn comes
    mix: list[PictureLike] = [
        paths[5],
        np.asarray(decoded(paths[0])),
        str(paths[3]),
        decoded(paths[0]),
        unread,
    ]
    for batch_images in (1, 2, 64):
        found = replace(embedder, batch_images=batch_images)(mix)
        assert found.files == (str(paths[5]), "image 1", str(paths[3]), "image 3", "image 4")
        torch.testing.assert_close(found.vectors, vectors[order], rtol=0, atol=1e-6)
    unread.close()


def test_paths_are_named_as_they_are_given(
    embedder: Embedder, paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(paths[0], tmp_path / "a b.jpg")
    monkeypatch.chdir(tmp_path)
    assert embedder(["./a b.jpg", Path("a b.jpg"), tmp_path / "a b.jpg"]).files == (
        "./a b.jpg",
        "a b.jpg",
        str(tmp_path / "a b.jpg"),
    )


def test_one_picture_may_come_alone(embedder: Embedder, paths: list[Path], vectors: torch.Tensor) -> None:
    image = decoded(paths[2])
    for alone, name in (
        (paths[2], str(paths[2])),
        (str(paths[2]), str(paths[2])),
        (image, "image 0"),
        (np.asarray(image), "image 0"),
    ):
        found = embedder(alone)
        assert found.files == (name,)
        torch.testing.assert_close(found.vectors, vectors[2:3], rtol=0, atol=1e-6)


def test_pictures_and_samples_are_taken_as_they_lie(
    embedder: Embedder, samples: Samples, vectors: torch.Tensor
) -> None:
    for pictures in (Pictures(samples.root, samples.files), samples):
        found = embedder(pictures)
        assert found.files == samples.files
        assert bits(found.vectors, vectors)


def test_a_generator_is_taken_once(embedder: Embedder, paths: list[Path], vectors: torch.Tensor) -> None:
    assert bits(embedder(decoded(path) for path in paths).vectors, vectors)


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA", "P", "1", "CMYK"])
def test_other_modes_are_read_as_from_disk(embedder: Embedder, paths: list[Path], tmp_path: Path, mode: str) -> None:
    path = tmp_path / "other.tif"
    decoded(paths[0]).convert(mode).save(path)
    image = decoded(path)
    assert image.mode == mode
    assert bits(embedder(path).vectors, embedder(image).vectors)
    if mode in ("L", "RGBA"):
        assert bits(embedder(path).vectors, embedder(np.asarray(image)).vectors)


def test_cut_outs_and_turned_pictures_are_read_as_from_disk(
    embedder: Embedder, paths: list[Path], tmp_path: Path
) -> None:
    cut_out = decoded(paths[0]).convert("RGBA")
    cut_out.putalpha(decoded(paths[1]).convert("L").resize(cut_out.size))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    cut_out.save(tmp_path / "turned.png", exif=exif)
    turned = decoded(tmp_path / "turned.png")
    upright = np.asarray(turned.transpose(Image.Transpose.ROTATE_270))
    found = embedder([tmp_path / "turned.png", turned, upright]).vectors
    assert bits(found[1], found[0])
    assert bits(found[2], found[0])


def test_the_pictures_of_the_user_are_left_as_they_are(embedder: Embedder, paths: list[Path]) -> None:
    array = np.asarray(decoded(paths[0])).copy()
    image = decoded(paths[0]).convert("P")
    image.info["transparency"] = 3
    before = array.copy(), image.tobytes(), dict(image.info), image.mode
    embedder([array, image])
    assert np.array_equal(array, before[0])
    assert (image.tobytes(), image.info, image.mode) == before[1:]


def test_an_array_may_lie_in_memory_as_it_likes(embedder: Embedder, paths: list[Path], vectors: torch.Tensor) -> None:
    array = np.asarray(decoded(paths[0]))
    mirrored = np.ascontiguousarray(array[:, ::-1])
    for other in (mirrored[:, ::-1], np.asfortranarray(array)):
        assert not other.flags.c_contiguous
        torch.testing.assert_close(embedder(other).vectors, vectors[:1], rtol=0, atol=1e-6)


# What vectors depend on, and what not


@pytest.mark.parametrize("batch_images", [1, 2, 3, 64])
def test_batches_do_not_matter(embedder: Embedder, paths: list[Path], vectors: torch.Tensor, batch_images: int) -> None:
    smaller = replace(embedder, batch_images=batch_images)
    torch.testing.assert_close(smaller(paths).vectors, vectors, rtol=0, atol=1e-6)
    torch.testing.assert_close(smaller(map(decoded, paths)).vectors, vectors, rtol=0, atol=1e-6)


def test_workers_do_not_matter(embedder: Embedder, paths: list[Path]) -> None:
    alone, together = (replace(embedder, batch_images=2, workers=workers)(paths) for workers in (0, 2))
    assert bits(alone.vectors, together.vectors)
    assert alone.files == together.files


def test_the_vectors_are_those_of_the_networks_loop(
    embedder: Embedder, samples: Samples, vectors: torch.Tensor
) -> None:
    loader = PlainLoader(samples, embedder.preprocessing)
    assert bits(embed(embedder.engine, loader), vectors)


def test_flipping_is_the_runs_choice_unless_it_is_made(paths: list[Path], vectors: torch.Tensor) -> None:
    assert Embedder.load("wardrobe", "cpu").engine.flip is True  # as in the recipe in its card
    plain = Embedder.load("wardrobe", "cpu", flip=False)
    found = plain(paths)
    assert not torch.allclose(found.vectors, vectors, atol=1e-4)
    assert found.made_with["flip"] == "False"


def made(folder: Path, about: About) -> Path:
    torch.manual_seed(4)
    network = Network(Backbone("test_resnet", height_px=32, width_px=16))
    save_bundle(folder, network, Preprocessing(32, 16), about)
    return folder


def test_the_bundle_says_flip_and_precision(paths: list[Path], tmp_path: Path) -> None:
    rough = Embedder.load(made(tmp_path / "rough", About(flip=False, precision="bf16-mixed")), "cpu")
    fine = Embedder.load(made(tmp_path / "fine", About(flip=False)), "cpu")
    assert (rough.engine.flip, rough.engine.precision) == (False, "bf16-mixed")
    assert (fine.engine.flip, fine.engine.precision) == (False, "32-true")
    assert Embedder.load(made(tmp_path / "bare", About()), "cpu").engine.flip is True
    one, other = rough(paths), fine(paths)
    assert one.made_with != other.made_with
    assert not torch.equal(one.vectors, other.vectors)
    assert torch.nn.functional.cosine_similarity(one.vectors, other.vectors).min() > 0.99


def test_what_made_them_goes_with_them(embedder: Embedder, paths: list[Path], tmp_path: Path) -> None:
    found = embedder(paths)
    assert found.made_with == embedder.made_with
    assert found.made_with["weights"] == load_bundle(Path("wardrobe")).weights_hash
    found.save(tmp_path / "people.safetensors")
    again = ccreid.Embeddings.load(tmp_path / "people.safetensors")
    assert bits(again.vectors, found.vectors)
    assert (again.files, again.made_with) == (found.files, found.made_with)


def test_the_tracker_hears_of_batches(embedder: Embedder, paths: list[Path]) -> None:
    heard = []

    def track(batches: Iterable[object], doing: str, count: int) -> Iterator[object]:
        heard.append((doing, count))
        yield from batches

    smaller = replace(embedder, batch_images=3)
    smaller(paths, track=track)
    smaller([decoded(path) for path in paths], track=track, doing="Looking")
    assert heard == [("Embedding", 3), ("Looking", 3)]


# What stays on disk


def test_no_pixels_are_kept_unless_told(
    paths: list[Path], vectors: torch.Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CCREID_CACHE", str(tmp_path / "users"))
    unasked = Embedder.load("wardrobe", "cpu")
    assert unasked.pixels is None
    unasked(paths)
    assert list(tmp_path.iterdir()) == []
    told = Embedder.load("wardrobe", "cpu", pixels=PixelCache(tmp_path / "kept" / "pixels", 10**9))
    assert bits(told(paths).vectors, vectors)
    kept = sum(path.stat().st_size for path in (tmp_path / "kept").rglob("*.pixels"))
    assert kept == 7 * 128 * 64 * 3
    told([decoded(path) for path in paths])  # in memory: nothing of it is kept
    assert sum(path.stat().st_size for path in (tmp_path / "kept").rglob("*.pixels")) == kept


# Where a bundle may lie


def test_a_bundle_is_its_folder_its_run_its_name_or_itself(
    embedder: Embedder, paths: list[Path], tmp_path: Path
) -> None:
    folder = made(tmp_path / "run" / "bundle", About())
    expected = Embedder.load(folder, "cpu")(paths).vectors
    for named in (str(folder), tmp_path / "run", str(tmp_path / "run"), load_bundle(folder)):
        assert bits(Embedder.load(named, "cpu")(paths).vectors, expected)
    with pytest.raises(ArtefactError, match="is no bundle") as refused:
        Embedder.load(tmp_path, "cpu")
    assert "bundle" in refused.value.mend


def test_a_device_that_is_not_here_is_refused() -> None:
    for device in ("cuda",) * (not torch.cuda.is_available()) + ("gpu",):
        with pytest.raises(SettingError, match=f"no device '{device}'") as refused:
            Embedder.load("wardrobe", device)  # type: ignore[arg-type]
        assert "cpu" in refused.value.mend


# What is refused


class Unnamed:
    """No picture."""


FINE = np.zeros((4, 2, 3), dtype=np.uint8)


@pytest.mark.parametrize("nothing", [[], (), iter(()), Pictures()])
def test_nothing_is_refused(embedder: Embedder, nothing: Any) -> None:
    with pytest.raises(DataError, match="no pictures to embed") as refused:
        embedder(nothing)
    assert refused.value.mend


@pytest.mark.parametrize(
    ("odd", "what"),
    [
        (FINE.astype(np.float32), r"array of shape \(4, 2, 3\) and dtype float32"),
        (FINE.astype(np.uint16), "dtype uint16"),
        (FINE[:, :, :2], r"shape \(4, 2, 2\) and dtype uint8"),
        (FINE[:, :, :1], r"shape \(4, 2, 1\)"),
        (FINE.transpose(2, 0, 1), r"shape \(3, 4, 2\)"),
        (FINE[None], r"shape \(1, 4, 2, 3\)"),
        (FINE[0, 0], r"shape \(3,\)"),
        (FINE[:0], r"shape \(0, 2, 3\)"),
        (np.array(["a.jpg"]), "dtype <U5"),
        (Image.new("RGB", (0, 3)), "0 x 3 pixels"),
        (torch.zeros(3, 4, 2), "of type Tensor"),
        (b"bytes", "of type bytes"),
        (None, "of type NoneType"),
        (Unnamed(), "of type Unnamed"),
    ],
)
def test_what_is_no_picture_is_named_by_its_place(embedder: Embedder, odd: Any, what: str) -> None:
    with pytest.raises(ImageError, match=f"^Image 2 is .*{what}") as refused:
        embedder([FINE, FINE, odd])
    assert refused.value.mend


@pytest.mark.parametrize(
    "odd", [FINE.astype(np.float32), FINE[None], 5, None, b"bytes", torch.zeros(2, 4, 2), Unnamed()]
)
def test_what_is_no_picture_alone_is_refused_too(embedder: Embedder, odd: Any) -> None:
    with pytest.raises(ImageError) as refused:
        embedder(odd)
    assert refused.value.mend


def test_a_path_that_leads_nowhere_is_said_before_anything_is_embedded(
    embedder: Embedder, paths: list[Path], tmp_path: Path
) -> None:
    def nothing_yet(batches: Iterable[object], _doing: str, _count: int) -> Iterable[object]:
        return pytest.fail("it began")

    for odd, why in (
        (tmp_path / "gone.jpg", "gone.jpg cannot be read: No such file"),
        (str(tmp_path), "is a folder"),
        ("", "is a folder"),  # the one we are in
        ("nul\0.jpg", "cannot be read: embedded null"),
        (f"{'long' * 100}.jpg", "cannot be read: File name too long"),
    ):
        with pytest.raises(ImageError, match=f"^Image 1, .*{why}") as refused:
            embedder([paths[0], odd], track=nothing_yet)
        assert refused.value.mend


def test_a_file_that_is_no_picture_is_named(embedder: Embedder, paths: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:500])
    for sound in (paths[0], FINE):
        with pytest.raises(ImageError, match=r"broken\.jpg cannot be read"):
            embedder([sound, broken])
    with pytest.raises(ImageError, match=r"gone\.jpg cannot be read"):
        embedder(Pictures(tmp_path, ("gone.jpg",)))


def test_a_picture_whose_file_was_closed_or_broken_is_named_by_its_place(
    embedder: Embedder, paths: list[Path], tmp_path: Path
) -> None:
    with Image.open(paths[0]) as closed:
        pass
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:1500])
    with Image.open(broken) as lazy:
        for odd in (closed, lazy):
            with pytest.raises(ImageError, match=r"^Image 1, a PIL image, cannot be read: \w+") as refused:
                embedder([FINE, odd])
            assert refused.value.mend
            assert isinstance(refused.value, CcreidError)


def test_embeddings_are_what_comes_of_it(embedder: Embedder, paths: list[Path]) -> None:
    found = embedder(paths)
    assert type(found) is Embeddings
    assert found.vectors.shape == (7, embedder.engine.dimension)
    assert found.vectors.dtype == torch.float32
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(7))
