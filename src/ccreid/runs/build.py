"""From a recipe to live objects. Beyond this file nobody knows what a recipe is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from lightning_fabric import Fabric

from ccreid.data.augment import Augmentation
from ccreid.datasets.holdout import hold_out
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.pixels import users_cache
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import ClothesAwareSampler, IdentitySampler
from ccreid.datasets import read_benchmark
from ccreid.evaluation.evaluate import Extractor
from ccreid.methods import Mining, Objective, TermWeights
from ccreid.model.backbone import Backbone, load_weights
from ccreid.model.network import Network
from ccreid.machine.processes import ALONE, Processes
from ccreid.recipe import Recipe
from ccreid.machine.devices import MEMORY_FORMATS, default_workers, launch, require_compiler
from ccreid.machine.seeds import derive_seed, seeded
from ccreid.training.average import Average
from ccreid.training.checkpoint import State
from ccreid.training.loop import Plan
from ccreid.training.optimizer import Optimizer
from ccreid.training.schedule import Schedule
from ccreid.vocabulary import Benchmark, Samples


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


def preprocessing(recipe: Recipe) -> Preprocessing:
    """The test transform of the run."""
    return Preprocessing(recipe.data.height_px, recipe.data.width_px)


def objective(recipe: Recipe, identities: int, processes: Processes = ALONE, *, pretrained: bool = True) -> Objective:
    """The network with its heads, as initialised by the run's seed.

    Parameters
    ----------
    recipe:
        The settings.
    identities:
        P, people in the train set.
    processes:
        Those that share each batch.
    pretrained:
        Whether to fill the backbone with the recipe's weights; a resumed run has its own.
    """
    settings = recipe.objective
    with seeded(derive_seed(recipe.training.seed, "initialisation")):
        backbone = Backbone(
            recipe.network.backbone,
            height_px=recipe.data.height_px,
            width_px=recipe.data.width_px,
            last_stride=recipe.network.last_stride,
        )
        backbone.lay_out(MEMORY_FORMATS[recipe.training.memory_format])
        if recipe.training.compile:
            backbone.compile_training()
        built = Objective(
            Network(backbone),
            identities,
            TermWeights(**settings.weights.model_dump()),
            scale=settings.scale,
            smoothing=settings.smoothing,
            margin=settings.margin,
            stripes=settings.stripes,
            recompositions=settings.recompositions,
            donors=settings.donors,
            replicas=settings.replicas,
            processes=processes,
            whole_batch=recipe.training.whole_batch,
        )
    if pretrained:
        load_weights(backbone, recipe.network.weights)
    return built


def train_loader(recipe: Recipe, samples: Samples, processes: Processes = ALONE) -> TrainLoader:
    """Augmented P x K batches, on the device of the process."""
    data = recipe.data
    return TrainLoader(
        samples,
        Augmentation(preprocessing(recipe), flip=data.flip, padding_px=data.padding_px, erasing=data.erasing),
        _sampler(recipe, samples),
        seed=recipe.training.seed,
        workers=_workers(recipe),
        cache=users_cache(data.cache_gb),
        device=processes.device,
        processes=processes,
    )


def plain_loader(recipe: Recipe, samples: Samples, processes: Processes = ALONE) -> PlainLoader:
    """Every image once, for mining, on the device of the process."""
    return PlainLoader(
        samples,
        preprocessing(recipe),
        batch_images=recipe.evaluation.batch_images,
        workers=_workers(recipe),
        cache=users_cache(recipe.data.cache_gb),
        device=processes.device,
        processes=processes,
    )


def plan(recipe: Recipe) -> Plan:
    """When what happens."""
    training, attributes = recipe.training, recipe.attributes
    return Plan(
        epochs=training.epochs,
        attributes_from=attributes.after_epoch,
        mine_every=attributes.every,
        mining=Mining(attributes.k1, attributes.k2, attributes.eps, attributes.small_identities),
        schedule=Schedule(training.learning_rate, training.warmup_epochs, tuple(training.milestones), training.gamma),
        reset_optimizer_each_epoch=training.reset_optimizer_each_epoch,
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
    """Split a data set. Raises SettingError where too few people can be held out for validation."""
    train, by, scored = benchmark.subset("train"), recipe.selection.by, recipe.evaluation.people
    subjects: dict[str, Benchmark | None] = {"last": None, "test": benchmark}
    if "validation" in (by, scored):
        validation = replace(benchmark, protocols=benchmark.validation)
        if not benchmark.validation:
            seed = derive_seed(recipe.training.seed, "validation")
            train, subsets, protocol = hold_out(train, recipe.selection.share, seed)
            validation = replace(benchmark, subsets=subsets, protocols=(protocol,))
        subjects["validation"] = validation
    return Parts(train, subjects[by], cast(Benchmark, subjects[scored]))


def state(recipe: Recipe, objective: Objective, fabric: Fabric) -> State:
    """What changes in a run, at its beginning."""
    training = recipe.training
    optimizer = Optimizer(objective, fabric, training.weight_decay, training.clip_norm)
    return State(objective, optimizer, Average(objective.network, training.average) if training.average else None)


def extractor(
    recipe: Recipe,
    network: Network,
    weights_hash: str,
    autocast: Callable[[], AbstractContextManager[object]],
    processes: Processes = ALONE,
) -> Extractor:
    """What makes the embeddings that are scored."""
    return Extractor(
        network,
        weights_hash,
        preprocessing(recipe),
        flip=recipe.evaluation.flip,
        batch_images=recipe.evaluation.batch_images,
        workers=_workers(recipe),
        pixels=users_cache(recipe.data.cache_gb),
        autocast=autocast,
        processes=processes,
        precision=recipe.training.precision,
    )


def without_mining_terms(recipe: Recipe) -> Recipe:
    """The baseline of a recipe: identity and triplet loss alone, everything else the same."""
    weights = recipe.objective.weights.model_copy(update={"attribute": 0.0, "recomposition": 0.0})
    objective_settings = recipe.objective.model_copy(update={"weights": weights})
    return recipe.model_copy(update={"name": f"{recipe.name}-baseline", "objective": objective_settings})


def _sampler(recipe: Recipe, samples: Samples) -> IdentitySampler:
    data = recipe.data
    if data.sampler == "plain":
        return IdentitySampler(samples.identities, data.people, data.images)
    clothes = samples.clothes if data.sampler == "clothes-aware" else None
    return ClothesAwareSampler(samples.identities, data.people, data.images, clothes)


def _workers(recipe: Recipe) -> int:
    return default_workers() if recipe.data.workers is None else recipe.data.workers
