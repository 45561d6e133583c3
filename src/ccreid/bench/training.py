"""What FIRe² adds to a training step and to an epoch, and what the machine's settings take off."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import torch
from PIL import Image

from ccreid.bench.input import augmented
from ccreid.bench.measure import Measured, rounds
from ccreid.data.batch import Batch
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.errors import SettingError
from ccreid.machine.devices import Precision, default_workers, launch, require_compiler
from ccreid.machine.seeds import generator, seeded
from ccreid.methods import Draws, Fire2, SharedBatch, Terms
from ccreid.methods.fire2 import Attributes, discover_attributes
from ccreid.model.backbone import Backbone
from ccreid.model.embedding import embed
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.recipe.settings import BaselineSettings, Fire2Settings, MethodSettings, MiningSettings, TrainingSettings
from ccreid.runs.methods import make_method, mining_of
from ccreid.training.optimizer import Optimizer
from ccreid.vocabulary import Samples

IDENTITIES, ATTRIBUTES_EACH, IMAGES_EACH = 150, 4, 16
"""Of the made-up train set that batches are drawn from."""

PEOPLE = Samples(np.arange(IDENTITIES), files=("",) * IDENTITIES)
BASELINE, FIRE2 = BaselineSettings(), Fire2Settings()
AFTER_WARM_UP = FIRE2.after_epoch
"""An epoch with all terms."""
STEP_BOUND, MINING_BOUND = 1.08, 1.10


@dataclass(frozen=True)
class Size:
    """What is trained, on how much."""

    backbone: str
    height_px: int
    width_px: int
    people: int
    images: int
    mined_people: int
    mined_images: int
    steps_from_disk: int

    @property
    def batch_images(self) -> int:
        """Images a step."""
        return self.people * self.images

    def __str__(self) -> str:
        return f"{self.backbone}, {self.height_px} x {self.width_px}"


FULL = Size("resnet50", 256, 128, people=8, images=4, mined_people=2, mined_images=36, steps_from_disk=2)
QUICK = Size("test_resnet", 64, 32, people=2, images=4, mined_people=2, mined_images=12, steps_from_disk=2)


def measure(*, quick: bool) -> Iterator[Measured]:
    """The step over the baseline's, mining over the forward pass, every setting of the machine, steps from disk."""
    size = QUICK if quick else FULL
    yield _step(size, quick=quick)
    yield _mining(size, quick=quick)
    yield from _settings(size, quick=quick)
    yield _from_disk(size, quick=quick)


class Trainer:
    """Makes steps as the training loop does, on batches that are there already."""

    def __init__(
        self,
        size: Size,
        settings: MethodSettings,
        *,
        precision: Precision = "32-true",
        memory_format: torch.memory_format = torch.channels_last,
        compiled: bool = False,
    ) -> None:
        fabric = launch("cpu", precision)
        with seeded(0):
            backbone = Backbone(
                size.backbone,
                height_px=size.height_px,
                width_px=size.width_px,
                last_stride=1,
            )
            backbone.lay_out(memory_format)
            if compiled:
                backbone.compile_training()
            method = make_method(settings, Network(backbone), PEOPLE)
            if isinstance(method, Fire2):
                method.assign(_attributes(method.network.dimension))
        training = TrainingSettings()
        self.optimizer = Optimizer(method, fabric, training.weight_decay)
        self.optimizer.set_rate(AFTER_WARM_UP, training.learning_rate)
        self._compute = cast(Callable[[Batch, Draws], Terms], fabric.setup_module(SharedBatch(method)))

    def step(self, batch: Batch) -> None:
        """Forward, backward, Adam."""
        self.optimizer.accumulate(self._compute(batch, Draws(0, AFTER_WARM_UP)).total)
        self.optimizer.step()


def _step(size: Size, *, quick: bool) -> Measured:
    batch = _batch(size, size.people)
    fire, baseline = Trainer(size, FIRE2), Trainer(size, BASELINE)
    timings = rounds({"FIRe²": partial(fire.step, batch), "baseline": partial(baseline.step, batch)}, quick=quick)
    return Measured(
        f"step of FIRe² over identity and triplet loss alone, {size}, {size.batch_images} images",
        timings.ratio("FIRe²", over="baseline"),
        bound=None if quick else STEP_BOUND,
        seconds=timings.medians,
        note=f"{IDENTITIES} identities, {IDENTITIES * ATTRIBUTES_EACH} attributes; forward, backward and Adam",
    )


def _mining(size: Size, *, quick: bool) -> Measured:
    network = Network(Backbone(size.backbone, height_px=size.height_px, width_px=size.width_px))
    count = size.mined_people * size.mined_images
    identities = torch.arange(size.mined_people).repeat_interleave(size.mined_images)
    images = torch.randn(count, 3, size.height_px, size.width_px, generator=generator(0, "mined"))
    whole = Batch(images, identities, torch.arange(count))
    batches = [
        Batch(*parts) for parts in zip(*(torch.split(column, size.mined_images) for column in whole), strict=True)
    ]

    def mine() -> None:
        embeddings = embed(TorchEngine(network, flip=False), cast(PlainLoader, batches))
        discover_attributes(embeddings, identities, mining_of(MiningSettings()))

    @torch.inference_mode()
    def forward() -> None:
        network.eval()
        for batch in batches:
            network(batch.images)

    timings = rounds({"mining": mine, "forward": forward}, quick=quick)
    return Measured(
        f"mining over the forward pass, {size}, {count} images, {size.mined_images} a person",
        timings.ratio("mining", over="forward"),
        bound=None if quick else MINING_BOUND,
        seconds=timings.medians,
        note="embedding and clustering over the network alone, from the same batches in memory",
    )


def _settings(size: Size, *, quick: bool) -> Iterator[Measured]:
    """On half a batch: these are ratios of the same work."""
    batch = _batch(size, size.people // 2)
    trainers = {
        "float32, channels-last": Trainer(size, FIRE2),
        "contiguous": Trainer(size, FIRE2, memory_format=torch.contiguous_format),
        "bf16-mixed": Trainer(size, FIRE2, precision="bf16-mixed"),
    }
    without_compiler, first_seconds = _why_nothing_compiles(quick=quick), 0.0
    if without_compiler is None:
        trainers["compiled"] = Trainer(size, FIRE2, compiled=True)
        started = time.perf_counter()
        trainers["compiled"].step(batch)
        first_seconds = time.perf_counter() - started
    timings = rounds({name: partial(trainer.step, batch) for name, trainer in trainers.items()}, quick=quick)
    standard = "float32, channels-last"

    def row(what: str, variant: str, over: str, note: str = "") -> Measured:
        seconds = {name: timings.medians[name] for name in (variant, over)}
        what = f"{what}, {size}, {len(batch.images)} images"
        return Measured(what, timings.ratio(variant, over=over), seconds=seconds, note=note)

    yield row("step with channels-last over contiguous", standard, "contiguous")
    yield row("step with bf16-mixed over 32-true", "bf16-mixed", standard, without_compiler or "")
    if without_compiler is None:
        compiling = f"the first step, which compiles, took {first_seconds:.0f} s"
        yield row("step with compile over without", "compiled", standard, compiling)


def _why_nothing_compiles(*, quick: bool) -> str | None:
    if quick:
        return "compile is not measured in a quick run"
    try:
        require_compiler(torch.device("cpu"))
    except SettingError as error:
        return f"compile is not measured: {error.message}"
    return None


def _from_disk(size: Size, *, quick: bool) -> Measured:
    people, workers = max(2, size.people // 4), 0 if quick else default_workers()
    with tempfile.TemporaryDirectory() as folder:
        samples = _written(Path(folder), size, people * size.steps_from_disk)
        preprocessing = Preprocessing(size.height_px, size.width_px)
        loader = TrainLoader(
            samples,
            augmented(preprocessing),
            IdentitySampler(samples.identities, people, size.images),
            seed=0,
            workers=workers,
        )
        trainer, batch, epochs = Trainer(size, BASELINE), _batch(size, people), iter(range(2**20))
        steps = min(size.steps_from_disk, loader.steps(0))

        def from_disk() -> None:
            for _, drawn in islice(loader.epoch(next(epochs)), steps):
                trainer.step(drawn)

        def from_memory() -> None:
            for _ in range(steps):
                trainer.step(batch)

        timings = rounds({"from disk": from_disk, "from memory": from_memory}, quick=quick)
    return Measured(
        f"steps from JPEG files over steps from memory, {size}, {len(batch.images)} images",
        timings.ratio("from disk", over="from memory"),
        seconds=timings.medians,
        note=f"{steps} steps of an epoch, which begins with nothing decoded; {workers} decoding processes",
    )


def _attributes(dimension: int) -> Attributes:
    """Images of each identity take turns in its attributes."""
    of_identity = torch.arange(IMAGES_EACH) % ATTRIBUTES_EACH
    of_image = (torch.arange(IDENTITIES)[:, None] * ATTRIBUTES_EACH + of_identity).flatten()
    owners = torch.arange(IDENTITIES).repeat_interleave(ATTRIBUTES_EACH)
    return Attributes(of_image, owners, torch.randn(len(owners), dimension, generator=generator(0, "centres")))


def _batch(size: Size, people: int) -> Batch:
    """Noise in the place of images: no time of a step depends on what they show."""
    identities = torch.arange(people).repeat_interleave(size.images)
    indices = identities * IMAGES_EACH + torch.arange(size.images).repeat(people)
    shape = (len(identities), 3, size.height_px, size.width_px)
    return Batch(torch.randn(shape, generator=generator(0, "images")), identities, indices)


def _written(folder: Path, size: Size, people: int) -> Samples:
    """JPEG files of people in colours of their own, as many each as a batch takes."""
    draws = np.random.default_rng(0)
    person = np.arange(people).repeat(size.images)
    files = tuple(f"{row:04}.jpg" for row in range(len(person)))
    for file in files:
        coarse = draws.integers(0, 256, (size.height_px // 8, size.width_px // 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((size.width_px, size.height_px)).save(folder / file, quality=90)
    return Samples(person, root=folder, files=files)
