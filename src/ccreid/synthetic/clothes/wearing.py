"""What is worn over what: the layers of an outfit on a body, from the skin outwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ccreid.synthetic.body.suit import skin, suit
from ccreid.synthetic.clothes.draping import Undressed
from ccreid.synthetic.clothes.garments import Bottom, Top
from ccreid.synthetic.clothes.layers import (
    APART_M,
    SKIRT_FROM,
    TRUNK_M,
    Edges,
    Spread,
    edges_of_bottom,
    edges_of_top,
    inside,
    is_long,
    spread_of_bottom,
    spread_of_top,
)
from ccreid.synthetic.clothes.skirts import Skirt
from ccreid.synthetic.figure import Part
from ccreid.synthetic.outfits import Outfit

OVER_SKIRT = 0.06
"""Height of the trunk at which what is short ends at the latest over a skirt, which stands off below."""
SHORT = -0.2
"""What ends above this height of the trunk is short: over a skirt it ends at the waist."""


@dataclass(frozen=True, eq=False)
class Layer:
    """A garment on a body.

    Attributes
    ----------
    edges:
        For the suit's points.
    hides:
        For the skin's points, how far below its edges they are.
    skirt:
        The part of it that hangs, None where there is none.
    """

    garment: Top | Bottom
    part: Part
    edges: Edges
    hides: Edges
    spread: Spread
    skirt: Skirt | None


def layers_of(outfit: Outfit, body: Undressed) -> list[Layer]:
    """From the innermost to the outermost, each lying over those below it."""
    worn: list[Top | Bottom] = [outfit.top]
    if outfit.bottom is not None:
        worn.insert(1 if outfit.top.tucked else 0, outfit.bottom)
    if outfit.jacket is not None:  # it falls from what bulges below it
        worn.append(replace(outfit.jacket, fit=max(outfit.jacket.fit, outfit.top.fit)))
    layers: list[Layer] = []
    for garment in worn:
        flares = any(below.skirt is not None for below in layers)
        if isinstance(garment, Top):
            short = flares and garment.hem > SHORT
            layer = _top(replace(garment, hem=max(garment.hem, OVER_SKIRT)) if short else garment, body)
        else:
            layer = _bottom(garment, body)
        spread, skirt = layer.spread, layer.skirt
        for below in layers:
            reach = np.clip(inside(below.edges) / 0.03 + 1, 0, 1).astype(np.float32)
            spread = spread.over(below.spread, reach, garment.thickness_m + APART_M)
        if garment is outfit.top and _hidden_below(outfit):
            skirt = None
        layers.append(replace(layer, spread=spread, skirt=skirt))
    return layers


def outermost(layers: Sequence[Layer]) -> Spread:
    """How far what is worn lies off the body, all layers together."""
    everywhere = np.ones(len(layers[0].spread.ease), np.float32)
    spread = layers[0].spread
    for layer in layers[1:]:
        spread = layer.spread.over(spread, everywhere, 0)
    return spread


def _hidden_below(outfit: Outfit) -> bool:
    """Whether the part of the top that hangs is tucked in, or under a coat."""
    tucked = outfit.top.tucked and outfit.bottom is not None
    return tucked or (outfit.jacket is not None and is_long(outfit.jacket) and outfit.jacket.hem < outfit.top.hem)


def _top(top: Top, body: Undressed) -> Layer:
    skirt = None
    if is_long(top):
        gap = 0.0 if top.opening_m is None else max(0.02, round(top.opening_m / 0.17, 2))
        skirt = Skirt(SKIRT_FROM, -top.hem, top.flare, 0.02 + 0.05 * top.fit, gap)
    edges, hides = edges_of_top(top, suit().places), edges_of_top(top, skin().places)
    return Layer(top, Part.UPPER, edges, hides, spread_of_top(top, body), skirt)


def _bottom(bottom: Bottom, body: Undressed) -> Layer:
    places = skin().places
    edges, hides = edges_of_bottom(bottom, suit().places), edges_of_bottom(bottom, places)
    skirt = None
    if bottom.skirt:
        skirt = Skirt(bottom.waist, bottom.length, bottom.flare - 0.1, 0.03 + 0.1 * bottom.fit * bottom.flare, 0)
        hides = (*hides, (places.height - 0.1) * TRUNK_M)
    return Layer(bottom, Part.LOWER, edges, hides, spread_of_bottom(bottom, body), skirt)
