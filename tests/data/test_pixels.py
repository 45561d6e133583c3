"""Cached pixels: the same as decoded ones whatever befalls the cache, and never more than allowed."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import pwd
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import PIL
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

import papers
from ccreid.data import loaders, pixels
from ccreid.data.augment import Augmentation
from ccreid.data.decode import content_of, read_image
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.pixels import PixelCache, Pixels, users_cache
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.errors import ImageError
from ccreid.vocabulary import Samples

# Torch warns of more workers than cores.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

PREPROCESSING = Preprocessing(24, 12)
PICTURE_BYTES = 24 * 12 * 3
COUNT = 8
WORKERS = pytest.mark.parametrize("workers", [0, 2])


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files just made count as left alone, and every warning is said again."""
    monkeypatch.setattr(pixels, "SETTLED_NS", 0)
    loaders._say_once.cache_clear()


@pytest.fixture
def samples(tmp_path: Path) -> Samples:
    draws = np.random.default_rng(3)
    files = tuple(f"{row}.jpg" for row in range(COUNT))
    (tmp_path / "images").mkdir()
    for file in files:
        noise = draws.integers(0, 256, (31, 17, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "images" / file)
    return Samples(person=np.arange(COUNT) // 2, root=tmp_path / "images", files=files)


@pytest.fixture
def cache(tmp_path: Path) -> PixelCache:
    return PixelCache(tmp_path / "cache" / "pixels", 10**8)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that this process decodes."""
    found: list[Path] = []

    def read(path: Path, content: bytes | None = None) -> Image.Image:
        found.append(path)
        return read_image(path, content)

    monkeypatch.setattr(pixels, "read_image", read)
    return found


def paths(samples: Samples) -> list[Path]:
    return [samples.path(row) for row in range(len(samples))]


def read_all(samples: Samples, cache: PixelCache | None, reader: Pixels | None = None) -> list[str]:
    """Read every picture and compare; gives the complaints."""
    reader = reader or Pixels(PREPROCESSING, cache)
    for path in paths(samples):
        np.testing.assert_array_equal(reader.read(path), PREPROCESSING.pixels(read_image(path)))
    complaints, reader.complaints = reader.complaints, []
    return complaints


def files_of(cache: PixelCache, kind: str) -> list[Path]:
    return sorted(cache.folder.rglob(f"*.{kind}"))


def held_bytes(cache: PixelCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.rglob("*") if path.is_file())


def plain(samples: Samples, cache: PixelCache | None, workers: int = 0) -> PlainLoader:
    return PlainLoader(samples, PREPROCESSING, batch_images=3, workers=workers, cache=cache)


def trainer(samples: Samples, cache: PixelCache | None, workers: int = 0) -> TrainLoader:
    sampler = IdentitySampler(samples.identities, 2, 2)
    return TrainLoader(samples, papers.augmentation(PREPROCESSING), sampler, seed=1, workers=workers, cache=cache)


class TestSameBatches:
    @WORKERS
    def test_plain_batches_are_bit_identical_from_the_first_pass_on(
        self, samples: Samples, cache: PixelCache, workers: int
    ) -> None:
        expected = torch.stack([_oracle(PREPROCESSING)(read_image(path)) for path in paths(samples)])
        for of_cache in (None, cache):
            loader = plain(samples, of_cache, workers)
            for _ in range(3):
                assert torch.equal(torch.cat([batch.images for batch in loader]), expected)

    @WORKERS
    def test_train_batches_are_bit_identical_from_the_first_pass_on(
        self, samples: Samples, cache: PixelCache, workers: int
    ) -> None:
        cached, bare = trainer(samples, cache, workers), trainer(samples, None)
        for epoch in (0, 1, 0):
            for (_, one), (_, other) in zip(cached.epoch(epoch), bare.epoch(epoch), strict=True):
                assert torch.equal(one.images, other.images)
                assert torch.equal(one.indices, other.indices)

    def test_the_second_pass_decodes_nothing(self, samples: Samples, cache: PixelCache, decoded: list[Path]) -> None:
        list(plain(samples, cache))
        assert len(decoded) == COUNT
        loader = plain(samples, cache)
        list(loader)
        list(trainer(samples, cache).epoch(0))
        assert len(decoded) == COUNT

    @WORKERS
    def test_channels_are_innermost(self, samples: Samples, cache: PixelCache, workers: int) -> None:
        for batch in (next(iter(plain(samples, cache, workers))), next(trainer(samples, cache, workers).epoch(0))[1]):
            assert batch.images.is_contiguous(memory_format=torch.channels_last)

    @WORKERS
    def test_an_unreadable_picture_is_the_same_error(self, samples: Samples, cache: PixelCache, workers: int) -> None:
        samples.path(5).write_bytes(samples.path(5).read_bytes()[:300])
        errors = []
        for of_cache in (None, cache, cache):
            with pytest.raises(ImageError) as caught:
                list(plain(samples, of_cache, workers))
            errors.append((caught.value.message, caught.value.mend))
        assert errors[0] == errors[1] == errors[2]

    @pytest.mark.parametrize("how", ["missing", "folder", "text"])
    def test_what_is_no_picture_is_the_same_error(self, samples: Samples, cache: PixelCache, how: str) -> None:
        path = samples.path(2)
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "text":
            path.write_text("no picture")
        errors = []
        for of_cache in (None, cache):
            with pytest.raises(ImageError) as caught:
                Pixels(PREPROCESSING, of_cache).read(path)
            errors.append((caught.value.message, caught.value.mend))
        assert errors[0] == errors[1]


def _oracle(preprocessing: Preprocessing, augmentation: Augmentation | None = None) -> v2.Compose:
    """Torchvision's own transforms from picture to tensor."""
    size = (preprocessing.height_px, preprocessing.width_px)
    resize = v2.Resize(size, interpolation=v2.InterpolationMode.BILINEAR, antialias=True)
    normalised = [
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(preprocessing.mean, preprocessing.std),
    ]
    if augmentation is None:
        return v2.Compose([resize, *normalised])
    return v2.Compose(
        [
            resize,
            v2.RandomHorizontalFlip(augmentation.flip),
            v2.Pad(augmentation.padding_px),
            v2.RandomCrop(size),
            *normalised,
            v2.RandomErasing(augmentation.erasing, scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3), value=0),
        ]
    )


class TestTorchvisionIsTheOracle:
    @pytest.mark.parametrize("size", [(24, 12), (31, 17), (384, 192), (5, 40), (1, 1)])
    def test_every_shade_of_the_test_transform(self, size: tuple[int, int]) -> None:
        shades = np.arange(256, dtype=np.uint8)
        picture = np.stack([shades, shades[::-1], np.roll(shades, 7)], axis=-1).reshape(16, 16, 3)
        for image in (Image.fromarray(picture), Image.fromarray(np.tile(picture, (20, 9, 1)))):
            preprocessing = Preprocessing(*size)
            assert torch.equal(preprocessing(image), _oracle(preprocessing)(image))

    @pytest.mark.parametrize(
        "steps",
        [
            {},
            {"flip": 1.0},
            {"flip": 0.0, "erasing": 1.0},
            {"padding_px": 0},
            {"padding_px": 40, "erasing": 0.9},
            {"flip": 0.3, "padding_px": 1, "erasing": 0.2},
        ],
    )
    @pytest.mark.parametrize("size", [(24, 12), (16, 8), (3, 2)])
    def test_training_over_many_seeds(self, steps: dict[str, Any], size: tuple[int, int]) -> None:
        image = Image.fromarray(np.random.default_rng(5).integers(0, 256, (31, 17, 3), dtype=np.uint8))
        augmentation = papers.augmentation(Preprocessing(*size), aspect="log-uniform", **steps)
        oracle = _oracle(augmentation.preprocessing, augmentation)
        seeds = [*range(150), 2**63 - 1]
        resized = augmentation.preprocessing.pixels(image)
        batch = augmentation.batch([resized] * len(seeds), seeds)
        for ours, seed in zip(batch, seeds, strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                assert torch.equal(ours, oracle(image))


class TestChangedImages:
    @pytest.mark.parametrize("settled", [0, 10**18])
    def test_a_replaced_image_never_gives_old_pixels(
        self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch, settled: int
    ) -> None:
        monkeypatch.setattr(pixels, "SETTLED_NS", settled)
        read_all(samples, cache)
        reader = Pixels(PREPROCESSING, cache)
        read_all(samples, cache, reader)
        time.sleep(0.05)  # more than a tick of the file system's clock
        one, other = samples.path(0), samples.path(1)
        before, content = one.stat(), other.read_bytes()
        one.write_bytes(
            content.ljust(before.st_size, b"\0")[: before.st_size] if len(content) < before.st_size else content
        )
        os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps the times
        assert read_all(samples, cache, reader) == []
        assert read_all(samples, cache) == []

    def test_the_same_content_elsewhere_is_not_decoded_again(
        self, samples: Samples, cache: PixelCache, decoded: list[Path], tmp_path: Path
    ) -> None:
        read_all(samples, cache)
        copy = tmp_path / "copy.jpg"
        copy.write_bytes(samples.path(3).read_bytes())
        again = Pixels(PREPROCESSING, cache)
        np.testing.assert_array_equal(again.read(copy), again.read(samples.path(3)))
        assert len(decoded) == COUNT

    def test_a_known_file_is_not_even_read(
        self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read_all(samples, cache)
        monkeypatch.setattr(Path, "read_bytes", lambda _path: pytest.fail("the file was read"))
        reader = Pixels(PREPROCESSING, cache)
        for path in paths(samples):
            reader.read(path)

    def test_a_file_changed_a_moment_ago_is_read_every_time(
        self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch, decoded: list[Path]
    ) -> None:
        monkeypatch.setattr(pixels, "SETTLED_NS", 10**18)
        read_all(samples, cache)
        read: list[Path] = []

        def noted(path: Path) -> bytes:
            read.append(path)
            return content_of(path)

        monkeypatch.setattr(pixels, "content_of", noted)
        read_all(samples, cache)
        assert read == paths(samples)
        assert len(decoded) == COUNT

    def test_sizes_are_kept_apart(self, samples: Samples, cache: PixelCache) -> None:
        for size in ((24, 12), (12, 24), (24, 13)):
            preprocessing = Preprocessing(*size)
            for _ in range(2):
                reader = Pixels(preprocessing, cache)
                for path in paths(samples):
                    np.testing.assert_array_equal(reader.read(path), preprocessing.pixels(read_image(path)))


class TestBound:
    def test_it_is_not_passed_and_said_once(
        self, samples: Samples, cache: PixelCache, caplog: pytest.LogCaptureFixture
    ) -> None:
        small = PixelCache(cache.folder, 3 * PICTURE_BYTES + 500)
        bare = [batch.images for batch in plain(samples, None)]
        for _ in range(3):
            for ours, expected in zip(plain(samples, small), bare, strict=True):
                assert torch.equal(ours.images, expected)
        assert 2 * PICTURE_BYTES < held_bytes(small) <= small.max_bytes
        (record,) = caplog.records
        assert "data.cache_gb" in record.message

    def test_all_sizes_count_together(self, samples: Samples, cache: PixelCache) -> None:
        small = PixelCache(cache.folder, 3 * PICTURE_BYTES + 500)
        read_all(samples, small)
        Pixels(Preprocessing(8, 4), small).read(samples.path(0))
        assert held_bytes(small) <= small.max_bytes

    def test_the_disk_is_not_filled(self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = SimpleNamespace(free=pixels.FREE_BYTES + PICTURE_BYTES)
        monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
        (complaint,) = read_all(samples, cache)
        assert "GB of the disk free" in complaint
        assert held_bytes(cache) == 0


class TestDamage:
    def test_a_corrupt_picture_is_made_anew(self, samples: Samples, cache: PixelCache, decoded: list[Path]) -> None:
        read_all(samples, cache)
        (path,) = files_of(cache, "pixels")
        content = bytearray(path.read_bytes())
        content[2 * PICTURE_BYTES + 11] ^= 1
        path.write_bytes(content)
        (complaint,) = read_all(samples, cache)
        assert "made anew" in complaint
        assert read_all(samples, cache) == []  # those read before the damage was met come back in this pass
        decoded.clear()
        assert read_all(samples, cache) == []
        assert decoded == []

    @pytest.mark.parametrize("kept", [0, 1, PICTURE_BYTES * 3 + 7])
    def test_truncated_pixels_are_made_anew(
        self, samples: Samples, cache: PixelCache, kept: int, decoded: list[Path]
    ) -> None:
        read_all(samples, cache)
        (path,) = files_of(cache, "pixels")
        os.truncate(path, kept)
        (complaint,) = read_all(samples, cache)
        assert "made anew" in complaint
        assert read_all(samples, cache) == []  # those read before the damage was met come back in this pass
        decoded.clear()
        assert read_all(samples, cache) == []
        assert decoded == []

    def test_a_half_written_record_is_passed_over(
        self, samples: Samples, cache: PixelCache, decoded: list[Path]
    ) -> None:
        read_all(samples, cache)
        (path,) = files_of(cache, "index")
        os.truncate(path, path.stat().st_size - 5)
        decoded.clear()
        assert read_all(samples, cache) == []
        assert decoded == [samples.path(COUNT - 1)]
        assert read_all(samples, cache) == []
        assert len(decoded) == 1

    @pytest.mark.parametrize("place", [3, pixels.HEADER_BYTES + 20])
    def test_another_version_or_a_corrupt_index_is_made_anew(
        self, samples: Samples, cache: PixelCache, place: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        read_all(samples, cache)
        (path,) = files_of(cache, "index")
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
        expected = [batch.images for batch in plain(samples, None)]
        for _ in range(2):
            for ours, other in zip(plain(samples, cache), expected, strict=True):
                assert torch.equal(ours.images, other)
        (record,) = caplog.records
        assert "made anew" in record.message
        assert path not in files_of(cache, "index")
        assert read_all(samples, cache) == []

    @pytest.mark.parametrize(
        ("where", "what", "value"), [(PIL, "__version__", "0.1"), (pixels, "RULE", 1)], ids=["another Pillow", "rule"]
    )
    def test_another_way_of_decoding_is_another_version(
        self,
        samples: Samples,
        cache: PixelCache,
        monkeypatch: pytest.MonkeyPatch,
        where: object,
        what: str,
        value: object,
    ) -> None:
        read_all(samples, cache)
        pixels._header.cache_clear()
        monkeypatch.setattr(where, what, value)
        try:
            (complaint,) = read_all(samples, cache)
        finally:
            pixels._header.cache_clear()
        assert "another version" in complaint

    def test_the_header_has_room_for_all_that_it_says(self) -> None:
        assert pixels._header((4096, 4096)).endswith(b" ")

    def test_pixels_without_an_index_are_deleted(self, samples: Samples, cache: PixelCache) -> None:
        read_all(samples, cache)
        (path,) = files_of(cache, "index")
        path.unlink()
        assert read_all(samples, cache) == []
        assert len(files_of(cache, "pixels")) == 1

    def test_a_listing_that_misses_an_index_deletes_nothing(
        self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Files that come while a folder is listed may show or not, each for itself.
        read_all(samples, cache)
        before, whole = files_of(cache, "pixels"), os.scandir

        @contextmanager
        def without_indexes(folder: Path) -> Iterator[list[os.DirEntry[str]]]:
            with whole(folder) as entries:
                yield [entry for entry in entries if not entry.name.endswith(".index")]

        monkeypatch.setattr(os, "scandir", without_indexes)
        reader = Pixels(PREPROCESSING, cache)
        reader.read(samples.path(0))
        monkeypatch.undo()
        assert set(before) <= set(files_of(cache, "pixels"))
        assert read_all(samples, cache, reader) == []

    def test_a_file_among_the_folders_is_left_alone(self, samples: Samples, cache: PixelCache) -> None:
        cache.folder.mkdir(parents=True)
        (cache.folder / ".DS_Store").write_text("of a file manager")
        assert read_all(samples, cache) == []
        assert len(files_of(cache, "pixels")) == 1
        assert (cache.folder / ".DS_Store").exists()

    def test_a_cache_deleted_under_way_harms_nothing(self, samples: Samples, cache: PixelCache) -> None:
        reader = Pixels(PREPROCESSING, cache)
        read_all(samples.select(range(4)), cache, reader)
        for path in sorted(cache.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        assert len(read_all(samples, cache, reader)) <= 2
        assert read_all(samples, cache) == []


class TestStorage:
    @WORKERS
    def test_a_full_disk_is_said_once(
        self,
        samples: Samples,
        cache: PixelCache,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        workers: int,
    ) -> None:
        write = pixels._write

        def write_until_full(file: FileIO, content: bytes | memoryview) -> None:
            if len(content) == PICTURE_BYTES and held_bytes(cache) > 3 * PICTURE_BYTES:
                file.write(content[:100])
                raise OSError(28, "No space left on device")
            write(file, content)

        monkeypatch.setattr(pixels, "_write", write_until_full)
        expected = torch.cat([batch.images for batch in plain(samples, None)])
        loader = plain(samples, cache, workers)
        for _ in range(3):
            assert torch.equal(torch.cat([batch.images for batch in loader]), expected)
        (record,) = caplog.records
        assert "No space left on device" in record.message
        assert read_all(samples, cache)  # what was kept is right

    def test_a_write_that_falls_short_is_a_full_disk(self, tmp_path: Path) -> None:
        class Short(FileIO):
            def write(self, content: Any, /) -> int:
                return super().write(content) - 1

        with Short(tmp_path / "full", "w") as file, pytest.raises(OSError, match="no space left"):
            pixels._write(file, b"abc")

    def test_a_folder_that_cannot_be_made_is_said_once(
        self, samples: Samples, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        (tmp_path / "file").write_text("in the way")
        blocked = PixelCache(tmp_path / "file" / "pixels", 10**8)
        expected = torch.cat([batch.images for batch in plain(samples, None)])
        for _ in range(2):
            assert torch.equal(torch.cat([batch.images for batch in plain(samples, blocked)]), expected)
        (record,) = caplog.records
        assert "cannot be written" in record.message

    def test_an_unwritable_folder_is_still_read(
        self, samples: Samples, cache: PixelCache, monkeypatch: pytest.MonkeyPatch, decoded: list[Path]
    ) -> None:
        read_all(samples.select(range(4)), cache)

        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(pixels, "_created", refuse)
        decoded.clear()
        (complaint,) = read_all(samples, cache)
        assert "Permission denied" in complaint
        assert len(decoded) == COUNT - 4

    def test_it_is_for_its_owner_alone(self, samples: Samples, cache: PixelCache) -> None:
        read_all(samples, cache)
        for path in (cache.folder.parent, cache.folder, *cache.folder.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path


class TestProcesses:
    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_several_fill_it_at_once(
        self, samples: Samples, cache: PixelCache, method: str, decoded: list[Path]
    ) -> None:
        if method not in multiprocessing.get_all_start_methods():
            pytest.skip(f"no {method} here")
        context: Any = multiprocessing.get_context(method)  # any but the abstract one has a Process
        reader = Pixels(PREPROCESSING, cache)
        reader.read(samples.path(0))  # open before it is handed on
        processes = [context.Process(target=_fill, args=(reader, paths(samples), seed)) for seed in range(3)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)
            assert process.exitcode == 0
        decoded.clear()
        assert read_all(samples, cache) == []
        assert decoded == []

    def test_what_another_writes_meanwhile_is_found(
        self, samples: Samples, cache: PixelCache, decoded: list[Path]
    ) -> None:
        one, other = Pixels(PREPROCESSING, cache), Pixels(PREPROCESSING, cache)
        for path in paths(samples):
            for reader in (one, other):
                np.testing.assert_array_equal(reader.read(path), PREPROCESSING.pixels(read_image(path)))
        assert len(decoded) == COUNT
        assert len(files_of(cache, "index")) == 1

    def test_it_travels_without_its_files(self, samples: Samples, cache: PixelCache) -> None:
        reader = Pixels(PREPROCESSING, cache)
        read_all(samples, cache, reader)
        assert read_all(samples, cache, pickle.loads(pickle.dumps(reader))) == []

    def test_pixels_outlive_what_they_were_read_with(self, samples: Samples, cache: PixelCache) -> None:
        reader = Pixels(PREPROCESSING, cache)
        read_all(samples, cache, reader)
        kept = [reader.read(path) for path in paths(samples)]
        del reader
        for path, one in zip(paths(samples), kept, strict=True):
            assert not one.flags.writeable
            np.testing.assert_array_equal(one, PREPROCESSING.pixels(read_image(path)))


def _fill(reader: Pixels, files: list[Path], seed: int) -> None:
    for place in np.random.default_rng(seed).permutation(len(files) * 3):
        path = files[place % len(files)]
        if not np.array_equal(reader.read(path), PREPROCESSING.pixels(read_image(path))):
            raise SystemExit(3)
    if reader.complaints:
        raise SystemExit(4)


class TestPlace:
    def test_the_variable_names_it(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("CCREID_CACHE", str(tmp_path / "there"))
        assert users_cache(2.5) == PixelCache(tmp_path / "there" / "pixels", 2_500_000_000)

    def test_else_the_users_folder_for_caches(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("CCREID_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
        assert users_cache(1) == PixelCache(tmp_path / "caches" / "ccreid" / "pixels", 10**9)
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert users_cache(1) == PixelCache(tmp_path / "home" / ".cache" / "ccreid" / "pixels", 10**9)

    @pytest.mark.parametrize("variables", [{}, {"CCREID_CACHE": "~nobody.of.this.name/x"}, {"XDG_CACHE_HOME": "~/x"}])
    def test_without_a_home_nothing_is_kept_and_nothing_ends(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str]
    ) -> None:
        def nobody(_user: object) -> None:
            raise KeyError

        for name in ("HOME", "USERPROFILE", "CCREID_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(pwd, "getpwuid", nobody)
        assert users_cache(8) is None
        (record,) = caplog.records
        assert "CCREID_CACHE" in record.message

    def test_none_is_kept_where_none_is_wanted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert users_cache(0) is None
        monkeypatch.setenv("CCREID_CACHE", "off")
        assert users_cache(8) is None
