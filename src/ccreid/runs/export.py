"""A bundle is exported, and compared with torch on pictures of people who do not exist."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import Tensor

from ccreid.data.crops import Crop
from ccreid.data.given import given
from ccreid.data.loaders import PlainLoader
from ccreid.data.preprocess import Preprocessing
from ccreid.datasets import read_benchmark
from ccreid.errors import SettingError
from ccreid.evaluation.evaluate import evaluate
from ccreid.export.exporting import PRECISION, export, export_integers
from ccreid.machine.files import check_writable
from ccreid.machine.progress import Track, untracked
from ccreid.model.bundle import Bundle
from ccreid.model.export_card import FORMAT, ExportCard, Quantised
from ccreid.model.exported import SUFFIXES, ExportedEngine, Library, kept_file
from ccreid.model.parity import noise
from ccreid.report.schema import Conditions, report_of
from ccreid.retrieval.crops.crop_list import list_crops
from ccreid.runs.score import embedder_of
from ccreid.vocabulary import Benchmark

COMPARED_ON, TOGETHER = 32, 7
"""Pictures that are compared, and how many at once: the last batch is of another size."""

CALIBRATED_ON = 300
"""Pictures that tell the ranges of values, at most."""

logger = logging.getLogger(__name__)


def export_bundle(bundle: Bundle, library: Library, out: Path | None, *, flip: bool | None) -> tuple[Path, ExportCard]:
    """Export a bundle to a file, or to where `Embedder` looks for it.

    Parameters
    ----------
    bundle:
        What is exported.
    library:
        What is to run it.
    out:
        The file; None keeps it in the user's cache.
    flip:
        Whether the graph adds the embedding of the mirror image; None does as the bundle says.

    Raises
    ------
    SettingError
        The name does not suit the library, the place is taken, nothing is kept, or a library is missing.
    CcreidError
        Whatever else a user can mend, see :func:`ccreid.export.exporting.export`.
    """
    flip = bundle.card.flip if flip is None else flip
    path = kept_file(bundle.weights_hash, library, flip=flip) if out is None else out
    if path is None:
        raise SettingError("There is no folder in which to keep an exported model.", "Name a file with --out.")
    _check_place(path, library)
    if bundle.card.precision != PRECISION:
        logger.warning(
            "The bundle computes in %s, the exported network in %s: their embeddings are not compared with each other.",
            *(bundle.card.precision, PRECISION),
        )
    return path, export(bundle, path, library, flip=flip, batches=_compared(bundle.preprocessing))


def export_integers_of(
    bundle: Bundle,
    library: Library,
    out: Path,
    *,
    flip: bool | None,
    calibration: Path,
    benchmark: Benchmark,
    track: Track[object] = untracked,
) -> ExportCard:
    """Export a bundle in 8-bit integers, scored before and after.

    Parameters
    ----------
    bundle, library, out, flip:
        As for :func:`export_bundle`; it is another model and has no place of its own.
    calibration:
        Pictures that tell the ranges of the values: a folder, or whatever `ccreid embed` takes.
    benchmark:
        What torch and the integers are scored on.
    track:
        Follows the batches for the user.

    Raises
    ------
    CcreidError
        Whatever a user can mend: names and places, pictures, libraries.
    """
    flip = bundle.card.flip if flip is None else flip
    _check_place(out, library)
    pictures = _calibrating(calibration, bundle.preprocessing)
    in_torch = embedder_of(bundle, flip=flip, device="cpu")
    before = report_of(evaluate(in_torch, benchmark, track=track), Conditions()).protocols

    def judge(engine: ExportedEngine) -> Quantised:
        in_integers = replace(in_torch, engine=engine)
        after = report_of(evaluate(in_integers, benchmark, track=track), Conditions()).protocols
        calibrated_on = sum(map(len, pictures))
        return Quantised(calibrated_on=calibrated_on, scored_on=benchmark.name, before=before, after=after)

    return export_integers(bundle, out, library, flip=flip, pictures=pictures, judge=judge)


def _calibrating(place: Path, preprocessing: Preprocessing) -> list[Tensor]:
    """Batches of the pictures of a folder: at most so many, from all over it."""
    listed = list_crops([str(place)])
    rows = np.linspace(0, len(listed) - 1, min(len(listed), CALIBRATED_ON)).astype(int)
    paths = listed.table["path"].to_pylist()
    pictures = [paths[row] if (box := listed.boxes[row]) is None else Crop(paths[row], box) for row in rows]
    return [batch.images for batch in PlainLoader(given(pictures), preprocessing, batch_images=TOGETHER)]


def _check_place(path: Path, library: Library) -> None:
    if SUFFIXES.get(path.suffix) != library:
        suffix = next(suffix for suffix, of in SUFFIXES.items() if of == library)
        raise SettingError(f"{path} is no name for {library}.", f"Name a file that ends with {suffix}.")
    written = [path] if library == "onnx" else [path, path.with_suffix(".bin")]
    for place in written:
        check_writable(place, "file")
    is_own = path.exists() and FORMAT.encode() in path.read_bytes()
    if taken := [place for place in written if place.exists() and not is_own]:
        raise SettingError(f"{taken[0]} is there already, and is something else.", "Name another file with --out.")


def _compared(preprocessing: Preprocessing) -> list[Tensor]:
    people = read_benchmark("wardrobe").subset("query")
    rows = np.linspace(0, len(people) - 1, COMPARED_ON).astype(int)
    loader = PlainLoader(people.select(rows), preprocessing, batch_images=TOGETHER)
    return [*(batch.images for batch in loader), noise(preprocessing, 1)]
