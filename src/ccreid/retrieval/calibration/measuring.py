"""What a calibration's threshold really gives, on people whom it was not made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ccreid.errors import DataError
from ccreid.retrieval.calibration.calibrating import of_draw
from ccreid.retrieval.calibration.calibration import Calibration
from ccreid.retrieval.calibration.open_set import Curve, Found, Rate, fnir_curve, fpir_curve
from ccreid.retrieval.calibration.person_scores import Enrolled
from ccreid.retrieval.calibration.simulation import simulate
from ccreid.retrieval.calibration.thresholds import Threshold

DRAWS = 20
"""Galleries that are simulated."""

LARGEST_SHARE = 0.8
"""Of the people who are enrolled at most: the others are searched for."""


@dataclass(frozen=True)
class Measured:
    """A threshold, and what it gave on other people.

    Attributes
    ----------
    threshold:
        As the calibration gives it.
    fpir, fnir_same, fnir_changed:
        As measured; None where there were no such searches.
    """

    threshold: Threshold
    fpir: Rate
    fnir_same: Rate | None
    fnir_changed: Rate | None

    @property
    def holds(self) -> bool:
        """Whether the FPIR asked for lies inside the interval of the one measured."""
        low, high = self.fpir.interval
        return low <= self.threshold.fpir <= high


def measure(
    calibration: Calibration,
    crops: Enrolled,
    fpir: float,
    enrolled: int,
    random: np.random.Generator,
    *,
    varied: bool = True,
) -> Measured:
    """Set the calibration's threshold in simulated galleries of other people, and count.

    Parameters
    ----------
    crops:
        All crops of the people, as if they were enrolled.
    fpir, enrolled:
        What the threshold is asked for.
    varied:
        As in :func:`ccreid.retrieval.calibration.simulation.simulate`.

    Raises
    ------
    DataError
        There are too few people to enrol so many and search for others.
    SettingError
        The calibration has no such threshold.
    """
    if enrolled > LARGEST_SHARE * crops.people:
        raise DataError(
            f"{enrolled} of {crops.people} people cannot be enrolled while enough others are searched for.",
            f"Give {int(np.ceil(enrolled / LARGEST_SHARE))} people, or enrol fewer.",
        )
    threshold = calibration.threshold(fpir, enrolled)
    drawn = [
        of_draw(simulate(crops, enrolled, random, cohort=calibration.cohort, varied=varied), calibration.likelihood)
        for _ in range(DRAWS)
    ]
    at = np.array([threshold.value])
    same = Found.joined([found for found, _ in drawn])
    changed = [found for _, found in drawn if found is not None]
    return Measured(
        threshold,
        fpir_curve(same, at, crops.people, random).at(0),
        _first(fnir_curve(same, at, crops.people, random)),
        _first(fnir_curve(Found.joined(changed), at, crops.people, random)) if changed else None,
    )


def _first(curve: Curve | None) -> Rate | None:
    return None if curve is None else curve.at(0)
