"""A bundle's calibration: crops of people whom it has not seen become a file and a page."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ccreid.data.decode import read_image
from ccreid.datasets.holdout import GALLERY, QUERY
from ccreid.errors import DataError, SettingError, StorageError
from ccreid.machine.devices import Device, default_workers
from ccreid.machine.extras import need
from ccreid.machine.files import check_writable
from ccreid.machine.progress import Track
from ccreid.model.bundle import SHIPPED, BundleCard, bundle_folder, load_bundle, read_card
from ccreid.model.embedder import Embedder
from ccreid.report.calibration_page import write_calibration_page
from ccreid.retrieval.calibration.calibrating import calibrate, check_enough
from ccreid.retrieval.calibration.calibration import NAME, Calibration, Scope
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.labels import codes, labels_of
from ccreid.retrieval.crops.models import check_same_model
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.runs.score import embedder_of
from ccreid.runs.watch import Watch
from ccreid.version import __version__
from ccreid.vocabulary import DISTRACTOR, UNKNOWN, Benchmark, Ids, Samples

PAGE = "calibration.html"

UNKNOWN_PEOPLE = "whom the model is taken not to have seen"

MOST_PEOPLE, MOST_CROPS = 1000, 80
"""People, and crops of each, that are calibrated with at most: drawn by lot."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Crops of known people, and where they come from.

    Attributes
    ----------
    crops:
        As if they were enrolled.
    made_with:
        What their embeddings depend on.
    data, people_are:
        The data set, file or gallery; which of its people they are, in words.
    synthetic:
        Whether no real person is shown; None where that is not known.
    """

    crops: Enrolled
    made_with: dict[str, str]
    data: str
    people_are: str
    synthetic: bool | None


def calibration_folder(bundle: Path, chosen: Path | None) -> Path:
    """Where the calibration of a bundle goes: beside it, unless another folder was chosen.

    Raises
    ------
    ArtefactError
        There is no such bundle.
    SettingError
        The bundle belongs to the package, its folder cannot be written, or scikit-learn is not installed.
    StorageError
        The folder chosen cannot be.
    """
    need("sklearn", extra="gallery", to="calibrate")  # before anything is embedded
    folder = bundle_folder(bundle)
    read_card(folder)
    if chosen is not None:
        check_writable(chosen)
        return chosen
    if folder.resolve().is_relative_to(SHIPPED.resolve()):
        raise SettingError(f"{folder} belongs to the package, with its calibration.", "Name a folder with --out.")
    try:
        check_writable(folder)
    except StorageError as error:
        raise SettingError(error.message, "Name another folder with --out.") from error
    return folder


def of_benchmark(bundle: Path, benchmark: Benchmark, device: Device, watch: Watch, seed: int) -> Labelled:
    """Embed a benchmark's validation people, or its test people where it has no others; never its training people.

    Raises
    ------
    DataError
        It has neither, or they are too few; before anything is embedded.
    ImageError
        An image cannot be read.
    """
    loaded = load_bundle(bundle)
    names, which = ((QUERY, GALLERY), "validation") if QUERY in benchmark.subsets else (("query", "gallery"), "test")
    if names[0] not in benchmark.subsets:
        benchmark.check_scored("Calibrate with people who were not trained on: the set's query and gallery.")
    drawn = [_of_people(benchmark.subset(name)) for name in names]
    people = np.concatenate([samples.person for samples in drawn])
    keep = _lot(people, np.random.default_rng(seed))
    columns = {name: _joined(drawn, name)[keep] for name in ("clothes", "camera")}
    numbers = np.unique(people[keep], return_inverse=True)[1].astype(np.int64)
    known_camera = None if (columns["camera"] == UNKNOWN).all() else columns["camera"]
    blank = np.zeros((len(keep), 1), dtype=np.float32)
    check_enough(Enrolled(blank, numbers, columns["clothes"], known_camera))
    parts = [samples.select(rows) for samples, rows in zip(drawn, _split(keep, len(drawn[0])), strict=True)]
    heights = np.concatenate([_heights(samples, watch.track) for samples in parts])  # finds what cannot be read, too
    embedder = embedder_of(loaded, device=device)
    vectors = np.concatenate([_embedded(embedder, samples, watch) for samples in parts])
    return Labelled(
        Enrolled(vectors, numbers, columns["clothes"], known_camera, heights),
        embedder.made_with,
        benchmark.name,
        f"{which} people{_seen_by(loaded.card, benchmark)}",
        benchmark.synthetic,
    )


def of_crop_file(bundle: Path, path: Path, device: Device) -> Labelled:
    """The crops of a file whose column `person` says who is seen; `outfit` and `camera` are used where they are there.

    Raises
    ------
    ArtefactError
        It is no file of crops, or another model's.
    DataError
        It does not say who is seen.
    """
    file = CropFile.read(path)
    _check_model(file.made_with, bundle, device, str(path))
    person, outfit, camera = (codes(labels_of(file.table, name)) for name in ("person", "outfit", "camera"))
    rows = np.flatnonzero(person != UNKNOWN)
    if not len(rows):
        raise DataError(f"{path} does not say who is seen.", "Give it a column 'person'.")
    crops = Enrolled(
        file.vectors[rows],
        np.unique(person[rows], return_inverse=True)[1].astype(np.int64),
        outfit[rows],
        None if (camera[rows] == UNKNOWN).all() else camera[rows],
        file.table["height_px"].to_numpy()[rows].astype(np.int64),
    )
    return Labelled(crops, file.made_with, path.name, UNKNOWN_PEOPLE, None)


def of_gallery(bundle: Path, uri: str, device: Device) -> Labelled:
    """The confirmed crops of a gallery. Raises ArtefactError where there is none, or it is another model's."""
    gallery = Gallery.open(uri)
    snapshot = gallery.snapshot()
    made_with = gallery.settings.made_with
    if made_with is None or not len(snapshot.confirmed):
        raise DataError(f"Nobody is enrolled in {uri}.", "Enrol people first.")
    _check_model(made_with, bundle, device, uri)
    return Labelled(snapshot.enrolled, made_with, uri, UNKNOWN_PEOPLE, None)


def _check_model(made_with: Mapping[str, str], bundle: Path, device: Device, source: str) -> None:
    of_bundle = Embedder.load(bundle, device).made_with
    check_same_model(made_with, source, of_bundle, str(bundle), "Name the bundle that it was made with.")


def calibrate_bundle(labelled: Labelled, folder: Path, seed: int, watch: Watch) -> Calibration:
    """Calibrate, and write the file and its page into a folder.

    Raises
    ------
    DataError
        The people are too few, and how many are needed.
    StorageError
        The folder cannot be written.
    """
    random = np.random.default_rng(seed)
    crops = labelled.crops.select(_lot(labelled.crops.person, random))
    calibration = calibrate(
        crops, labelled.made_with, scope_of(labelled, crops, seed), random=random, track=watch.track
    )
    write_calibration_page(folder / PAGE, calibration)
    calibration.write(folder / NAME)
    return calibration


def scope_of(labelled: Labelled, crops: Enrolled, seed: int) -> Scope:
    """Where a calibration comes from that is made with these crops, today."""
    worn = np.unique(np.stack([crops.person, crops.outfit])[:, crops.outfit != UNKNOWN], axis=1)[0]
    cameras = None if crops.camera is None else crops.camera[crops.camera != UNKNOWN]
    return Scope(
        data=labelled.data,
        people_are=labelled.people_are,
        people=crops.people,
        crops=len(crops.person),
        cameras=None if cameras is None else len(np.unique(cameras)),
        outfits=int(np.bincount(worn).max()) if len(worn) else None,
        synthetic=labelled.synthetic,
        date=datetime.now(UTC).date().isoformat(),
        version=__version__,
        seed=seed,
    )


def _seen_by(card: BundleCard, benchmark: Benchmark) -> str:
    trained = card.trained_on
    if trained is None:
        return "; on whom the model was trained is not known"
    if trained.name == benchmark.name:
        return ", none of them trained on"
    return f" of another data set than the model's ({trained.name})"


def _of_people(samples: Samples) -> Samples:
    """The images of people: without distractors, who are nobody."""
    called = {value for value, name in samples.names.get("person", {}).items() if name == DISTRACTOR}
    return samples.select(~np.isin(samples.person, list(called)))


def _lot(person: Ids, random: np.random.Generator) -> Ids:
    """Rows of some crops of some people, ascending: of all where there are not too many."""
    people = random.permutation(np.unique(person))[:MOST_PEOPLE]
    return np.sort(np.concatenate([random.permutation(np.flatnonzero(person == one))[:MOST_CROPS] for one in people]))


def _joined(parts: list[Samples], column: str) -> Ids:
    values = [getattr(samples, column) for samples in parts]
    return np.concatenate(
        [
            np.full(len(samples), UNKNOWN) if value is None else value
            for samples, value in zip(parts, values, strict=True)
        ]
    )


def _split(rows: Ids, first: int) -> tuple[Ids, Ids]:
    return rows[rows < first], rows[rows >= first] - first


def _embedded(embedder: Embedder, samples: Samples, watch: Watch) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = embedder(samples, track=watch.track).vectors.numpy()
    return vectors


def _heights(samples: Samples, track: Track[int]) -> Ids:
    """(N,) in pixels, as the pictures are shown."""
    paths = [samples.path(row) for row in range(len(samples))]
    with ThreadPoolExecutor(default_workers() + 1) as pool:
        heights = pool.map(lambda path: read_image(path).size[1], paths)
        return np.array(list(track(heights, "Measuring every image", len(paths))), dtype=np.int64)
