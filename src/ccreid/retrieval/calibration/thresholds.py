"""From the false-positive identification rate asked for to a threshold, for a number of enrolled people."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import SettingError
from ccreid.records import Interval, Record
from ccreid.retrieval.calibration.open_set import RULE_OF_THREE, Curve, Rate

Figures = NDArray[np.float64]

FURTHEST = 10
"""A threshold is given for galleries of so many times the people of the calibration, at most."""

BLIND = 0.9
"""Who misses more than this share of the people in changed clothes does not see past clothes."""

GROWTH = (1, 2, 5, 10)
"""For galleries of so many times the people enrolled the FPIR is told."""

GRID = (
    0.6,
    0.4,
    0.3,
    0.2,
    0.15,
    0.12,
    0.1,
    0.08,
    0.065,
    0.05,
    0.04,
    0.03,
    0.02,
    0.015,
    0.01,
    0.007,
    0.005,
    0.003,
    0.001,
)
"""FPIRs of each size of gallery at whose thresholds the rates are written down."""


class RateCurve(Record):
    """A rate at the thresholds of a calibration: value, both ends of its interval, how many different people err."""

    value: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    erring: tuple[int, ...]
    people: int
    searches: int

    @classmethod
    def of(cls, curve: Curve) -> RateCurve:
        """As it is written."""
        return cls(
            value=_rounded(curve.value),
            low=_rounded(curve.low),
            high=_rounded(curve.high),
            erring=tuple(curve.erring.tolist()),
            people=curve.people,
            searches=curve.searches,
        )

    def at(self, threshold: float, thresholds: Sequence[float]) -> Rate:
        """The rate at a threshold between those."""
        value, low, high = (float(np.interp(threshold, thresholds, ends)) for ends in (self.value, self.low, self.high))
        return Rate(value=value, interval=(low, high), people=self.people, searches=self.searches)


class SizeRates(Record):
    """What was measured with galleries of one size.

    Attributes
    ----------
    enrolled:
        People in the gallery.
    fpir:
        Of people who were not enrolled.
    fnir_same, fnir_changed:
        Of people enrolled in the clothes that were searched for, and of people enrolled in others; None where there
        were no such searches. Where outfits are not known all are of the first kind, whatever they wore.
    """

    enrolled: int
    fpir: RateCurve
    fnir_same: RateCurve | None
    fnir_changed: RateCurve | None


class Growth(Record):
    """The FPIR that a threshold gives in a gallery of some size."""

    enrolled: int
    fpir: float
    interval: Interval


class Threshold(Record):
    """What to ask of the nearest person's score, and what that gives.

    Attributes
    ----------
    value, interval:
        Of the log10 likelihood ratio. Other people to calibrate with would have given one within the interval.
    fpir, fpir_interval:
        As asked for; the interval of the FPIR that was measured at the threshold.
    enrolled, simulated:
        People in the gallery; whether galleries of that size were simulated, or it was gone beyond them.
    people, source:
        Of the calibration: how many, and who they are, in words.
    fnir_same, fnir_changed:
        Of enrolled people, in the clothes that they are enrolled in and in others; None where it was not measured.
    growth:
        What becomes of the FPIR as the gallery grows and the threshold stays.
    sees_past_clothes:
        Whether people in changed clothes were found often enough; None where outfits were not known.
    """

    value: float
    interval: Interval
    fpir: float
    fpir_interval: Interval
    enrolled: int
    simulated: bool
    people: int
    source: str
    fnir_same: Rate | None
    fnir_changed: Rate | None
    growth: tuple[Growth, ...]
    sees_past_clothes: bool | None


class OperatingPoints(Record):
    """Error rates by threshold and by the size of the gallery.

    Attributes
    ----------
    people:
        Of the calibration.
    outfits_known:
        Whether clothes were told apart.
    thresholds:
        Ascending, of the log10 likelihood ratio.
    sizes:
        Ascending by people enrolled; at least two.
    """

    people: int
    outfits_known: bool
    thresholds: tuple[float, ...]
    sizes: tuple[SizeRates, ...]

    def threshold(self, fpir: float, enrolled: int, source: str) -> Threshold:
        """The threshold for an FPIR; `source` says who the people of the calibration are.

        Raises
        ------
        SettingError
            It is no rate; the people of the calibration are too few for it, or for so large a gallery.
        """
        if not 0 < fpir < 1:
            raise SettingError(f"An FPIR of {fpir:g} was asked for.", "Give a rate between 0 and 1, for example 0.1.")
        self._check_size(enrolled)
        needed = math.ceil(RULE_OF_THREE / fpir - 1e-9)
        if self.people < needed:
            raise SettingError(
                f"{self.people} people cannot support an FPIR of {fpir:.2%}: no error among n people still allows 3/n.",
                f"Calibrate with {needed} people, or ask for {self.smallest_fpir:.1%} or more.",
            )
        value, low, high = self._rates(enrolled)
        place = _crossing(self.thresholds, value, fpir)
        erring = int(np.interp(place, self.thresholds, self.sizes[-1].fpir.erring))
        if value[-1] > fpir or erring < RULE_OF_THREE:
            least = self._least_supported(value)
            raise SettingError(
                f"With {enrolled} people enrolled an FPIR of {fpir:.2%} cannot be supported: at its threshold {erring} "
                f"of the {self.people} people of the calibration are ever taken for another, and three are needed.",
                f"Calibrate with about {math.ceil(self.people * RULE_OF_THREE / max(erring, 1))} people"
                + (f", or ask for {least:.1%} or more." if least < 1 else ", or enrol fewer."),
            )
        size = self._nearest_size(enrolled)
        same, changed = (
            None if curve is None else curve.at(place, self.thresholds) for curve in (size.fnir_same, size.fnir_changed)
        )
        return Threshold(
            value=place,
            interval=(_crossing(self.thresholds, low, fpir), _crossing(self.thresholds, high, fpir)),
            fpir=fpir,
            fpir_interval=(_at(place, self.thresholds, low), _at(place, self.thresholds, high)),
            enrolled=enrolled,
            simulated=self.sizes[0].enrolled <= enrolled <= self.sizes[-1].enrolled,
            people=self.people,
            source=source,
            fnir_same=same,
            fnir_changed=changed,
            growth=tuple(
                self.fpir_at(place, times * enrolled) for times in GROWTH if times * enrolled <= FURTHEST * self.people
            ),
            sees_past_clothes=self._sees_past_clothes(changed, fpir, enrolled),
        )

    @property
    def smallest_fpir(self) -> float:
        """The smallest that so many people can support."""
        return RULE_OF_THREE / self.people

    def fpir_at(self, threshold: float, enrolled: int) -> Growth:
        """The FPIR of a threshold with so many people enrolled. Raises SettingError for too many."""
        self._check_size(enrolled)
        value, low, high = (_at(threshold, self.thresholds, rates) for rates in self._rates(enrolled))
        return Growth(enrolled=enrolled, fpir=value, interval=(low, high))

    def _check_size(self, enrolled: int) -> None:
        if enrolled < 1:
            raise SettingError(f"A threshold for {enrolled} enrolled people was asked for.", "Enrol somebody first.")
        if enrolled > FURTHEST * self.people:
            raise SettingError(
                f"{enrolled} people are enrolled; {self.people} people to calibrate with say nothing of more than "
                f"{FURTHEST * self.people}.",
                f"Calibrate with {math.ceil(enrolled / FURTHEST)} people or more.",
            )

    def _rates(self, enrolled: int) -> tuple[Figures, Figures, Figures]:
        """FPIR at every threshold with so many enrolled, and both ends of its interval.

        Between simulated sizes log FPIR is a line of log N. Beyond the largest it goes on with the slope of a line
        fitted to all; the upper end grows in proportion to N, which independent people cannot exceed.
        """
        sizes = np.log([size.enrolled for size in self.sizes])
        at = math.log(enrolled)
        value, low, high = (
            np.log(np.maximum([getattr(size.fpir, name) for size in self.sizes], self._floor))
            for name in ("value", "low", "high")
        )
        away = sizes - sizes.mean()
        slope = np.maximum(away @ (value - value.mean(axis=0)) / (away @ away), 0)
        beyond = max(at - sizes[-1], 0.0)
        below = max(sizes[0] - at, 0.0)  # a smaller gallery than was simulated errs no more than the smallest one
        inside = min(max(at, sizes[0]), sizes[-1])
        ends = (
            (value, slope * (beyond - below)),
            (low, slope * (beyond - below)),
            (high, np.maximum(slope, 1.0) * beyond),
        )
        found = [np.array([np.interp(inside, sizes, column) for column in rates.T]) + more for rates, more in ends]
        of_value, of_low, of_high = (np.minimum.accumulate(np.minimum(np.exp(rates), 1)) for rates in found)
        return of_value, of_low, of_high

    @property
    def _floor(self) -> float:
        """Half an error, as a rate: what stands for none in logarithms."""
        return 0.5 / max(size.fpir.searches for size in self.sizes)

    def _nearest_size(self, enrolled: int) -> SizeRates:
        return min(self.sizes, key=lambda size: abs(math.log(size.enrolled / enrolled)))

    def _least_supported(self, fpir: Figures) -> float:
        """The smallest FPIR at whose threshold three people err."""
        supported = np.array(self.sizes[-1].fpir.erring) >= RULE_OF_THREE
        return float(fpir[supported].min()) if supported.any() else 1.0

    def _sees_past_clothes(self, changed: Rate | None, fpir: float, enrolled: int) -> bool | None:
        if not self.outfits_known:
            return None
        by_chance = 1 - fpir / enrolled
        return changed is not None and changed.value <= BLIND and changed.interval[1] < by_chance


def _rounded(shares: Figures) -> tuple[float, ...]:
    """Shares as they are written: more digits would be no truth, and take space."""
    return tuple(np.round(shares, 6).tolist())


def _at(threshold: float, thresholds: Sequence[float], rates: Figures) -> float:
    """A rate at a threshold, between whose neighbours its logarithm is a line."""
    return float(np.exp(np.interp(threshold, thresholds, np.log(rates))))


def _crossing(thresholds: Sequence[float], rates: Figures, asked: float) -> float:
    """Where descending rates come down to what is asked for; at the ends where they never cross it."""
    steps = 1e-12 * np.arange(len(rates))  # equal rates in a row have an order: the lowest threshold that will do
    return float(np.interp(-math.log(asked), -np.log(rates) + steps, thresholds))
