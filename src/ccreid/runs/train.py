"""A run: from a recipe to a folder with everything that came of it, see :mod:`ccreid.recipe.run_folder`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from statistics import fmean
from typing import cast

import numpy as np
from lightning_fabric import Fabric

from ccreid.runs import build
from ccreid.data.fingerprint import content_fingerprint
from ccreid.errors import InterruptedRun, SettingError
from ccreid.evaluation.evaluate import evaluate
from ccreid.report.schema import TEST_SET, Conditions, Report
from ccreid.machine.files import is_free, remove_leftovers, write_text
from ccreid.model.bundle import About, add_scores, save_bundle
from ccreid.model.network import Network
from ccreid.machine.processes import Processes
from ccreid.records import BenchmarkCard
from ccreid.recipe import Recipe, load_recipe, to_yaml
from ccreid.training.rows import Row
from ccreid.recipe.run_folder import BEST, BUNDLE, CHECKPOINT, DIVERGED, JOURNAL, RECIPE
from ccreid.machine.devices import memory_advice, processes_of
from ccreid.machine.provenance import versions
from ccreid.runs.score import Watch, score, without_unreadable
from ccreid.training.checkpoint import Checkpoints, Circumstances, Difference, Position
from ccreid.training.health import Health
from ccreid.training.journal import Journal
from ccreid.training.loop import train
from ccreid.training.selection import Selection
from ccreid.training.trackers import Described, Trackers, require
from ccreid.vocabulary import Benchmark, Samples

logger = logging.getLogger(__name__)


def begin(recipe: Recipe, folder: Path, watch: Watch) -> Report:
    """Train a recipe into an empty or new folder, score the last epoch and leave every artefact there.

    Returns
    -------
    Report
        As in report.json.

    Raises
    ------
    SettingError
        The folder holds something already.
    InterruptedRun
        A stop was requested; the run is saved.
    CcreidError
        Whatever else a user can mend.
    """
    fabric = build.fabric(recipe)
    if fabric.is_global_zero and not is_free(folder):
        mend = f"Go on with it: ccreid train --resume {folder}" if (folder / RECIPE).exists() else ""
        raise SettingError(f"{folder} is not empty.", mend or "Name another folder with --out.")
    return _carry_through(recipe, fabric, folder, watch)


def resume(folder: Path, watch: Watch, changes: Sequence[str] = (), allowed: Collection[Difference] = ()) -> Report:
    """Go on with a run from its checkpoint, the same in every respect but those allowed.

    Parameters
    ----------
    folder:
        Of the run.
    watch:
        Who follows it.
    changes:
        Settings to change, as ``section.name=value``.
    allowed:
        In what the run may differ from what it was: the recipe, the data, the number of processes.

    Returns
    -------
    Report
        As in report.json.

    Raises
    ------
    ArtefactError
        The checkpoint is damaged, or the run would differ in what is not allowed; every difference is named.
    CcreidError
        As :func:`begin`.
    """
    recipe = recipe_of(folder, changes)
    fabric = build.fabric(recipe)
    if fabric.is_global_zero:
        remove_leftovers(folder)
    return _carry_through(recipe, fabric, folder, watch, allowed)


def recipe_of(folder: Path, changes: Sequence[str] = (), *, data: Path | None = None) -> Recipe:
    """The recipe of a run, with some settings changed and, where the data set has moved, its new folder.

    Raises
    ------
    SettingError
        The folder is no run, or a setting is wrong.
    """
    if not (folder / RECIPE).is_file():
        inside = sorted(path.parent for path in folder.glob(f"*/{RECIPE}")) if folder.is_dir() else []
        mend = f"Name one of the runs in it, for example {inside[0]}." if inside else "Name the folder of a run."
        raise SettingError(f"{folder} is no run: it has no {RECIPE}.", mend)
    recipe = load_recipe(str(folder / RECIPE), changes)
    if data is None:
        return recipe
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"root": str(data.resolve())})})


def check(recipe: Recipe, count: int) -> None:
    """Find before anything is started what a recipe cannot do in so many processes. Raises CcreidError."""
    require(recipe.training.trackers)
    samples = build.parts(recipe, build.benchmark(recipe)).train
    build.train_loader(recipe, samples, Processes(0, count))


def _carry_through(
    recipe: Recipe, fabric: Fabric, folder: Path, watch: Watch, allowed: Collection[Difference] = ()
) -> Report:
    benchmark = build.benchmark(recipe)
    if recipe.data.unreadable == "skip":
        benchmark = without_unreadable(benchmark, watch, recipe.data.unreadable_share)
    processes, parts = processes_of(fabric), build.parts(recipe, benchmark)
    network, selected = _train(recipe, parts, fabric, folder, watch, allowed)
    about = About(
        recipe=_shippable(recipe).model_dump(mode="json"),
        seed=recipe.training.seed,
        precision=recipe.training.precision,
        flip=recipe.evaluation.flip,
        selection=selected,
        versions=versions(),
        trained_on=BenchmarkCard.of(benchmark),
    )
    weights_hash = processes.first(lambda: save_bundle(folder / BUNDLE, network, build.preprocessing(recipe), about))
    extractor = build.extractor(recipe, network, weights_hash, fabric.autocast, processes)
    conditions = Conditions(
        recipe=recipe.name,
        seed=recipe.training.seed,
        epochs=recipe.training.epochs,
        selection=selected,
        processes=processes.count if processes.count > 1 else None,
        scored_on="people held out of training" if recipe.evaluation.people == "validation" else None,
    )
    report = score(extractor, parts.scored_on, folder, conditions, watch, reranking=recipe.evaluation.reranking)
    if processes.leads:
        add_scores(folder / BUNDLE, report.protocols, report.intervals)
    return report


def _train(
    recipe: Recipe, parts: build.Parts, fabric: Fabric, folder: Path, watch: Watch, allowed: Collection[Difference]
) -> tuple[Network, str]:
    """Train to the end of the plan; gives the network that is kept and how it was selected."""
    samples, judges, processes = parts.train, parts.selected_on, processes_of(fabric)
    require(recipe.training.trackers)
    _warn_of_single_images(samples)
    circumstances = Circumstances(
        recipe.decisive(), processes.first(lambda: content_fingerprint(samples, watch.track)), processes.count
    )
    checkpoints = Checkpoints(folder / CHECKPOINT, circumstances, allowed, writes=processes.leads)
    checkpoints.check()
    objective = build.objective(recipe, len(samples.people), processes, pretrained=not (folder / CHECKPOINT).exists())
    fabric.to_device(objective)
    state = build.state(recipe, objective, fabric)
    plan = build.plan(recipe)
    loader = build.train_loader(recipe, samples, processes)

    def criterion(network: Network) -> float:
        extractor = build.extractor(recipe, network, "", fabric.autocast, processes)
        scores = evaluate(extractor, cast(Benchmark, judges)).scores.values()
        return fmean(score.mean_ap for score in scores)

    selection = (
        Selection(folder / BEST, criterion, recipe.selection.every, plan.epochs, writes=processes.leads)
        if judges
        else None
    )
    if processes.leads:
        write_text(folder / RECIPE, to_yaml(recipe))  # once everything is built: a mistake leaves no folder behind
    trackers = Trackers(
        recipe.training.trackers if processes.leads else (),
        folder,
        Described(f"{folder.resolve().name}, {recipe.name}", recipe.decisive()),
    )

    def listen(row: Row) -> None:
        watch.listener(row)
        trackers(row)

    def open_journal(position: Position) -> Journal:
        steps = [loader.steps(epoch) for epoch in range(plan.epochs)]
        done = sum(steps[: position.epoch]) + position.step
        listen({"kind": "plan", "epochs": plan.epochs, "steps": sum(steps), "done": done})
        journal = Journal(folder / JOURNAL if processes.leads else None, position, listen)
        trackers.repeat(journal.dropped)
        return journal

    try:
        with memory_advice(_smaller(recipe)), trackers:
            train(
                state,
                loader,
                build.plain_loader(recipe, samples, processes),
                plan,
                fabric=fabric,
                checkpoints=checkpoints,
                health=Health(
                    folder / (DIVERGED if processes.leads else f"{DIVERGED}-{processes.rank}"), samples.files
                ),
                open_journal=open_journal,
                on_epoch_end=selection.consider if selection else lambda _epoch, _network: None,
            )
    except InterruptedRun as stop:
        together = f" --devices {processes.count}" if processes.count > 1 else ""
        raise InterruptedRun(stop.message, f"Go on with: ccreid train --resume {folder}{together}") from None
    if selection is None or judges is None:
        return state.network, "none: the last epoch is reported"
    processes.wait()
    epoch = f"epoch {selection.take(state.network) + 1} of {plan.epochs}"
    if recipe.selection.by == "test":
        return state.network, f"{TEST_SET}: {epoch} had the best of the very numbers reported here"
    people = len(judges.subset(judges.protocols[0].query).people)
    return state.network, f"{epoch}, the best mAP on {people} validation people"


def _smaller(recipe: Recipe) -> str:
    """What to lower where a step of training takes too much memory."""
    data = recipe.data
    return (
        f"Lower data.people or data.images (now {data.people} x {data.images}) and raise training.accumulate to make "
        f"up for it, lower data.height_px and data.width_px (now {data.height_px} x {data.width_px}) or "
        f"evaluation.batch_images (now {recipe.evaluation.batch_images}), or set training.precision to bf16-mixed."
    )


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


def _shippable(recipe: Recipe) -> Recipe:
    """The recipe without what tells of this machine's folders."""
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"root": None})})
