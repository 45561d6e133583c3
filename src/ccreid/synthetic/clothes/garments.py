"""What garments are: a handful of measures each, which no wearer has any part in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ccreid.synthetic.body.looks import Color
from ccreid.synthetic.fabric import Fabric


class Collar(StrEnum):
    """What stands or lies at the neck."""

    NONE = "none"
    SHIRT = "shirt"
    STAND = "stand"
    ROLL = "roll"
    LAPELS = "lapels"
    HOOD = "hood"
    HOOD_UP = "hood up"


@dataclass(frozen=True)
class Top:
    """What hangs from the shoulders: a T-shirt, a shirt, a dress, a jacket, a coat.

    Attributes
    ----------
    hem:
        Where it ends: along the trunk from the hip joints (0) to the neck (1); below 0 it goes on as a skirt, along the
        legs as far as the ankles (-1).
    sleeve:
        Where sleeves end, from the shoulder (0) to the wrist (1).
    neck_depth, neck_width:
        How far the neckline is cut down in front, and out over the shoulders, in metres.
    pointed:
        From a round neckline (0) to one that is a V (1).
    fit:
        From skin-tight (0) to very wide (1).
    flare:
        How much wider it grows below the hips, in metres a metre.
    thickness_m:
        Of cloth and lining.
    opening_m:
        How far it stands open in front, on each side of the middle; None where it has no front opening.
    tucked:
        Whether its hem goes into the trousers or the skirt.
    """

    fabric: Fabric
    hem: float
    sleeve: float
    neck_depth: float
    neck_width: float
    pointed: float
    fit: float
    flare: float
    thickness_m: float
    opening_m: float | None
    collar: Collar
    tucked: bool


@dataclass(frozen=True)
class Bottom:
    """What hangs from the waist or the hips: trousers, shorts, leggings, a skirt.

    Attributes
    ----------
    waist:
        Its upper edge along the trunk, from the hip joints (0) to the neck (1).
    length:
        Where it ends along the leg, from the hip (0) to the ankle (1).
    fit:
        From skin-tight (0) to very wide (1).
    flare:
        Trousers: how many metres legs widen below the knee. Skirts: metres a metre.
    skirt:
        Whether it is one.
    belt:
        Its colour in linear RGB, None without one.
    """

    fabric: Fabric
    waist: float
    length: float
    fit: float
    flare: float
    thickness_m: float
    skirt: bool
    belt: Color | None
