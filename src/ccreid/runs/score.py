"""The scores of a network on a benchmark, in a folder: numbers, page, tables and pictures."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from ccreid.analysis.outfits import shared_outfits
from ccreid.analysis.supplement import supplement
from ccreid.data.pixels import users_cache
from ccreid.data.readable import leave_out_unreadable
from ccreid.errors import ImageError, SettingError
from ccreid.evaluation.evaluate import evaluate
from ccreid.evaluation.refinement import AS_EMBEDDED, Refinement
from ccreid.inspection.themselves import self_found_queries
from ccreid.machine.devices import Device, memory_advice
from ccreid.machine.files import is_free
from ccreid.machine.limits import CACHE_GB
from ccreid.machine.provenance import describe_machine, versions
from ccreid.model.bundle import Bundle, load_bundle
from ccreid.model.embedder import Embedder
from ccreid.recipe import RunFolder
from ccreid.report.page import write_page
from ccreid.report.per_query import write_per_query
from ccreid.report.ranked_lists import draw_ranked_lists, telling_queries
from ccreid.report.schema import Conditions, Report, report_of
from ccreid.report.tables import about_the_data, belief_table, report_table
from ccreid.report.text import write_tables
from ccreid.runs.watch import Watch
from ccreid.vocabulary import Benchmark, Samples

WEIGHTS_SHOWN = 12
"""Digits of the weights' hash in a report."""

logger = logging.getLogger(__name__)


def evaluate_bundle(
    bundle_folder: Path,
    benchmark: Benchmark,
    folder: Path,
    *,
    flip: bool | None = None,
    device: Device = "auto",
    skip_unreadable: bool = False,
    refinement: Refinement = AS_EMBEDDED,
    watch: Watch | None = None,
) -> Report:
    """Score a bundle on a benchmark and leave report, pictures and embeddings in a folder.

    Parameters
    ----------
    bundle_folder, benchmark, folder:
        What to score, on what, and where to write.
    flip:
        Whether to add the mirror image's embedding; None does as the bundle says.
    device:
        Where to compute.
    skip_unreadable:
        Leave images that cannot be read out instead of stopping.
    refinement:
        What to do to the embeddings before they are ranked.

    Returns
    -------
    Report
        As in report.json.

    Raises
    ------
    SettingError
        The folder holds something else than this bundle's scores on this benchmark.
    CcreidError
        Whatever else a user can mend.
    """
    watch = watch or Watch()
    bundle = load_bundle(bundle_folder)
    _refuse_another_place(folder, bundle, benchmark)
    embedder = embedder_of(bundle, flip=flip, device=device)
    conditions = Conditions(bundle=bundle_folder.resolve().name, seed=bundle.card.seed, selection=bundle.card.selection)
    if skip_unreadable:
        benchmark = without_unreadable(benchmark, watch)
    return score(embedder, benchmark, folder, conditions, watch, refinement=refinement)


def _refuse_another_place(folder: Path, bundle: Bundle, benchmark: Benchmark) -> None:
    """Scores may replace those of the same weights on the same set, and nothing else."""
    run, mend = RunFolder(folder), "Name another folder with --out."
    if run.begun:
        raise SettingError(f"{folder} is a run, whose own scores stand there.", mend)
    unfinished = folder.is_dir() and {place.name for place in folder.iterdir()} == {run.embeddings.name}
    if not unfinished and not is_free(folder, run.report.name):
        raise SettingError(f"{folder} is not empty, and holds no scores.", mend)
    if run.finished:
        stands = Report.read(run.report)
        if (stands.conditions.weights, stands.benchmark.name) != (bundle.weights_hash[:WEIGHTS_SHOWN], benchmark.name):
            raise SettingError(f"{folder} holds the scores of another model or on another data set.", mend)


def embedder_of(bundle: Bundle, *, flip: bool | None = None, device: Device = "auto") -> Embedder:
    """What embeds a benchmark with a bundle as its run did, to the bit. Raises SettingError without the device."""
    return Embedder.load(
        bundle,
        device,
        flip,
        engine="torch",
        batch_images=bundle.card.batch_images,
        pixels=users_cache(CACHE_GB),
    )


def score(
    embedder: Embedder,
    benchmark: Benchmark,
    folder: Path,
    conditions: Conditions,
    watch: Watch,
    *,
    refinement: Refinement,
) -> Report:
    """Score a network on a benchmark under some conditions, and write what came of it. See :func:`evaluate_bundle`."""
    with memory_advice(f"Lower evaluation.batch_images (now {embedder.batch_images})."):
        evaluation = evaluate(
            embedder, benchmark, RunFolder(folder).embeddings, refinement=refinement, track=watch.track
        )
    if embedder.processes.leads:
        warnings = (*benchmark.warnings, *self_found_queries(benchmark))
        evaluation = replace(evaluation, benchmark=replace(benchmark, warnings=warnings))
    preprocessing = embedder.preprocessing
    conditions = conditions.model_copy(
        update={
            "image_size": f"{preprocessing.height_px} x {preprocessing.width_px}",
            "flip_averaging": embedder.engine.flip,
            "precision": embedder.engine.precision,
            "weights": embedder.weights_hash[:WEIGHTS_SHOWN],
            "versions": versions(),
            "machine": describe_machine(),
        }
    )
    garments = shared_outfits(benchmark)
    report = report_of(evaluation, conditions, supplement(evaluation, garments))
    if not embedder.processes.leads:
        return report
    report.write(RunFolder(folder).report)
    write_tables(folder / "report.txt", report_table(report), belief_table(report), *about_the_data(report.benchmark))
    write_per_query(RunFolder(folder).queries, evaluation, garments)
    write_page(folder / "report.html", report, evaluation)
    for protocol in benchmark.protocols:
        if protocol.draws:
            continue  # there is no one list: each draw has a gallery of its own
        queries = telling_queries(evaluation.scores[protocol.name])
        if queries:
            picture = folder / f"ranked-{protocol.name.replace(' ', '-')}.png"
            draw_ranked_lists(picture, evaluation, protocol, queries)
    return report


def without_unreadable(benchmark: Benchmark, watch: Watch, most: float = 1.0) -> Benchmark:
    """The benchmark without the images that cannot be read, each of which is named.

    Raises
    ------
    ImageError
        They are more than a share of all.
    """
    subsets: dict[str, Samples] = {}
    left_out: list[str] = []
    for name, samples in benchmark.subsets.items():
        subsets[name], missing = leave_out_unreadable(samples, watch.track)
        left_out += missing
    for name in left_out:
        logger.warning("%s cannot be read and is left out.", benchmark.root / name)
    images = sum(map(len, benchmark.subsets.values()))
    if len(left_out) > most * images:
        raise ImageError(
            f"{len(left_out)} of {images} images, named above, cannot be read; that is more than a share of {most:g}.",
            "Replace them, or raise data.unreadable_share.",
        )
    return replace(benchmark, subsets=subsets, left_out=tuple(left_out))
