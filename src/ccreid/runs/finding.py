"""Crops for a gallery, from a file of embeddings or from pictures that are embedded now."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccreid.data.crops import Crop
from ccreid.errors import ArtefactError, SettingError
from ccreid.machine.devices import Device
from ccreid.machine.progress import Track
from ccreid.model.choosing import EngineName
from ccreid.model.embedder import Embedder
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.crops.crop_file import CropFile, is_crop_file, stacked
from ccreid.retrieval.crops.crop_list import list_crops
from ccreid.retrieval.crops.crop_reading import Seen
from ccreid.retrieval.crops.embed_crops import embed_crops, told
from ccreid.retrieval.crops.embedding_here import Here
from ccreid.retrieval.crops.models import check_same_model, differing
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.gallery.moving import Moved, move

_log = logging.getLogger(__name__)


def given_crops(
    places: Sequence[str],
    lines: bytes,
    bundle: str | None,
    device: Device,
    track: Track[list[Seen]],
    *,
    engine: EngineName = "auto",
) -> CropFile:
    """Crops with embeddings: files of them are read, anything else is embedded.

    Parameters
    ----------
    places, lines:
        Files of crops; or with a bundle whatever :func:`ccreid.retrieval.crops.crop_list.list_crops` takes.
    bundle, engine:
        The model that pictures are embedded with, and what runs it.

    Raises
    ------
    SettingError
        They are no files of crops, and no bundle is named.
    ArtefactError
        Files of crops were made with different models, or are damaged.
    DataError
        Nothing can be embedded.
    """
    if bundle is None:
        return _read(places)
    with TemporaryDirectory() as folder:
        file = Path(folder, "crops.parquet")
        listed = list_crops(places, lines)
        outcome = embed_crops(listed, file, Here(Embedder.load(bundle, device, engine=engine)), track=track)
        if outcome.problems:
            _log.warning("%d of %d crops were left out. %s", len(outcome.problems), len(listed), told(outcome.problems))
        return CropFile.read(file)


def re_embed(
    gallery: Gallery,
    bundle: str,
    device: Device,
    track: Track[Sequence[dict[str, Any]]],
    *,
    engine: EngineName = "auto",
    leave_behind: bool = False,
) -> Moved:
    """Move a gallery to the model of a bundle, see :func:`ccreid.retrieval.gallery.moving.move`."""
    embedder = Embedder.load(bundle, device, engine=engine)

    def embed(pictures: list[Path | Crop]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = embedder(pictures).vectors.numpy()
        return vectors

    return move(gallery, embed, embedder.made_with, leave_behind=leave_behind, track=track)


def fitting_calibration(gallery: Gallery, bundle: str | None) -> Calibration | None:
    """A gallery's own calibration, else that of a bundle where it is for the gallery's model."""
    own = gallery.calibration
    if own is not None or bundle is None:
        return own
    try:
        found = Calibration.of(bundle)
    except ArtefactError:
        return None
    made_with = gallery.settings.made_with
    return None if made_with is None or differing(made_with, found.made_with) else found


def named_calibration(named: str) -> Calibration:
    """A calibration by its file, or by the bundle or folder that holds it. Raises ArtefactError where there is none."""
    return Calibration.at(Path(named)) if Path(named).is_file() else Calibration.of(named)


def _read(places: Sequence[str]) -> CropFile:
    for place in places:
        if not is_crop_file(Path(place)):
            raise SettingError(
                f"{place} is no file of crops.", "Make one with `ccreid embed`, or name the model: --bundle BUNDLE"
            )
    files = [CropFile.read(place) for place in places]
    for file in files:
        check_same_model(file.made_with, file.source, files[0].made_with, files[0].source, "Give files of one model.")
    return files[0] if len(files) == 1 else CropFile(stacked([file.table for file in files]), files[0].made_with)
