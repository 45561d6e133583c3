"""From a recipe to batches."""

from __future__ import annotations

import logging

from ccreid.data.augment import Augmentation
from ccreid.data.contrasting import ContrastingSampler
from ccreid.data.disguise import Disguise
from ccreid.data.loaders import PlainLoader, TrainLoader
from ccreid.data.masks import Masks, find_masks
from ccreid.data.pixels import users_cache
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler, OutfitSampler
from ccreid.machine.devices import default_workers
from ccreid.machine.processes import ALONE, Processes
from ccreid.recipe import Recipe
from ccreid.vocabulary import Samples

logger = logging.getLogger(__name__)


def preprocessing(recipe: Recipe) -> Preprocessing:
    """The test transform of the run."""
    return Preprocessing(recipe.data.height_px, recipe.data.width_px)


def train_loader(recipe: Recipe, samples: Samples, processes: Processes = ALONE) -> TrainLoader:
    """Augmented P x K batches, on the device of the process."""
    data, cache = recipe.data, users_cache(recipe.data.cache_gb)
    found = masks(recipe, samples)
    return TrainLoader(
        samples,
        Augmentation(
            preprocessing(recipe), data.flip, data.padding_px, data.erasing, data.erasing_aspect, data.recapture
        ),
        _sampler(recipe, samples, processes.count),
        seed=recipe.training.seed,
        workers=workers(recipe),
        cache=cache,
        disguise=Disguise(found, data.redress, data.background, preprocessing(recipe), cache) if found else None,
        device=processes.device,
        processes=processes,
    )


def masks(recipe: Recipe, samples: Samples) -> Masks | None:
    """Those beside the pictures; None where no setting asks for any. Raises DataError where they are not there."""
    data = recipe.data
    asked = [f"data.{name}" for name in ("redress", "background") if getattr(data, name)]
    return find_masks(samples, asked, backgrounds=data.background > 0) if asked else None


def plain_loader(recipe: Recipe, samples: Samples, processes: Processes = ALONE) -> PlainLoader:
    """Every image once, for mining, on the device of the process."""
    return PlainLoader(
        samples,
        preprocessing(recipe),
        batch_images=recipe.evaluation.batch_images,
        workers=workers(recipe),
        cache=users_cache(recipe.data.cache_gb),
        device=processes.device,
        processes=processes,
    )


def workers(recipe: Recipe) -> int:
    """How many processes decode."""
    return default_workers() if recipe.data.workers is None else recipe.data.workers


def _sampler(recipe: Recipe, samples: Samples, processes: int) -> IdentitySampler:
    data, people = recipe.data, _people_of_batch(recipe, samples, processes)
    if data.sampler == "plain":
        return IdentitySampler(samples.identities, people, data.images)
    if data.sampler == "contrasting":
        return ContrastingSampler(samples, people, data.images)
    clothes = samples.clothes if data.sampler == "clothes-aware" else None
    return OutfitSampler(samples.identities, people, data.images, clothes)


def _people_of_batch(recipe: Recipe, samples: Samples, processes: int) -> int:
    """How many people a batch takes: fewer than asked for where fewer are trained on, which is told."""
    there, asked = len(samples.people), recipe.data.people
    if there >= asked:
        return asked
    people = max(there - there % processes, 1)  # of each process as many as of the others
    logger.warning(
        "%d people are trained on%s, so that batches take %d where data.people asks for %d.",
        there,
        " besides those held out for validation"
        if "validation" in (recipe.selection.by, recipe.selection.scored)
        else "",
        people,
        asked,
    )
    return people
