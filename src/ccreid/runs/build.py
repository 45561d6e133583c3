"""From a recipe to live objects."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from lightning_fabric import Fabric

from ccreid.data.fingerprint import content_fingerprint
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.masks import Masks
from ccreid.data.pixels import users_cache
from ccreid.data.readable import check_readable, through_cache
from ccreid.datasets import read_benchmark
from ccreid.datasets.holdout import hold_out
from ccreid.errors import DataError, SettingError
from ccreid.evaluation.evaluate import evaluate
from ccreid.evaluation.metrics import mean_precision
from ccreid.evaluation.refinement import Refinement
from ccreid.machine.devices import MEMORY_FORMATS, computed_in, launch, processes_of, require_compiler
from ccreid.machine.processes import ALONE, Processes
from ccreid.machine.progress import Track, untracked
from ccreid.machine.seeds import derive_seed, seeded
from ccreid.machine.tensor_files import seal
from ccreid.methods import Memory, Method, SharedBatch
from ccreid.model.backbone import Backbone
from ccreid.model.embedder import Embedder
from ccreid.model.engine import TorchEngine
from ccreid.model.network import Network
from ccreid.model.weights import load_weights
from ccreid.recipe import Recipe, RunFolder
from ccreid.runs import loading
from ccreid.runs.loading import plain_loader, preprocessing, train_loader, workers
from ccreid.runs.methods import make_method
from ccreid.runs.watch import Watch
from ccreid.training.average import Average
from ccreid.training.checkpoint import Checkpoints, Circumstances, Difference, State
from ccreid.training.health import Health
from ccreid.training.loop import Plan
from ccreid.training.optimizer import Optimizer
from ccreid.training.schedule import Cosine, Fall, Schedule, Steps
from ccreid.training.selection import Selection
from ccreid.vocabulary import Benchmark, Samples, answerable

logger = logging.getLogger(__name__)


def fabric(recipe: Recipe) -> Fabric:
    """The devices and precision of the run. Raises SettingError, also where it is to compile and cannot."""
    launched = launch(recipe.training.device, recipe.training.precision)
    if recipe.training.compile:
        require_compiler(launched.device)
    return launched


def benchmark(recipe: Recipe) -> Benchmark:
    """The data set of the run."""
    root = recipe.data.root
    return read_benchmark(recipe.data.dataset, None if root is None else Path(root))


def method(recipe: Recipe, samples: Samples, *, pretrained: bool = True) -> Method:
    """The network with what trains it, as initialised by the run's seed.

    Parameters
    ----------
    recipe:
        The settings.
    samples:
        The training images.
    pretrained:
        Whether to fill the backbone with the recipe's weights; a resumed run has its own.
    """
    with seeded(derive_seed(recipe.training.seed, "initialisation")):
        backbone = Backbone(
            recipe.network.backbone,
            height_px=recipe.data.height_px,
            width_px=recipe.data.width_px,
            last_stride=recipe.network.last_stride,
            mixstyle=recipe.network.mixstyle,
            frozen=recipe.network.frozen,
        )
        backbone.lay_out(MEMORY_FORMATS[recipe.training.memory_format])
        if recipe.training.compile:
            backbone.compile_training()
        network = Network(backbone)
        built = make_method(recipe.method, network, samples)
    if pretrained:
        load_weights(network, recipe.network.weights)
    return built


def memory(recipe: Recipe, samples: Samples) -> Memory | None:
    """What the network of a run is to remember: the one that every run of the recipe begins with, made again.

    None where it may forget everything. Raises WeightsError where the recipe's weights are no longer there.
    """
    weights = recipe.training.remember.model_dump()
    return Memory(method(recipe, samples).network, weights) if any(weights.values()) else None


def refinement(recipe: Recipe) -> Refinement:
    """What is done to the embeddings that are scored; an epoch is selected without it."""
    evaluation = recipe.evaluation
    return Refinement(evaluation.camera_means, evaluation.centralise, evaluation.reranking)


def plan(recipe: Recipe) -> Plan:
    """When what happens."""
    training = recipe.training
    falls: dict[str, Fall] = {
        "steps": Steps(tuple(training.milestones), training.gamma),
        "cosine": Cosine(training.warmup_epochs, training.epochs),
    }
    return Plan(
        epochs=training.epochs,
        schedule=Schedule(training.learning_rate, training.warmup_epochs, falls[training.schedule]),
        accumulate=training.accumulate,
        seed=training.seed,
    )


class Parts(NamedTuple):
    """Who serves for what in a run.

    Attributes
    ----------
    train:
        Trained on.
    selected_on:
        What the epoch is selected on; None keeps the last.
    scored_on:
        What is reported.
    """

    train: Samples
    selected_on: Benchmark | None
    scored_on: Benchmark


def parts(recipe: Recipe, benchmark: Benchmark) -> Parts:
    """Split a data set.

    Raises
    ------
    DataError
        The set has nobody to train on, a single person, or nobody to be scored on.
    SettingError
        Too few people can be held out for validation, or no query of those selected on has a right answer.
    """
    train, by, scored = benchmark.subset("train"), recipe.selection.by, recipe.selection.scored
    subjects: dict[str, Benchmark | None] = {"last": None, "test": benchmark}
    if "test" in (by, scored):
        benchmark.check_scored("Give it both, or set selection.scored to validation: people of train are scored then.")
    if "validation" in (by, scored):
        validation = replace(benchmark, protocols=benchmark.validation)
        if not benchmark.validation:
            if own := [where for subset, where in benchmark.absent.items() if subset.startswith("val-")]:
                logger.warning("%s is not there: validation people are held out of train.", ", ".join(own))
            seed = derive_seed(recipe.training.seed, "validation")
            train, subsets, protocol = hold_out(train, recipe.selection.share, seed)
            validation = replace(benchmark, subsets=subsets, protocols=(protocol,))
        subjects["validation"] = validation
    if len(train.people) < 2:
        raise DataError("The train set has a single person.", "Give it two people or more, to be told apart.")
    if (judges := subjects[by]) is not None:
        _check_answerable(judges)
    return Parts(train, judges, cast(Benchmark, subjects[scored]))


def check_pictures(recipe: Recipe, parts: Parts, track: Track[Any] = untracked) -> None:
    """Read every picture of a run once, wherever it stands; they are kept for the run. Raises ImageError."""
    judging = [*_judging(parts.selected_on).values(), *_judging(parts.scored_on).values()]
    read = through_cache(preprocessing(recipe), users_cache(recipe.data.cache_gb))
    check_readable([parts.train, *judging], track, read)


def check_masks(recipe: Recipe, parts: Parts, track: Track[Any] = untracked) -> None:
    """Look at every mask that a run needs. Raises DataError, ImageError."""
    if (masks := loading.masks(recipe, parts.train)) is not None:
        masks.check(track)


def fingerprint_of(parts: Parts, track: Track[tuple[str, int]] = untracked, masks: Masks | None = None) -> str:
    """What tells whether the images are still those of before: of all that decide what a training ends with.

    Those whom an epoch is selected on are among them, and masks with what belongs to them. Raises ImageError.
    """
    judging = {f"selected on {name}": samples for name, samples in _judging(parts.selected_on).items()}
    beside = {} if masks is None else masks.files
    return content_fingerprint({"train": parts.train, **judging, **beside}, track)


def _judging(judges: Benchmark | None) -> dict[str, Samples]:
    """The images that the protocols of a benchmark look at, by subset."""
    protocols = judges.protocols if judges is not None else ()
    names = {name for protocol in protocols for name in (protocol.query, protocol.gallery)}
    return {name: judges.subset(name) for name in sorted(names)} if judges is not None else {}


def _check_answerable(judges: Benchmark) -> None:
    """Before anything is trained: a network that no query can judge would be kept whatever it is."""
    for protocol in judges.protocols:
        query, gallery = judges.subset(protocol.query), judges.subset(protocol.gallery)
        if answerable(protocol.ignore, query, gallery).any():
            return
    raise SettingError(
        f"No query of {judges.name} that an epoch would be selected on has an image that a protocol counts as right "
        f"({', '.join(f'{protocol.name}: {protocol.ignore.sentence} ignored' for protocol in judges.protocols)}).",
        "Set selection.by to last, or give the set validation people with images that the rule leaves.",
    )


def state(
    recipe: Recipe, method: Method, fabric: Fabric, processes: Processes = ALONE, memory: Memory | None = None
) -> State:
    """What changes in a run, at its beginning. Raises SettingError: see :class:`SharedBatch`."""
    training = recipe.training
    shared = SharedBatch(method, processes, training.replicas, memory)
    fabric.to_device(shared)
    optimizer = Optimizer(method, fabric, training.weight_decay, training.clip_norm, training.layer_decay)
    return State(shared, optimizer, Average(method.network, training.average) if training.average else None)


class Training(NamedTuple):
    """Everything that a training is made of.

    Attributes
    ----------
    state:
        What changes in it.
    train_loader, plain_loader:
        Augmented batches; every image once.
    plan:
        When what happens.
    checkpoints, health:
        What is kept of it, and what is kept of a batch that breaks it.
    selection:
        Keeps the best epoch; None where the last is kept.
    """

    state: State
    train_loader: TrainLoader
    plain_loader: PlainLoader
    plan: Plan
    checkpoints: Checkpoints
    health: Health
    selection: Selection | None


def training(
    recipe: Recipe, parts: Parts, fabric: Fabric, run: RunFolder, watch: Watch, allowed: Collection[Difference]
) -> Training:
    """Build a training, whether it begins or goes on.

    Raises
    ------
    ArtefactError
        There is a checkpoint, and the run differs from it in what is not allowed.
    CcreidError
        Whatever else cannot be built.
    """
    samples, processes = parts.train, processes_of(fabric)
    fingerprint = processes.first(lambda: fingerprint_of(parts, watch.track, loading.masks(recipe, samples)))
    decides = recipe.affecting("training") | {"training.precision": computed_in(fabric)}
    remembered = memory(recipe, samples)
    if remembered is not None:  # a file of weights that was replaced meanwhile would be remembered in their place
        decides["network.weights (their contents)"] = seal(remembered.beginning.state_dict(), {})
    circumstances = Circumstances(decides, fingerprint, processes.count)
    checkpoints = Checkpoints(run.checkpoint, circumstances, allowed, writes=processes.leads)
    checkpoints.check()
    trained = method(recipe, samples, pretrained=not run.checkpoint.exists())
    course = plan(recipe)
    selection = None
    if parts.selected_on is not None:
        criterion = partial(_mean_precision, recipe, parts.selected_on, fabric)
        selection = Selection(run.best, criterion, recipe.selection.every, course.epochs, writes=processes.leads)
    return Training(
        state(recipe, trained, fabric, processes, remembered),
        train_loader(recipe, samples, processes),
        plain_loader(recipe, samples, processes),
        course,
        checkpoints,
        Health(run.diverged(processes.rank), samples.files),
        selection,
    )


def _mean_precision(recipe: Recipe, benchmark: Benchmark, fabric: Fabric, network: Network) -> float:
    """The mAP of a network, over all protocols of a benchmark that have a valid query."""
    return mean_precision(evaluate(embedder(recipe, network, "", fabric), benchmark).scores.values())


def embedder(recipe: Recipe, network: Network, weights_hash: str, fabric: Fabric) -> Embedder:
    """What makes the embeddings that are scored."""
    engine = TorchEngine(network, flip=recipe.evaluation.flip, precision=computed_in(fabric), autocast=fabric.autocast)
    return Embedder(
        engine,
        weights_hash,
        preprocessing(recipe),
        batch_images=recipe.evaluation.batch_images,
        workers=workers(recipe),
        pixels=users_cache(recipe.data.cache_gb),
        processes=processes_of(fabric),
    )
