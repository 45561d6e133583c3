"""A run: from a recipe to a folder with everything that came of it, see :mod:`ccreid.recipe.run_folder`."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
from lightning_fabric import Fabric

from ccreid.errors import InterruptedRun, SettingError
from ccreid.machine.devices import computed_in, memory_advice, processes_of
from ccreid.machine.files import is_free, remove_leftovers
from ccreid.machine.provenance import versions
from ccreid.machine.writing import sole_writer
from ccreid.model.bundle import About, add_scores, save_bundle
from ccreid.model.network import Network
from ccreid.recipe import Recipe, RunFolder
from ccreid.records import BenchmarkCard
from ccreid.report.schema import TEST_SET, Conditions, Report
from ccreid.runs import beforehand, build, loading
from ccreid.runs.journals import Journals
from ccreid.runs.score import score, without_unreadable
from ccreid.runs.watch import Watch
from ccreid.training.checkpoint import Difference, Position
from ccreid.training.journal import Journal
from ccreid.training.loop import train
from ccreid.training.trackers import Described, Trackers
from ccreid.vocabulary import Samples

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
        The folder holds something already, or another command writes there.
    InterruptedRun
        A stop was requested; the run is saved.
    CcreidError
        Whatever else a user can mend.
    """
    fabric, run = build.fabric(recipe), RunFolder(folder)
    with _writing(run, fabric):
        if fabric.is_global_zero and not is_free(folder):
            mend = run.how_to_go_on if run.begun else "Name another folder with --out."
            raise SettingError(f"{folder} is not empty.", mend)
        return _carry_through(recipe, fabric, run, watch)


def resume(
    folder: Path,
    watch: Watch,
    changes: Sequence[str] = (),
    allowed: Collection[Difference] = (),
    *,
    data: Path | None = None,
) -> Report:
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
    data:
        The folder of the data set where it has moved.

    Returns
    -------
    Report
        As in report.json.

    Raises
    ------
    ArtefactError
        The checkpoint is damaged, or the run would differ in what is not allowed; every difference is named. The run is
        then as it was.
    CcreidError
        As :func:`begin`.
    """
    run = RunFolder(folder)
    recipe = run.recipe(changes, data=data)
    fabric = build.fabric(recipe)
    with _writing(run, fabric):
        if fabric.is_global_zero:
            remove_leftovers(folder)
        return _carry_through(recipe, fabric, run, watch, allowed)


def _writing(run: RunFolder, fabric: Fabric) -> AbstractContextManager[None]:
    """Of the processes of a run, the one that leads holds its folder."""
    return sole_writer(run.path) if fabric.is_global_zero else nullcontext()


def _carry_through(
    recipe: Recipe, fabric: Fabric, run: RunFolder, watch: Watch, allowed: Collection[Difference] = ()
) -> Report:
    benchmark, processes = build.benchmark(recipe), processes_of(fabric)
    beforehand.check(recipe, benchmark, processes, pretrained=not run.checkpoint.exists())
    if recipe.data.unreadable == "skip":
        benchmark = without_unreadable(benchmark, watch, recipe.data.unreadable_share)
    parts = build.parts(recipe, benchmark)
    if recipe.data.unreadable == "error":
        processes.first(lambda: build.check_pictures(recipe, parts, watch.track))
    processes.first(lambda: build.check_masks(recipe, parts, watch.track))
    network, selected = _train(recipe, parts, fabric, run, watch, allowed)
    about = About(
        recipe=recipe.shareable(),
        seed=recipe.training.seed,
        precision=computed_in(fabric),
        flip=recipe.evaluation.flip,
        batch_images=recipe.evaluation.batch_images,
        selection=selected,
        versions=versions(),
        trained_on=BenchmarkCard.of(benchmark).shareable(),
    )
    weights_hash = processes.first(lambda: save_bundle(run.bundle, network, loading.preprocessing(recipe), about))
    embedder = build.embedder(recipe, network, weights_hash, fabric)
    conditions = Conditions(
        recipe=recipe.name,
        seed=recipe.training.seed,
        epochs=recipe.training.epochs,
        selection=selected,
        processes=processes.count if processes.count > 1 else None,
        scored_on="people held out of training" if recipe.selection.scored == "validation" else None,
    )
    report = score(embedder, parts.scored_on, run.path, conditions, watch, refinement=build.refinement(recipe))
    if processes.leads:
        add_scores(run.bundle, report.protocols, report.intervals)
    return report


def _train(
    recipe: Recipe, parts: build.Parts, fabric: Fabric, run: RunFolder, watch: Watch, allowed: Collection[Difference]
) -> tuple[Network, str]:
    """Train to the end of the plan; gives the network that is kept and how it was selected."""
    _warn_of_single_images(parts.train)
    training = build.training(recipe, parts, fabric, run, watch, allowed)
    state, selection, processes = training.state, training.selection, training.state.shared.processes
    if processes.leads and not run.begun:
        run.write_recipe(recipe)  # once everything is built: a mistake leaves no folder behind
    trackers = Trackers(recipe.training.trackers if processes.leads else (), run.path, _described(recipe, run))
    journals = Journals(
        run.journal if processes.leads else None,
        training.plan.epochs,
        training.train_loader.steps,
        watch.listener,
        trackers,
    )

    def open_journal(position: Position) -> Journal:
        if processes.leads:
            run.write_recipe(recipe)  # once the checkpoint is taken up: what does not go on is left as it was
        return journals.open(position)

    try:
        with memory_advice(_smaller(recipe)), trackers:
            train(
                state,
                training.train_loader,
                training.plain_loader,
                training.plan,
                fabric=fabric,
                checkpoints=training.checkpoints,
                health=training.health,
                open_journal=open_journal,
                on_epoch_end=selection.consider if selection else lambda _epoch, _network: None,
            )
    except InterruptedRun as stop:
        together = f" --devices {processes.count}" if processes.count > 1 else ""
        raise InterruptedRun(stop.message, f"{run.how_to_go_on}{together}") from None
    if selection is None or parts.selected_on is None:
        return state.network, "none: the last epoch is reported"
    processes.wait()
    epoch = f"epoch {selection.take(state.network) + 1} of {training.plan.epochs}"
    if recipe.selection.by == "test":
        return state.network, f"{TEST_SET}: {epoch} had the best of the very numbers reported here"
    people = len(parts.selected_on.subset(parts.selected_on.protocols[0].query).people)
    return state.network, f"{epoch}, the best mAP on {people} validation people"


def _described(recipe: Recipe, run: RunFolder) -> Described:
    """The run as trackers know it."""
    told = recipe.told()
    settings = {path: told[path] for path in recipe.affecting("training")}
    return Described(f"{run.path.resolve().name}, {recipe.name}", settings)


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
            "%d of %d people have a single training image (the first is person %s): nothing can be learnt of "
            "what stays the same about them.",
            single.size,
            people.size,
            samples.called("person", single[0]),
        )
