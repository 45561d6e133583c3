"""What a recipe cannot do, found before anything is trained."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from ccreid.data.sampler import IdentitySampler
from ccreid.errors import SettingError
from ccreid.machine.processes import ALONE, Processes
from ccreid.methods import Draws, Method
from ccreid.methods.outfits import Outfits
from ccreid.methods.sharing import check_replicas
from ccreid.recipe import Recipe
from ccreid.recipe.settings import Fire2Settings, MethodSettings, PhasedSettings
from ccreid.runs import build, loading
from ccreid.training.trackers import require
from ccreid.vocabulary import Benchmark, Samples

logger = logging.getLogger(__name__)


def check(recipe: Recipe, benchmark: Benchmark, processes: Processes = ALONE, *, pretrained: bool = True) -> None:
    """Find what a recipe cannot do with a data set in so many processes; no picture is read.

    Parameters
    ----------
    recipe, benchmark:
        The settings, and the data set as read.
    processes:
        Those that are to train together.
    pretrained:
        Whether the recipe's weights are still to be loaded; a run that goes on has its own.

    Raises
    ------
    CcreidError
        Something in it cannot work, with the setting that says so.
    """
    require(recipe.training.trackers)
    parts = build.parts(recipe, benchmark)
    samples = parts.train
    _check_columns(recipe.method, samples, benchmark.name)
    build.refinement(recipe).check(parts.scored_on)
    sampler = loading.train_loader(recipe, samples, processes).sampler
    check_replicas(recipe.training.replicas, processes.count)
    _check_batch(sampler, recipe.training.replicas)
    _check_donors(recipe, sampler, samples)
    _tell_what_is_never_reached(recipe)
    _rehearse(recipe, build.method(recipe, samples, pretrained=pretrained))


class _Need(NamedTuple):
    """A column that a method needs: the setting that says so, how to do without, what becomes of a single image."""

    column: str
    setting: str
    mend: str
    of_unknown: str


def _needs(method: MethodSettings) -> Iterator[_Need]:
    for column in method.needs:
        others = [other for other, kind in MethodSettings.known.items() if column not in kind.needs]
        yield _Need(
            column,
            f"method.name is {method.name}",
            f"Set method.name to one that needs none ({', '.join(others)})",
            f"the terms of {method.name} that need it leave them out",
        )
    if _takes_outfits(method):
        yield _Need(
            "clothes",
            "method.attributes is clothes",
            "Leave method.attributes at mined",
            "each of them is an attribute of its own",
        )


def _takes_outfits(method: MethodSettings) -> bool:
    return isinstance(method, Fire2Settings) and method.attributes == "clothes"


def _check_columns(method: MethodSettings, samples: Samples, name: str) -> None:
    """What a method needs to know of the training images; it does without the value of a single one."""
    for need in _needs(method):
        unknown = samples.unknown(need.column)
        if unknown == len(samples):
            raise SettingError(
                f"{need.setting}, which needs the column '{need.column}', and the training images of {name} have none.",
                f"{need.mend}, or train on a set that annotates it.",
            )
        if unknown:
            logger.warning(
                "The column '%s' is not known of %d of %d training images: %s.",
                need.column,
                unknown,
                len(samples),
                need.of_unknown,
            )


def _check_batch(sampler: IdentitySampler, replicas: int) -> None:
    """Batch normalisation needs two images, wherever it looks at a part of a batch by itself."""
    people, images = sampler.people, sampler.images
    whole = people * images
    if whole < 2:
        raise SettingError(
            f"A batch is {people} x {images} image, and batch normalisation needs two.",
            f"Raise data.images (now {images}) or data.people (taken: {people}).",
        )
    fitting = [parts for parts in range(1, whole // 2 + 1) if whole % parts == 0]
    if replicas not in fitting:
        raise SettingError(
            f"training.replicas is {replicas}, but a batch of {people} x {images} images cannot be split into as many "
            "equal parts of two images or more.",
            f"Set training.replicas to one of {', '.join(map(str, fitting))}, or change data.people or data.images.",
        )


def _check_donors(recipe: Recipe, sampler: IdentitySampler, samples: Samples) -> None:
    """A recomposition in which no image can ever have a donor would be a term that is never there."""
    method = recipe.method
    if not isinstance(method, Fire2Settings) or method.weights.recomposition == 0 or _only_warms_up(recipe):
        return
    part = sampler.people * sampler.images // recipe.training.replicas
    # As far as attributes are known beforehand, a donor needs another one.
    owners = samples.identities
    if _takes_outfits(method):
        owners = Outfits.of(samples).unknown_alone(owners).owners
    of_same = sampler.images > 1 and bool((np.bincount(owners) > 1).any())
    of_others = sampler.images % part != 0  # else each part of the batch is a single person
    possible = {"any": of_same or of_others, "same-person": of_same, "other-people": of_others}
    if not possible[method.donors]:
        others = " or ".join(donors for donors, there in possible.items() if there)
        change = f"set method.donors to {others}" if others else "lower training.replicas"
        raise SettingError(
            f"method.donors is {method.donors}, but no part of a batch of {sampler.people} x {sampler.images} images "
            f"(training.replicas is {recipe.training.replicas}) can hold two such images: nobody would ever have a "
            "donor for the recomposition.",
            f"Raise data.people or data.images, {change}, or leave the term out with method.weights.recomposition=0.",
        )


def _only_warms_up(recipe: Recipe) -> bool:
    method = recipe.method
    return isinstance(method, PhasedSettings) and method.after_epoch >= recipe.training.epochs


def _tell_what_is_never_reached(recipe: Recipe) -> None:
    """Possible, as for a quick trial, but hardly what a training is for."""
    training = recipe.training
    if _only_warms_up(recipe):
        logger.warning(
            "method.after_epoch is not below training.epochs (%d): only the identity term is ever trained.",
            training.epochs,
        )
    if training.warmup_epochs >= training.epochs:
        logger.warning(
            "training.warmup_epochs (%d) is not below training.epochs (%d): the learning rate never rises to the "
            "whole of training.learning_rate.",
            training.warmup_epochs,
            training.epochs,
        )


def _rehearse(recipe: Recipe, method: Method) -> None:
    """Show a method feature maps of the size that it will be given, as in the last epoch, when all that it does is due.

    Raises what it raises: here rather than after the epochs before.
    """
    images = torch.zeros(2, 3, recipe.data.height_px, recipe.data.width_px)
    method.eval()
    with torch.no_grad():
        method.see(method.network.feature_map(images), Draws(recipe.training.seed, recipe.training.epochs - 1))
