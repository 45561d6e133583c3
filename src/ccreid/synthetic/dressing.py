"""A person in an outfit, unposed: the pieces that a pose then moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.bodies import body_of
from ccreid.synthetic.body.glasses import glasses_of
from ccreid.synthetic.body.hair import COLUMNS, Around, hair_of
from ccreid.synthetic.body.heads import head_m, skin_of, skin_points
from ccreid.synthetic.body.suit import coarse, skin, suit
from ccreid.synthetic.clothes.bags import bag_of
from ccreid.synthetic.clothes.collars import collar_of, scarf_of
from ccreid.synthetic.clothes.draping import Undressed, undressed
from ccreid.synthetic.clothes.footwear import edges_of_shoes, shoes_of
from ccreid.synthetic.clothes.garments import Bottom, Collar
from ccreid.synthetic.clothes.hats import Hat, HatKind, edge_of, hat_of
from ccreid.synthetic.clothes.layers import TRUNK_M, edges_of_lapels, inside, sewn
from ccreid.synthetic.clothes.skirts import Hanging
from ccreid.synthetic.clothes.wearing import Layer, layers_of, outermost
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.outfits import Outfit
from ccreid.synthetic.parts import Drawn, in_fabric
from ccreid.synthetic.people import Person

Floats = NDArray[np.float32]

HIDDEN_M = 0.035
"""Skin so far below the edge of a garment is not drawn."""
SMALL = 700
"""Pieces of fewer points are collars, straps and the like."""


@dataclass(frozen=True, eq=False)
class Dressed:
    """What is drawn of a person in an outfit: what bones move, and skirts, which hang anew in every pose."""

    drawn: tuple[Drawn, ...]
    hanging: tuple[Hanging, ...]


@lru_cache(maxsize=16)
def dressed(person: Person, outfit: Outfit) -> Dressed:
    """The person in the outfit."""
    body = undressed(person.build)
    layers = layers_of(outfit, body)
    drawn = [piece for layer in layers for piece in _clothes(layer, body)]
    hanging = [
        Hanging(layer.skirt, in_fabric(layer.part, layer.garment.fabric), layer.spread.points(body))
        for layer in layers
        if layer.skirt is not None
    ]
    drawn += shoes_of(outfit.shoes, body)
    hides = [inside(layer.hides) for layer in layers] + [inside(edges_of_shoes(outfit.shoes, skin().places))]
    drawn += skin_of(person.looks, person.build, np.max(hides, axis=0) > HIDDEN_M)
    lying = outermost(layers).points(body)
    if outfit.scarf is not None:
        drawn += scarf_of(outfit.scarf, lying, in_fabric(Part.ACCESSORY, outfit.scarf.fabric))
    if outfit.bag is not None:
        surface = in_fabric(Part.ACCESSORY, outfit.bag.fabric, outfit.bag.gloss)
        drawn += bag_of(outfit.bag, body_of(person.build), lying, surface)
    drawn += _head(person, outfit, _around(drawn, lying))
    return Dressed(tuple(one for one in drawn if len(one.triangles)), tuple(hanging))


def _clothes(layer: Layer, body: Undressed) -> list[Drawn]:
    """A garment with its collar or belt, without the part that hangs."""
    surface, lying = in_fabric(layer.part, layer.garment.fabric), layer.spread.points(body)
    if isinstance(layer.garment, Bottom):
        trousers = [] if layer.skirt else [sewn(layer.edges, lying, surface)]
        return trousers + _belt(layer.garment, lying + 0.004 * body.normals)
    drawn = [sewn(layer.edges, lying, surface), *collar_of(layer.garment.collar, lying, surface)]
    if layer.garment.collar is Collar.LAPELS:
        drawn.append(sewn(edges_of_lapels(layer.garment, suit().places), lying + 0.005 * body.normals, surface))
    return drawn


def _belt(bottom: Bottom, lying: Floats) -> list[Drawn]:
    if bottom.belt is None:
        return []
    places = suit().places
    edges = (
        (bottom.waist + 0.01 - places.height) * TRUNK_M,
        (places.height - bottom.waist + 0.07) * TRUNK_M,
        0.5 - places.in_arm,
    )
    return [sewn(edges, lying, Surface(Part.LOWER, np.array(bottom.belt, np.float32), gloss=0.3))]


def _around(worn: list[Drawn], lying: Floats) -> Around:
    """Trunk and shoulders in their clothes, with collars, hoods, scarves and straps: what hair lies on."""
    near = coarse() & (suit().places.height > 0.35) & (suit().places.in_arm < 0.7)
    others = [one for one in worn if one.surface.part in (Part.UPPER, Part.ACCESSORY) and len(one.points) < SMALL]
    return Around(
        np.concatenate([lying[near], *(one.points for one in others)]),
        sparse.csr_array(sparse.vstack([suit().weights[near], *(one.weights for one in others)])),
    )


def _head(person: Person, outfit: Outfit, around: Around) -> list[Drawn]:
    """Hair, glasses, hat or hood."""
    body = body_of(person.build)
    head, size = skin_points(person.build), head_m(person.build)
    hat, part = outfit.hat, Part.ACCESSORY
    for top in (outfit.top, outfit.jacket):
        if top is not None and top.collar is Collar.HOOD_UP:
            hat, part = Hat(HatKind.HOOD, top.fabric, 0, 0), Part.UPPER
    turn = np.arange(COLUMNS) / COLUMNS * 360
    under = np.zeros(COLUMNS) if hat is None else edge_of(hat.kind, turn)
    drawn = hair_of(person.looks.hair, head, size, around, under) + glasses_of(person.looks, body, size)
    return drawn if hat is None else drawn + hat_of(hat, head, in_fabric(part, hat.fabric))
