"""Two pictures: how similar they are, and how probable it is that they show one person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ccreid.machine.devices import Device
from ccreid.model.embedder import Embedder
from ccreid.retrieval.calibration.answers import in_words
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.likelihood import posteriors


@dataclass(frozen=True)
class Comparison:
    """What is known of two pictures.

    Attributes
    ----------
    similarity:
        Cosine of their embeddings.
    log10_lr, words:
        The likelihood ratio of one person in the same clothes against two people, and its words.
    prior, probability:
        How probable that was taken to be beforehand, and is after.
    calibration:
        What the ratio is from.
    """

    similarity: float
    log10_lr: float
    words: str
    prior: float
    probability: float
    calibration: Calibration


def compare_images(
    one: Path, other: Path, bundle: Path, *, prior: float, calibration: Path | None = None, device: Device = "auto"
) -> Comparison:
    """Compare two pictures by a bundle and its calibration of pairs.

    Parameters
    ----------
    prior:
        How probable it is beforehand that they show one person, in (0, 1).
    calibration:
        The file; None takes the bundle's.

    Raises
    ------
    ArtefactError
        There is no such bundle, or no calibration of it.
    ImageError
        A picture cannot be read.
    SettingError
        The prior is none.
    """
    found = Calibration.of(bundle) if calibration is None else Calibration.at(calibration)
    posteriors(np.zeros((1, 1)), prior)  # a prior that is none is told before pictures are looked at
    embedder = Embedder.load(bundle, device)
    found.check_fits(embedder.made_with)
    first, second = embedder([one, other]).vectors.double()
    similarity = float(first @ second)
    ratio = found.pairs.log10(similarity)
    probable, _ = posteriors(np.array([[ratio]]), prior)
    return Comparison(
        similarity,
        ratio,
        in_words(ratio, "one person in the same clothes", "anything but that"),
        prior,
        float(probable[0, 0]),
        found,
    )
