"""Skin, hair, beard, eyes and glasses of a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from ccreid.synthetic.body.shapes import Build

Color = tuple[float, float, float]
"""Linear RGB in [0, 1]."""

SKINS = ((0.072, 0.032, 0.017), (0.43, 0.24, 0.145), (0.56, 0.33, 0.235))
"""Of the people of each of :data:`ccreid.synthetic.body.shapes.ORIGINS`, as they reflect daylight."""
HAIRS: tuple[tuple[Color, float, float], ...] = (
    ((0.006, 0.005, 0.005), 3.0, 1.0),
    ((0.012, 0.008, 0.006), 2.0, 1.0),
    ((0.030, 0.015, 0.008), 0.2, 1.5),
    ((0.075, 0.034, 0.014), 0.1, 1.5),
    ((0.19, 0.095, 0.035), 0.05, 1.0),
    ((0.40, 0.26, 0.105), 0.05, 0.9),
    ((0.17, 0.035, 0.010), 0.05, 0.6),
)
"""Colours with how common each is among people of no and of all caucasian origin; dyed and white hair come extra."""
EYES: tuple[Color, ...] = ((0.03, 0.014, 0.007), (0.05, 0.075, 0.10), (0.05, 0.07, 0.035))


class Tied(StrEnum):
    """What is done with long hair."""

    LOOSE = "loose"
    TAIL = "tail"
    BUN = "bun"
    BRAID = "braid"


@dataclass(frozen=True)
class Hair:
    """A hairstyle, in parts of the head's height unless said otherwise.

    Attributes
    ----------
    color:
        Linear RGB.
    bald:
        0 is a full head of hair; from 0.3 the hairline recedes, from 0.8 only a wreath is left, 1 is nothing.
    top, sides:
        How thick it is there.
    length:
        How far below the ears it hangs: 0 is short hair.
    tied:
        Counts where it is long.
    tie_height:
        Where the tail or bun sits, from the nape (0) to the crown (1).
    fringe:
        How far it falls over the forehead: 0 not at all, 1 to the brows.
    parting:
        From -1 (the person's right) to 1; how uneven the front is.
    curl:
        0 straight, 1 frizzy.
    """

    color: Color
    bald: float
    top: float
    sides: float
    length: float
    tied: Tied
    tie_height: float
    fringe: float
    parting: float
    curl: float


@dataclass(frozen=True)
class Looks:
    """What skin and hair of a person look like.

    Attributes
    ----------
    skin, lips, eyes:
        Linear RGB.
    brows:
        How thick they are, 0 to 1.
    beard:
        How dense, 0 to 1; 0 is none.
    beard_form:
        "full", "chin", "moustache" or "stubble".
    glasses:
        Colour of the frame, None without glasses.
    glasses_round:
        0 is an angular frame, 1 a round one.
    """

    skin: Color
    lips: Color
    eyes: Color
    hair: Hair
    brows: float
    beard: float
    beard_form: str
    glasses: Color | None
    glasses_round: float


def draw_looks(random: np.random.Generator, build: Build) -> Looks:
    """Looks such as people of this origin, age and sex have, with a wide spread."""
    shade = np.array(build.origins) @ np.log(np.array(SKINS)) + random.normal(0, 0.22) + random.normal(0, 0.04, 3)
    skin = np.clip(np.exp(shade), 0.01, 0.75)
    reddened = skin * np.array((0.86, 0.5, 0.52))
    painted = np.array((0.36, 0.03, 0.06)) if random.random() < 0.35 * (1 - build.male) else reddened
    bearded = random.random() < 0.55 * build.male**4
    return Looks(
        skin=_color(skin),
        lips=_color(reddened + (painted - reddened) * random.uniform(0.3, 0.9)),
        eyes=EYES[int(random.choice(3, p=_shares(1, 0.5 * build.origins[2], 0.4 * build.origins[2])))],
        hair=_draw_hair(random, build),
        brows=float(random.uniform(0.2, 1)),
        beard=float(random.uniform(0.35, 1)) if bearded else 0.0,
        beard_form=str(random.choice(("full", "chin", "moustache", "stubble"))),
        glasses=_color(np.exp(random.normal(-3.5, 1, 1)) * random.uniform(0.5, 1, 3))
        if random.random() < 0.25
        else None,
        glasses_round=float(random.random()),
    )


def _draw_hair(random: np.random.Generator, build: Build) -> Hair:
    caucasian = build.origins[2]
    common = _shares(*(least + (most - least) * caucasian for _, least, most in HAIRS))
    color = np.array(HAIRS[int(random.choice(len(HAIRS), p=common))][0])
    grey = np.clip((build.age - random.uniform(0.25, 0.7)) * 3, 0, 1)
    color = color + (random.uniform(0.3, 0.65) - color) * grey
    if random.random() < 0.05:
        color = random.uniform(0, 0.5, 3)
    bald = (
        random.uniform(0, 1.6) * build.age + random.uniform(0, 0.5) if random.random() < 0.45 * build.male**2 else 0.0
    )
    long = bald < 0.3 and random.random() < 0.85 - 0.67 * build.male
    frizzy = random.random() < 0.15 + 0.6 * build.origins[0]
    return Hair(
        color=_color(color * np.exp(random.normal(0, 0.15))),
        bald=float(min(1.0, bald)) if random.random() < 0.95 else 1.0,
        top=float(random.uniform(0.02, 0.13) ** (1 if not frizzy else 0.85)),
        sides=float(random.uniform(0.005, 0.09)),
        length=float(random.uniform(0.15, 1.7)) if long else 0.0,
        tied=Tied(random.choice(list(Tied), p=(0.55, 0.2, 0.15, 0.1))),
        tie_height=float(random.random()),
        fringe=float(max(0.0, random.uniform(-0.8, 1))),
        parting=float(random.uniform(-1, 1)),
        curl=float(random.uniform(0.5, 1) if frizzy else random.uniform(0, 0.3)),
    )


def _color(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Color:
    red, green, blue = (float(value) for value in np.clip(values, 0.003, 0.85))
    return red, green, blue


def _shares(*weights: float) -> list[float]:
    return [weight / sum(weights) for weight in weights]
