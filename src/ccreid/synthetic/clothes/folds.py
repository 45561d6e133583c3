"""Folds of cloth and the quilting of padded jackets: small changes of how far cloth lies off the body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ccreid.synthetic.body.suit import Places
from ccreid.synthetic.curves import ramp, waves

Floats = NDArray[np.floating]

QUILT_M = 0.065
"""From seam to seam."""
ARM_M, TRUNK_M = 0.46, 0.54


def folds(places: Places, deep_m: float, start: float) -> NDArray[np.float32]:
    """(n,) metres, at least 0: where limbs bend and at the waist folds are deep, elsewhere flat.

    Parameters
    ----------
    start:
        Where in the pattern a garment begins, so that no two have the same folds.
    """
    x, y, z = places.at.T
    trunk = waves(np.stack([26 * x + start, 17 * y + 9 * x, 26 * z + 0.7 * start], axis=1))
    arms = waves(np.stack([9 * places.arm + start, 24 * places.arm + 8 * z, 12 * y + start], axis=1))
    legs = waves(np.stack([9 * places.leg + start, 30 * places.leg + 22 * x, 22 * z + start], axis=1))
    waist = 0.35 + 0.65 * np.exp(-(((places.height - 0.3) / 0.22) ** 2))
    bent_arm = 0.25 + np.exp(-(((places.arm - 0.5) / 0.13) ** 2)) + 0.6 * ramp(places.arm, 0.75, 0.95)
    bent_leg = (
        0.15
        + np.exp(-(((places.leg - 0.5) / 0.1) ** 2))
        + 0.9 * ramp(places.leg, 0.8, 0.97)
        + 0.5 * np.exp(-(((places.leg - 0.05) / 0.1) ** 2))
    )
    arm, leg = ramp(places.in_arm, 0.3, 0.7), ramp(places.in_leg, 0.4, 0.8)
    mixed = trunk * waist * (1 - arm - leg) + arms * bent_arm * arm + legs * bent_leg * leg
    return np.asarray(deep_m * np.clip(0.5 + 0.5 * mixed, 0, 1.4), np.float32)


def quilting(places: Places, deep_m: float) -> NDArray[np.float32]:
    """(n,) metres, at least 0: bulges between seams that run round trunk and arms."""
    arm = places.in_arm > 0.5
    along = np.where(arm, places.arm * ARM_M, -places.height * TRUNK_M)
    return np.asarray(deep_m * np.abs(np.sin(np.pi * along / QUILT_M)) ** 0.6, np.float32)
