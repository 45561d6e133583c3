"""What people wear, drawn without a look at who wears it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ccreid.synthetic.clothes.bags import Bag, draw_bag
from ccreid.synthetic.clothes.collars import Scarf, draw_scarf
from ccreid.synthetic.clothes.footwear import Shoes, draw_shoes
from ccreid.synthetic.clothes.garments import Bottom, Collar, Top
from ccreid.synthetic.clothes.hats import Hat, draw_hat
from ccreid.synthetic.draws import draws
from ccreid.synthetic.fabric import draw_fabric


@dataclass(frozen=True, eq=False)
class Outfit:
    """Clothes that are worn together; an outfit is equal to itself alone.

    Attributes
    ----------
    top:
        On the skin; a dress counts as one.
    jacket:
        Over it, or None.
    bottom:
        None under a dress that is worn with bare legs.
    """

    top: Top
    jacket: Top | None
    bottom: Bottom | None
    shoes: Shoes
    hat: Hat | None
    scarf: Scarf | None
    bag: Bag | None


@lru_cache(maxsize=1024)
def draw_outfit(seed: int, number: int) -> Outfit:
    """The outfit of this number in the wardrobe of this seed, which all people share."""
    random = draws(seed, "outfit", number)
    bottom = _draw_bottom(random)
    dress = random.random() < 0.08
    top = _draw_dress(random) if dress else _draw_top(random)
    jacket = _draw_jacket(random) if random.random() < 0.4 else None
    bare = dress and random.random() < 0.6
    return Outfit(
        top=top,
        jacket=jacket,
        bottom=None if bare else bottom,
        shoes=draw_shoes(random),
        hat=draw_hat(random) if random.random() < 0.18 else None,
        scarf=draw_scarf(random) if random.random() < (0.16 if jacket else 0.04) else None,
        bag=draw_bag(random) if random.random() < 0.45 else None,
    )


def _draw_top(random: np.random.Generator) -> Top:
    """A T-shirt, shirt, blouse, polo shirt, pullover, hooded sweater, tank top."""
    long = random.random() < 0.5
    thick = long and random.random() < 0.45
    kinds = (Collar.NONE, Collar.SHIRT, Collar.ROLL, Collar.HOOD, Collar.HOOD_UP)
    collar = Collar(random.choice(kinds, p=(0.3, 0.2, 0.15, 0.3, 0.05) if thick else (0.68, 0.28, 0.04, 0, 0)))
    low = collar is Collar.NONE
    return Top(
        fabric=draw_fabric(random, "pullover" if thick else "shirt"),
        hem=float(random.uniform(-0.16, 0.12) if random.random() < 0.9 else random.uniform(0.2, 0.42)),
        sleeve=float(
            random.uniform(0.86, 1.0) if long else random.choice((0.03, random.uniform(0.2, 0.62)), p=(0.15, 0.85))
        ),
        neck_depth=float(random.uniform(0.015, 0.13) ** (1.0 if random.random() < 0.5 else 1.3)) if low else 0.012,
        neck_width=float(random.uniform(0, 0.05)) if low else 0.0,
        pointed=float(random.choice((0, 1, random.random()))),
        fit=float(0.05 + 0.95 * random.beta(1.4, 1.8)),
        flare=float(random.uniform(0, 0.25)),
        thickness_m=float(random.uniform(0.004, 0.012) if thick else random.uniform(0.001, 0.003)),
        opening_m=None,
        collar=collar,
        tucked=bool(random.random() < 0.25),
    )


def _draw_dress(random: np.random.Generator) -> Top:
    """A dress or a tunic."""
    return Top(
        fabric=draw_fabric(random, "dress"),
        hem=float(random.uniform(-0.95, -0.25)),
        sleeve=float(random.choice((0.03, random.uniform(0.2, 0.6), random.uniform(0.85, 1)))),
        neck_depth=float(random.uniform(0.015, 0.14)),
        neck_width=float(random.uniform(0, 0.06)),
        pointed=float(random.choice((0, 1, random.random()))),
        fit=float(random.uniform(0.05, 0.8)),
        flare=float(random.uniform(0, 0.45)),
        thickness_m=0.002,
        opening_m=None,
        collar=Collar.NONE,
        tucked=False,
    )


def _draw_jacket(random: np.random.Generator) -> Top:
    """A jacket, a blazer, a cardigan, a padded jacket, a waistcoat, a coat."""
    coat = random.random() < 0.35
    padded = random.random() < 0.3
    closed = random.random() < 0.5
    kinds = (Collar.LAPELS, Collar.STAND, Collar.SHIRT, Collar.HOOD, Collar.NONE, Collar.HOOD_UP)
    collar = Collar(
        random.choice(kinds, p=(0.05, 0.4, 0.1, 0.35, 0.05, 0.05) if padded else (0.35, 0.2, 0.15, 0.12, 0.15, 0.03))
    )
    return Top(
        fabric=draw_fabric(random, "padded jacket" if padded else "coat" if coat else "jacket"),
        hem=float(random.uniform(-0.7, -0.2) if coat else random.uniform(-0.14, 0.2)),
        sleeve=0.04 if random.random() < 0.07 else float(random.uniform(0.9, 1.02)),
        neck_depth=float(random.uniform(0.1, 0.24)) if collar in (Collar.LAPELS, Collar.NONE) else 0.012,
        neck_width=0.01 if collar is Collar.NONE else 0.0,
        pointed=1.0,
        fit=float(random.uniform(0.15, 0.9)),
        flare=float(random.uniform(0, 0.2)),
        thickness_m=float(random.uniform(0.015, 0.035) if padded else random.uniform(0.004, 0.01)),
        opening_m=0.003 if closed else float(random.uniform(0.02, 0.075)),
        collar=collar,
        tucked=False,
    )


def _draw_bottom(random: np.random.Generator) -> Bottom:
    """Trousers, jeans, leggings, shorts, a skirt."""
    skirt = random.random() < 0.11
    short = random.random() < (0.6 if skirt else 0.2)
    dark = float(random.uniform(0.005, 0.1))
    return Bottom(
        fabric=draw_fabric(random, "skirt" if skirt else "shorts" if short else "trousers"),
        waist=float(random.uniform(0.2, 0.4)),
        length=float(
            random.uniform(0.25, 0.55)
            if short
            else random.uniform(0.6, 0.95)
            if skirt
            else random.choice((0.985, random.uniform(0.75, 0.98)), p=(0.75, 0.25))
        ),
        fit=float(random.beta(1.2, 2.0)),
        flare=float(random.uniform(0, 0.6)) if skirt else float(max(0.0, random.uniform(-0.06, 0.06))),
        thickness_m=float(random.uniform(0.001, 0.004)),
        skirt=bool(skirt),
        belt=(dark, 0.6 * dark, 0.4 * dark) if random.random() < 0.4 else None,
    )
