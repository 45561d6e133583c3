"""A run: from a recipe to a folder with everything that came of it.

::

    recipe.yaml               every setting, resolved
    journal.jsonl             every step and epoch
    checkpoint.safetensors    where the run stands
    best.safetensors          the network of the best epoch on validation so far
    bundle/                   the model to ship
    embeddings/               of query and gallery
    report.json, report.txt   the scores
    report.html               the scores with curves, reliance on clothes and ranked lists, in one file
    queries.parquet           what became of every query under every protocol
    ranked-PROTOCOL.png       ranked lists
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import numpy as np
from lightning_fabric import Fabric

from ccreid import build
from ccreid.data.decode import leave_out_unreadable
from ccreid.data.pixels import users_cache
from ccreid.errors import InterruptedRun, SettingError
from ccreid.evaluation.evaluate import Extractor, evaluate, fingerprint
from ccreid.evaluation.outfits import shared_outfits
from ccreid.evaluation.page import write_page
from ccreid.evaluation.per_query import write_per_query
from ccreid.evaluation.pictures import draw_ranked_lists, telling_queries
from ccreid.evaluation.report import TEST_SET, belief_table, describe_benchmark, report_table, report_values
from ccreid.evaluation.supplement import supplement
from ccreid.files import write_json, write_tables, write_text
from ccreid.model.bundle import amend_card, load_bundle, save_bundle
from ccreid.model.network import Network
from ccreid.recipe import Recipe, load_recipe
from ccreid.runtime import Device, Track, default_workers, describe_machine, launch, untracked, versions
from ccreid.training.checkpoint import Checkpoints, Position
from ccreid.training.journal import Journal, Listener
from ccreid.training.loop import train
from ccreid.training.optimizer import Optimizer
from ccreid.training.selection import Selection
from ccreid.vocabulary import Benchmark, Samples

logger = logging.getLogger(__name__)

RECIPE, JOURNAL, CHECKPOINT, BEST, BUNDLE, EMBEDDINGS, REPORT, QUERIES = (
    "recipe.yaml",
    "journal.jsonl",
    "checkpoint.safetensors",
    "best.safetensors",
    "bundle",
    "embeddings",
    "report.json",
    "queries.parquet",
)


@dataclass(frozen=True)
class Watch:
    """Who follows a run.

    Attributes
    ----------
    track:
        Follows loops over images.
    listener:
        Is given each row of the journal, and before the first one a row of kind "plan" with the number of
        epochs and steps to come.
    """

    track: Track[Any] = untracked
    listener: Listener = lambda _row: None


def begin(recipe: Recipe, folder: Path, watch: Watch) -> dict[str, Any]:
    """Train a recipe into an empty or new folder, score the last epoch and leave every artefact there.

    Returns
    -------
    dict
        The report, as in report.json.

    Raises
    ------
    SettingError
        The folder holds something already.
    InterruptedRun
        A stop was requested; the run is saved.
    CcreidError
        Whatever else a user can mend.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        mend = f"Go on with it: ccreid train --resume {folder}" if (folder / RECIPE).exists() else ""
        raise SettingError(f"{folder} is not empty.", mend or "Name another folder with --out.")
    return _carry_through(recipe, folder, watch)


def resume(folder: Path, watch: Watch) -> dict[str, Any]:
    """Go on with a run from its checkpoint. Returns and raises as :func:`begin`."""
    if not (folder / RECIPE).is_file():
        raise SettingError(f"{folder} is no run: it has no {RECIPE}.", "Name the folder of a run.")
    return _carry_through(load_recipe(str(folder / RECIPE)), folder, watch)


def evaluate_bundle(
    bundle_folder: Path,
    benchmark: Benchmark,
    folder: Path,
    *,
    flip: bool | None = None,
    device: Device = "auto",
    skip_unreadable: bool = False,
    reranking: bool = False,
    watch: Watch | None = None,
) -> dict[str, Any]:
    """Score a bundle on a benchmark and leave report, pictures and embeddings in a folder.

    Parameters
    ----------
    bundle_folder, benchmark, folder:
        What to score, on what, and where to write.
    flip:
        Whether to add the mirror image's embedding; None does as the bundle's recipe.
    device:
        Where to compute.
    skip_unreadable:
        Leave images that cannot be read out instead of stopping.
    reranking:
        Rank by k-reciprocal re-ranked distances.

    Returns
    -------
    dict
        The report, as in report.json.
    """
    watch = watch or Watch()
    bundle = load_bundle(bundle_folder)
    fabric = launch(device)
    recipe = bundle.card.get("recipe", {})
    settings = recipe.get("evaluation", {})
    extractor = Extractor(
        bundle.network.to(fabric.device),
        bundle.weights_hash,
        bundle.preprocessing,
        flip=settings.get("flip", True) if flip is None else flip,
        batch_images=settings.get("batch_images", 64),
        workers=default_workers(),
        pixels=users_cache(recipe.get("data", {}).get("cache_gb", 8.0)),
        autocast=fabric.autocast,
    )
    conditions = {
        "bundle": bundle_folder.resolve().name,
        "seed": recipe.get("training", {}).get("seed"),
        "selection": bundle.card.get("selection"),
    }
    readable = _readable(benchmark, skip_unreadable, watch)
    return _score(extractor, readable, folder, conditions, watch, reranking=reranking)


def _carry_through(recipe: Recipe, folder: Path, watch: Watch) -> dict[str, Any]:
    benchmark = _readable(build.benchmark(recipe), recipe.data.unreadable == "skip", watch)
    fabric = build.fabric(recipe)
    parts = build.parts(recipe, benchmark)
    network, selected = _train(recipe, parts, fabric, folder, watch)
    card = {
        "recipe": _shippable(recipe),
        "selection": selected,
        "versions": versions(),
        "trained_on": describe_benchmark(benchmark),
    }
    weights_hash = save_bundle(folder / BUNDLE, network, build.preprocessing(recipe), card)
    extractor = build.extractor(recipe, network, weights_hash, fabric.autocast)
    conditions = {
        "recipe": recipe.name,
        "seed": recipe.training.seed,
        "epochs": recipe.training.epochs,
        "selection": selected,
        **({"scored_on": "people held out of training"} if recipe.evaluation.people == "validation" else {}),
    }
    report = _score(extractor, parts.scored_on, folder, conditions, watch, reranking=recipe.evaluation.reranking)
    amend_card(folder / BUNDLE, {"scores": report["protocols"]})
    return report


def _train(recipe: Recipe, parts: build.Parts, fabric: Fabric, folder: Path, watch: Watch) -> tuple[Network, str]:
    """Train to the end of the plan; gives the network that is kept and how it was selected."""
    samples, judges = parts.train, parts.selected_on
    _warn_of_single_images(samples)
    started = (folder / CHECKPOINT).exists()
    objective = build.objective(recipe, len(samples.people), pretrained=not started)
    fabric.to_device(objective)
    plan = build.plan(recipe)
    loader = build.train_loader(recipe, samples, fabric.device)

    def criterion(network: Network) -> float:
        extractor = build.extractor(recipe, network, "", fabric.autocast)
        scores = evaluate(extractor, cast(Benchmark, judges)).scores.values()
        return fmean(score.mean_ap for score in scores)

    selection = Selection(folder / BEST, criterion, recipe.selection.every, plan.epochs) if judges else None
    write_text(folder / RECIPE, recipe.to_yaml())  # once everything is built: a mistake leaves no folder behind

    def open_journal(position: Position) -> Journal:
        steps = [loader.steps(epoch) for epoch in range(plan.epochs)]
        done = sum(steps[: position.epoch]) + position.step
        watch.listener({"kind": "plan", "epochs": plan.epochs, "steps": sum(steps), "done": done})
        return Journal(folder / JOURNAL, position, watch.listener)

    try:
        train(
            objective,
            loader,
            build.plain_loader(recipe, samples, fabric.device),
            plan,
            fabric=fabric,
            optimizer=Optimizer(objective, fabric, recipe.training.weight_decay),
            checkpoints=Checkpoints(folder / CHECKPOINT, fingerprint(samples)),
            open_journal=open_journal,
            on_epoch_end=selection.consider if selection else lambda _epoch, _network: None,
        )
    except InterruptedRun as stop:
        raise InterruptedRun(stop.message, f"Go on with: ccreid train --resume {folder}") from None
    if selection is None or judges is None:
        return objective.network, "none: the last epoch is reported"
    epoch = f"epoch {selection.take(objective.network) + 1} of {plan.epochs}"
    if recipe.selection.by == "test":
        return objective.network, f"{TEST_SET}: {epoch} had the best of the very numbers reported here"
    people = len(judges.subset(judges.protocols[0].query).people)
    return objective.network, f"{epoch}, the best mAP on {people} validation people"


def _score(
    extractor: Extractor,
    benchmark: Benchmark,
    folder: Path,
    conditions: Mapping[str, Any],
    watch: Watch,
    *,
    reranking: bool,
) -> dict[str, Any]:
    evaluation = evaluate(extractor, benchmark, folder / EMBEDDINGS, reranking=reranking, track=watch.track)
    preprocessing = extractor.preprocessing
    report = report_values(
        evaluation,
        {
            **conditions,
            "image_size": f"{preprocessing.height_px} x {preprocessing.width_px}",
            "flip_averaging": extractor.flip,
            "weights": extractor.weights_hash[:12],
            "versions": versions(),
            "machine": describe_machine(),
        },
    )
    garments = shared_outfits(benchmark)
    report |= supplement(evaluation, garments)
    write_json(folder / REPORT, report)
    write_tables(folder / "report.txt", report_table(report), belief_table(report))
    write_per_query(folder / QUERIES, evaluation, garments)
    write_page(folder / "report.html", report, evaluation)
    for protocol in benchmark.protocols:
        queries = telling_queries(evaluation.scores[protocol.name])
        if queries:
            picture = folder / f"ranked-{protocol.name.replace(' ', '-')}.png"
            draw_ranked_lists(picture, evaluation, protocol, queries)
    return report


def _readable(benchmark: Benchmark, skip: bool, watch: Watch) -> Benchmark:
    """The benchmark without the images that cannot be read, where they may be left out."""
    if not skip:
        return benchmark
    subsets: dict[str, Samples] = {}
    left_out: list[str] = []
    for name, samples in benchmark.subsets.items():
        subsets[name], missing = leave_out_unreadable(samples, watch.track)
        left_out += missing
    for name in left_out:
        logger.warning("%s cannot be read and is left out.", benchmark.root / name)
    return replace(benchmark, subsets=subsets, left_out=tuple(left_out))


def _warn_of_single_images(samples: Samples) -> None:
    people, images = np.unique(samples.person, return_counts=True)
    single = people[images == 1]
    if single.size:
        logger.warning(
            "%d of %d people have a single training image (the first is person %d): nothing can be learnt of "
            "what stays the same about them.",
            single.size,
            people.size,
            single[0],
        )


def _shippable(recipe: Recipe) -> dict[str, Any]:
    """The recipe without what tells of this machine's folders."""
    values = recipe.model_dump(mode="json")
    values["data"]["root"] = None
    return values
