"""A run's bundle made fit to share: half the size, scored as it is stored, with a card that says what it is."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ccreid.errors import SettingError
from ccreid.machine.devices import Precision
from ccreid.machine.files import is_free, replacing
from ccreid.machine.writing import sole_writer
from ccreid.model.averaging import take_mean
from ccreid.model.bundle import (
    CARD,
    WEIGHTS,
    Bundle,
    BundleCard,
    add_scores,
    load_bundle,
    read_card,
    save_bundle,
)
from ccreid.recipe import Recipe, RunFolder
from ccreid.records import BenchmarkCard
from ccreid.report.model_card import model_card
from ccreid.report.schema import Report
from ccreid.runs import build
from ccreid.runs.score import evaluate_bundle, without_unreadable
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Benchmark

MODEL_CARD = "MODEL_CARD.md"


def publish(
    run_folder: Path,
    out: Path,
    watch: Watch,
    *,
    data: Path | None = None,
    mean_with: Path | None = None,
    precision: Precision | None = None,
) -> Report:
    """Write the bundle of a finished run in half precision, score it anew and describe it.

    Parameters
    ----------
    run_folder:
        Of the run.
    out:
        The bundle to write; it may replace one that was published of the same run, and nothing else.
    watch:
        Who follows the scoring.
    data:
        The folder of the data set where it is no longer that of the recipe.
    mean_with:
        A bundle, or a run, with whose weights the mean is taken.
    precision:
        What the bundle computes in; None as it was trained.

    Returns
    -------
    Report
        Of the scores.

    Raises
    ------
    SettingError
        The run is not finished, the place is taken, or the mean is of two kinds of network.
    CcreidError
        The data cannot be read, a weight is beyond half precision, a file cannot be written.
    """
    run = RunFolder(run_folder)
    recipe = run.recipe(data=data)
    if not run.finished:
        raise SettingError(f"{run_folder} is not finished.", run.how_to_go_on)
    bundle = load_bundle(run.bundle)
    _refuse_another_place(out, run, bundle.card)
    if mean_with is not None:
        bundle = _mean(bundle, load_bundle(mean_with))
    if precision is not None:
        bundle = _with(bundle, precision=precision)
    with sole_writer(run_folder) if os.access(run_folder, os.W_OK) else nullcontext():  # nobody trains on meanwhile
        return _publish(recipe, bundle, out, watch)


def _refuse_another_place(out: Path, run: RunFolder, card: BundleCard) -> None:
    """What is published may replace what was published of the same run, and nothing else."""
    mend = "Name another folder with --out."
    if not is_free(out, CARD):
        raise SettingError(f"{out} is taken, and by no bundle.", mend)
    if out.resolve() == run.bundle.resolve():
        raise SettingError(f"{out} is the run's own bundle, in full precision.", mend)
    if (out / CARD).is_file():
        stands = read_card(out)
        if (stands.recipe, stands.seed, stands.selection) != (card.recipe, card.seed, card.selection):
            raise SettingError(f"{out} is the bundle of another run.", mend)


def _mean(bundle: Bundle, other: Bundle) -> Bundle:
    take_mean(bundle, other)
    return _with(bundle, mean_with=other.weights_hash)


def _with(bundle: Bundle, **of_card: str) -> Bundle:
    return replace(bundle, card=bundle.card.model_copy(update=of_card))


def _publish(recipe: Recipe, bundle: Bundle, out: Path, watch: Watch) -> Report:
    benchmark = build.benchmark(recipe)
    if recipe.data.unreadable == "skip":
        benchmark = without_unreadable(benchmark, watch, recipe.data.unreadable_share)
    trained_on = BenchmarkCard.of(benchmark).shareable()
    about = bundle.card.model_copy(update={"recipe": recipe.shareable(), "trained_on": trained_on})
    return describe(replace(bundle, card=about), benchmark, out, watch, began_with=recipe.network.weights)


def describe(bundle: Bundle, benchmark: Benchmark, out: Path, watch: Watch, *, began_with: str) -> Report:
    """Write a bundle in half precision, with its scores as it is stored and its model card, whole or not at all.

    Parameters
    ----------
    bundle:
        The network, and what is known of it.
    benchmark:
        What to score it on.
    out:
        The bundle to write; it replaces what stood there.
    watch:
        Who follows the scoring.
    began_with:
        What its training began with, as the setting network.weights has it.

    Raises
    ------
    CcreidError
        The data cannot be read, a weight is beyond half precision, a file cannot be written.
    """
    with TemporaryDirectory(prefix="ccreid-") as place:
        made, scored = Path(place) / out.name, Path(place) / "scored"
        save_bundle(made, bundle.network, bundle.preprocessing, bundle.card, half=True)
        report = evaluate_bundle(made, benchmark, scored, watch=watch)
        card = add_scores(made, report.protocols, report.intervals)
        megabytes = (made / WEIGHTS).stat().st_size / 1e6
        text = model_card(
            out.name,
            card,
            report,
            began_with=began_with,
            shared_cameras=_share_cameras(benchmark),
            megabytes=megabytes,
        )
        (made / MODEL_CARD).write_text(text, encoding="utf-8")
        with replacing(out) as temporary:
            shutil.copytree(made, temporary)
    return report


def _share_cameras(benchmark: Benchmark) -> bool:
    """Whether any camera of the test saw training people, as it also may have where cameras are not annotated."""
    trained, *tested = (
        benchmark.subset(name).camera
        for name in dict.fromkeys(["train", *(p for one in benchmark.protocols for p in (one.query, one.gallery))])
    )
    if trained is None or any(cameras is None for cameras in tested):
        return True
    return any(bool(np.isin(cameras, trained).any()) for cameras in tested if cameras is not None)
