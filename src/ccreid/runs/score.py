"""The scores of a network on a benchmark, in a folder: numbers, page, tables and pictures."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ccreid.data.decode import leave_out_unreadable
from ccreid.data.pixels import users_cache
from ccreid.errors import ImageError
from ccreid.evaluation.evaluate import Extractor, evaluate
from ccreid.analysis.outfits import shared_outfits
from ccreid.report.page import write_page
from ccreid.report.per_query import write_per_query
from ccreid.report.ranked_lists import draw_ranked_lists, telling_queries
from ccreid.report.schema import Conditions, Report, report_of
from ccreid.report.tables import belief_table, report_table
from ccreid.analysis.supplement import supplement
from ccreid.report.text import write_tables
from ccreid.machine.limits import BATCH_IMAGES, CACHE_GB
from ccreid.model.bundle import Bundle, load_bundle
from ccreid.recipe.run_folder import EMBEDDINGS, QUERIES, REPORT
from ccreid.machine.devices import Device, default_workers, launch, memory_advice, processes_of
from ccreid.machine.progress import Track, untracked
from ccreid.machine.provenance import describe_machine, versions
from ccreid.training.journal import Listener
from ccreid.vocabulary import Benchmark, Samples

logger = logging.getLogger(__name__)


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
    reranking:
        Rank by k-reciprocal re-ranked distances.

    Returns
    -------
    Report
        As in report.json.
    """
    watch = watch or Watch()
    bundle = load_bundle(bundle_folder)
    extractor = extractor_of(bundle, flip=flip, device=device)
    conditions = Conditions(bundle=bundle_folder.resolve().name, seed=bundle.card.seed, selection=bundle.card.selection)
    if skip_unreadable:
        benchmark = without_unreadable(benchmark, watch)
    return score(extractor, benchmark, folder, conditions, watch, reranking=reranking)


def extractor_of(bundle: Bundle, *, flip: bool | None = None, device: Device = "auto") -> Extractor:
    """What embeds pictures as a bundle says. Raises SettingError where the device is not here."""
    card = bundle.card
    fabric = launch(device, card.precision)
    return Extractor(
        bundle.network.to(fabric.device),
        bundle.weights_hash,
        bundle.preprocessing,
        flip=card.flip if flip is None else flip,
        batch_images=BATCH_IMAGES,
        workers=default_workers(),
        pixels=users_cache(CACHE_GB),
        autocast=fabric.autocast,
        processes=processes_of(fabric),
        precision=card.precision,
    )


def score(
    extractor: Extractor,
    benchmark: Benchmark,
    folder: Path,
    conditions: Conditions,
    watch: Watch,
    *,
    reranking: bool,
) -> Report:
    """Score a network on a benchmark under some conditions, and write what came of it. See :func:`evaluate_bundle`."""
    with memory_advice(f"Lower evaluation.batch_images (now {extractor.batch_images})."):
        evaluation = evaluate(extractor, benchmark, folder / EMBEDDINGS, reranking=reranking, track=watch.track)
    preprocessing = extractor.preprocessing
    conditions = conditions.model_copy(
        update={
            "image_size": f"{preprocessing.height_px} x {preprocessing.width_px}",
            "flip_averaging": extractor.flip,
            "precision": extractor.precision,
            "weights": extractor.weights_hash[:12],
            "versions": versions(),
            "machine": describe_machine(),
        }
    )
    garments = shared_outfits(benchmark)
    report = report_of(evaluation, conditions, supplement(evaluation, garments))
    if not extractor.processes.leads:
        return report
    report.write(folder / REPORT)
    write_tables(folder / "report.txt", report_table(report), belief_table(report))
    write_per_query(folder / QUERIES, evaluation, garments)
    write_page(folder / "report.html", report, evaluation)
    for protocol in benchmark.protocols:
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
