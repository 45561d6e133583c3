"""Batches from disk: the same whatever the workers, resumable, and honest about pictures that cannot be read."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import pickle
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data._utils.pin_memory import pin_memory

import papers
from ccreid.data.augment import Augmentation
from ccreid.data.batch import Batch, PlainBatch
from ccreid.data.decode import read_image
from ccreid.data.given import PictureLike, given
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.errors import DataError, ImageError
from ccreid.vocabulary import Pictures, Samples

# Torch warns of more workers than cores.
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")

PREPROCESSING = Preprocessing(16, 8)
PEOPLE = np.array([7, 3, 3, 9, 7, 7, 9, 3, 12, 12, 3, 7, 12, 9, 9, 12, 3, 7, 9, 12, 7, 3])
TERMINATION = pytest.param(
    signal.SIGTERM,
    marks=pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="the sender of a signal is not known here"),
)
WORKERS = pytest.mark.parametrize("workers", [0, 2])


def make(root: Path) -> Samples:
    """One picture of noise for each of PEOPLE."""
    random = np.random.default_rng(11)
    files = tuple(f"{row:02}_of_{person}.png" for row, person in enumerate(PEOPLE))
    for file in files:
        Image.fromarray(random.integers(0, 256, (20, 10, 3), dtype=np.uint8)).save(root / file)
    return Samples(person=PEOPLE, root=root, files=files)


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Samples:
    """Not to be changed by a test."""
    return make(tmp_path_factory.mktemp("pictures"))


def trainer(samples: Samples, workers: int = 0, seed: int = 1, people: int = 2, images: int = 2) -> TrainLoader:
    sampler = IdentitySampler(samples.identities, people, images)
    return TrainLoader(samples, papers.augmentation(PREPROCESSING), sampler, seed=seed, workers=workers)


Numbered = Sequence[tuple[int, Batch]] | Sequence[tuple[int, PlainBatch]]


def assert_same(ones: Numbered, others: Numbered) -> None:
    assert [step for step, _ in ones] == [step for step, _ in others]
    for (_, one), (_, other) in zip(ones, others, strict=True):
        assert type(one) is type(other)
        assert all(map(torch.equal, one, other))


def failure(batches: Iterable[object]) -> tuple[int, ImageError]:
    """How many batches came, and why no more did."""
    received = 0
    try:
        for _ in batches:
            received += 1
    except ImageError as error:
        return received, error.with_traceback(None)  # which would keep the loader, and its workers, alive
    return pytest.fail("no picture was found unreadable")


def indices(epoch: list[tuple[int, Batch]]) -> list[list[int]]:
    return [batch.indices.tolist() for _, batch in epoch]


class TestTraining:
    @WORKERS
    def test_a_batch_holds_what_its_indices_say(self, samples: Samples, workers: int) -> None:
        epoch = list(trainer(samples, workers, people=3, images=2).epoch(0))
        assert [step for step, _ in epoch] == list(range(len(epoch)))
        labels = {3: 0, 7: 1, 9: 2, 12: 3}  # people in ascending order
        for _, batch in epoch:
            assert batch.images.shape == (6, 3, 16, 8)
            assert batch.images.dtype == torch.float32
            assert batch.identities.dtype == batch.indices.dtype == torch.int64
            assert batch.identities.tolist() == [labels[PEOPLE[row]] for row in batch.indices.tolist()]
            assert batch.identities.reshape(3, 2).unique(dim=1).shape == (3, 1)

    def test_the_images_are_those_of_their_rows(self, samples: Samples) -> None:
        still = Augmentation(PREPROCESSING, flip=0, padding_px=0, erasing=0, aspect="uniform")
        sampler = IdentitySampler(samples.identities, 2, 3)
        for _, batch in TrainLoader(samples, still, sampler, seed=0, workers=0).epoch(0):
            for image, row in zip(batch.images, batch.indices.tolist(), strict=True):
                assert torch.equal(image, PREPROCESSING(read_image(samples.path(row))))

    @pytest.mark.slow
    @pytest.mark.parametrize("how", ["spawn", "forkserver"])
    def test_workers_begin_afresh_where_they_are_no_copies(self, samples: Samples, how: str) -> None:
        """As on Windows and macOS, and from Python 3.14 on everywhere."""
        if how not in multiprocessing.get_all_start_methods():
            pytest.skip(f"no {how} here")
        before = multiprocessing.get_start_method()
        multiprocessing.set_start_method(how, force=True)
        try:
            assert_same(list(trainer(samples, 1).epoch(0)), list(trainer(samples, 0).epoch(0)))
        finally:
            multiprocessing.set_start_method(before, force=True)

    def test_the_workers_change_nothing(self, samples: Samples) -> None:
        alone, together = trainer(samples, 0), trainer(samples, 2)
        for epoch in (0, 1, 4):
            assert_same(list(together.epoch(epoch)), list(alone.epoch(epoch)))

    @WORKERS
    def test_resuming_gives_the_tail_of_the_epoch(self, samples: Samples, workers: int) -> None:
        whole = list(trainer(samples).epoch(3))
        assert len(whole) >= 4
        loader = trainer(samples, workers)
        for first in (0, 1, len(whole) - 1, len(whole)):
            assert_same(list(loader.epoch(3, first=first)), whole[first:])

    @WORKERS
    def test_an_epoch_that_was_left_early_leaves_nothing_behind(self, samples: Samples, workers: int) -> None:
        loader = trainer(samples, workers)
        broken = loader.epoch(0)
        next(broken)
        assert_same(list(loader.epoch(1)), list(trainer(samples).epoch(1)))
        del broken
        assert_same(list(loader.epoch(0)), list(trainer(samples).epoch(0)))

    def test_the_steps_are_counted_without_loading(self, samples: Samples) -> None:
        loader = trainer(samples)
        for epoch in range(4):
            assert loader.steps(epoch) == len(list(loader.epoch(epoch)))

    def test_epochs_differ_in_order_and_in_augmentation(self, samples: Samples) -> None:
        loader = trainer(samples)
        orders = {str(indices(list(loader.epoch(epoch)))) for epoch in range(6)}
        assert len(orders) == 6

        one = samples.select([0])
        epochs = [next(trainer(one, people=1, images=2).epoch(epoch))[1] for epoch in range(4)]
        pictures = {image.numpy().tobytes() for batch in epochs for image in batch.images}
        assert len(pictures) == 8  # one file, drawn twice an epoch: never twice the same picture

    def test_the_seed_decides(self, samples: Samples) -> None:
        assert_same(list(trainer(samples, seed=5).epoch(0)), list(trainer(samples, seed=5).epoch(0)))
        others = [list(trainer(samples, seed=seed).epoch(0)) for seed in range(5)]
        assert len({str(indices(epoch)) for epoch in others}) == 5

    def test_the_seed_decides_the_augmentation_too(self, samples: Samples) -> None:
        one = samples.select([0])
        pictures = {
            next(trainer(one, people=1, images=1, seed=seed).epoch(0))[1].images.numpy().tobytes() for seed in range(5)
        }
        assert len(pictures) == 5

    @WORKERS
    def test_the_global_generator_is_not_drawn_from(self, samples: Samples, workers: int) -> None:
        before = torch.get_rng_state()
        list(trainer(samples, workers).epoch(0))
        assert torch.equal(torch.get_rng_state(), before)

    @WORKERS
    def test_an_unreadable_picture_stops_the_epoch_with_its_name(self, tmp_path: Path, workers: int) -> None:
        samples = make(tmp_path)
        row = int(np.flatnonzero(PEOPLE == 9)[2])
        content = samples.path(row).read_bytes()
        samples.path(row).write_bytes(content[: len(content) // 2])
        loader = trainer(samples, workers, people=4, images=5)  # every person: the row cannot be missed
        _, error = failure(loader.epoch(0))
        assert type(error) is ImageError
        assert error.message.startswith(f"{samples.path(row)} cannot be read")
        assert "data.unreadable=skip" in error.mend
        assert "Traceback" not in str(error)
        assert "worker" not in str(error)

        samples.path(row).write_bytes(content)  # mended: the same loader goes on
        assert_same(list(loader.epoch(0)), list(trainer(samples, people=4, images=5).epoch(0)))

    @WORKERS
    def test_the_workers_go_with_their_loader(self, samples: Samples, workers: int) -> None:
        others = set(multiprocessing.active_children())
        gc.disable()  # it comes too late, and takes the workers' queues first
        try:
            loader = trainer(samples, workers)
            list(loader.epoch(0))
            assert len(set(multiprocessing.active_children()) - others) == workers
            del loader
            assert set(multiprocessing.active_children()) <= others
        finally:
            gc.enable()

    def test_the_workers_go_after_an_unreadable_picture_too(self, tmp_path: Path) -> None:
        samples = make(tmp_path)
        for row in range(len(samples)):
            samples.path(row).write_bytes(b"")
        others = set(multiprocessing.active_children())

        def fail() -> None:
            loader = trainer(samples, 2)
            with pytest.raises(ImageError):
                next(loader.epoch(0))
            assert len(set(multiprocessing.active_children()) - others) == 2

        gc.disable()
        try:
            fail()
            assert set(multiprocessing.active_children()) <= others
        finally:
            gc.enable()

    def test_a_worker_ends_when_its_parent_says(self, samples: Samples) -> None:
        # As multiprocessing does when the program ends; one that stayed would keep it from ending.
        loader, others = trainer(samples, 1), set(multiprocessing.active_children())
        epoch = loader.epoch(0)
        next(epoch)
        (worker,) = set(multiprocessing.active_children()) - others
        worker.terminate()
        worker.join(20)
        code = worker.exitcode
        worker.kill()  # lest a test that fails keep the tests from ending
        assert code == 0

    @pytest.mark.parametrize("number", [signal.SIGINT, TERMINATION])
    def test_a_signal_to_the_whole_job_leaves_the_workers_at_work(
        self, samples: Samples, number: signal.Signals
    ) -> None:
        # Ctrl-C, scancel and systemd signal the workers as well; the step must still be finished and saved. LanceDB
        # starts threads in whatever is forked, and a signal reaches any thread that does not let it wait.
        importlib.import_module("lancedb")
        expected = list(trainer(samples).epoch(0))
        assert len(expected) >= 5  # more than a worker fetches ahead
        loader, others = trainer(samples, 1), set(multiprocessing.active_children())
        epoch = loader.epoch(0)
        received = [next(epoch)]
        (worker,) = set(multiprocessing.active_children()) - others
        subprocess.run(["kill", f"-{int(number)}", str(worker.pid)], check=True)  # not from the parent
        received += list(epoch)
        assert worker.is_alive()
        assert_same(received, expected)


class TestPlain:
    @WORKERS
    def test_every_image_once_in_order(self, samples: Samples, workers: int) -> None:
        loader = PlainLoader(samples, PREPROCESSING, batch_images=5, workers=workers)
        batches = list(loader)
        assert [len(batch.indices) for batch in batches] == [5, 5, 5, 5, 2]
        assert len(loader) == 5
        assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(22))
        expected = torch.stack([PREPROCESSING(read_image(samples.path(row))) for row in range(22)])
        assert torch.equal(torch.cat([batch.images for batch in batches]), expected)

    @WORKERS
    def test_it_can_be_read_again(self, samples: Samples, workers: int) -> None:
        loader = PlainLoader(samples, PREPROCESSING, batch_images=8, workers=workers)
        next(iter(loader))
        assert_same(list(enumerate(loader)), list(enumerate(loader)))

    def test_a_whole_last_batch_and_a_batch_larger_than_the_set(self, samples: Samples) -> None:
        for batch_images, sizes in ((11, [11, 11]), (22, [22]), (64, [22])):
            loader = PlainLoader(samples, PREPROCESSING, batch_images=batch_images)
            assert [len(batch.images) for batch in loader] == sizes
            assert len(loader) == len(sizes)

    def test_it_needs_no_people(self, samples: Samples) -> None:
        loader = PlainLoader(Pictures(samples.root, samples.files), PREPROCESSING, batch_images=8)
        known = PlainLoader(samples, PREPROCESSING, batch_images=8)
        assert_same(list(enumerate(loader)), list(enumerate(known)))
        assert known.samples is samples
        with pytest.raises(DataError, match="is not known"):
            _ = loader.samples

    @WORKERS
    def test_pictures_in_memory_come_in_their_place(self, samples: Samples, workers: int) -> None:
        def picture(row: int) -> PictureLike:
            image = read_image(samples.path(row))
            return (samples.path(row), np.asarray(image), image)[row % 3]

        loader = PlainLoader(given(map(picture, range(22))), PREPROCESSING, batch_images=5, workers=workers)
        assert_same(list(enumerate(loader)), list(enumerate(PlainLoader(samples, PREPROCESSING, batch_images=5))))

    def test_no_images_no_batches(self, samples: Samples) -> None:
        loader = PlainLoader(samples.select([]), PREPROCESSING)
        assert len(loader) == 0
        assert list(loader) == []

    @WORKERS
    def test_an_unreadable_picture_is_named(self, tmp_path: Path, workers: int) -> None:
        samples = make(tmp_path)
        samples.path(20).write_text("no picture")
        received, error = failure(PlainLoader(samples, PREPROCESSING, batch_images=4, workers=workers))
        assert received == 5
        assert error.message.startswith(f"{samples.path(20)} cannot be read")
        assert "Traceback" not in str(error)

    @WORKERS
    def test_the_global_generator_is_not_drawn_from(self, samples: Samples, workers: int) -> None:
        before = torch.get_rng_state()
        list(PlainLoader(samples, PREPROCESSING, workers=workers))
        assert torch.equal(torch.get_rng_state(), before)


class TestDevice:
    def test_batches_come_on_the_device_that_was_asked_for(self, samples: Samples) -> None:
        device = torch.device("meta")
        sampler = IdentitySampler(samples.identities, 2, 2)
        _, trained = next(
            TrainLoader(samples, papers.augmentation(PREPROCESSING), sampler, seed=0, workers=0, device=device).epoch(0)
        )
        for batch in (trained, next(iter(PlainLoader(samples, PREPROCESSING, device=device)))):
            assert {field.device for field in batch} == {device}
            assert batch.images.dtype == torch.float32
            assert batch.images.is_contiguous(memory_format=torch.channels_last)

    def test_bytes_travel(self, samples: Samples) -> None:
        for loader in (PlainLoader(samples, PREPROCESSING), PlainLoader(samples, PREPROCESSING, workers=1)):
            ((made, _),) = loader._batches._made
            assert made.pixels.shape == (22, 16, 8, 3)
            assert made.pixels.dtype == torch.uint8

    def test_a_graphics_card_fetches_by_itself_and_nothing_gets_lost(
        self, samples: Samples, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert not PlainLoader(samples, PREPROCESSING)._batches._made.pin_memory
        loader = PlainLoader(samples, PREPROCESSING, device=torch.device("cuda"))
        assert loader._batches._made.pin_memory

        # Without a card torch does not pin; what it would do to a batch on the way is tried with copies.
        monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
        pictures: Any = trainer(samples, seed=3)._batches._made.dataset
        made, complaints = pictures.__getitems__([(row, row) for row in range(20)])
        assert made.holes
        pinned, pinned_complaints = pin_memory((made, ("a complaint",)))
        assert complaints == ()
        assert list(pinned_complaints) == ["a complaint"]
        assert pinned.holes == made.holes
        for one, other in ((pinned.pixels, made.pixels), (pinned.indices, made.indices)):
            assert torch.equal(one, other)
        assert pin_memory((ImageError("broken", "mend"), ()))[0].message == "broken"


class TestBatch:
    def test_it_moves_to_a_device_as_a_whole(self) -> None:
        images = torch.ones(2, 3, 4, 4)
        for batch in (Batch(images, torch.tensor([0, 1]), torch.tensor([5, 6])), PlainBatch(images, torch.arange(2))):
            moved = batch.to(torch.device("meta"))
            assert type(moved) is type(batch)
            assert {field.device.type for field in moved} == {"meta"}
            assert [field.shape for field in moved] == [field.shape for field in batch]

    def test_an_image_error_survives_the_way_from_a_worker(self) -> None:
        error = pickle.loads(pickle.dumps(ImageError("a.jpg cannot be read.", "Replace it.")))
        assert (type(error), error.message, error.mend) == (ImageError, "a.jpg cannot be read.", "Replace it.")
