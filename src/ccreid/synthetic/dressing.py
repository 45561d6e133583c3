"""A person in an outfit, unposed: the pieces that a pose then moves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.bodies import body_of
from ccreid.synthetic.draping import Undressed, undressed
from ccreid.synthetic.fabric import Fabric
from ccreid.synthetic.figure import Part, Surface
from ccreid.synthetic.footwear import Shoes
from ccreid.synthetic.garments import Bottom, Top
from ccreid.synthetic.hair import COLUMNS, hair_of
from ccreid.synthetic.heads import head_m, skin_of
from ccreid.synthetic.layers import (
    SKIRT_FROM,
    Edges,
    Spread,
    cut_out,
    edges_of_bottom,
    edges_of_top,
    inside,
    is_long,
    spread_of_bottom,
    spread_of_top,
)
from ccreid.synthetic.outfits import Outfit
from ccreid.synthetic.parts import Drawn, Hanging
from ccreid.synthetic.people import Person
from ccreid.synthetic.skirts import Skirt
from ccreid.synthetic.suit import Places, coarse, skin, suit

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Dressed:
    """What is drawn of a person in an outfit: what bones move, and skirts, which hang anew in every pose."""

    drawn: tuple[Drawn, ...]
    hanging: tuple[Hanging, ...]


@dataclass(frozen=True, eq=False)
class _Layer:
    garment: Top | Bottom
    part: Part
    edges: Edges
    hidden: Edges
    spread: Spread


@lru_cache(maxsize=16)
def dressed(person: Person, outfit: Outfit) -> Dressed:
    """The person in the outfit."""
    body, bare = undressed(person.build), body_of(person.build)
    layers = _layers(outfit, body)
    drawn, hanging = [], []
    for layer in layers:
        surface = _surface(layer.part, layer.garment.fabric)
        if not (isinstance(layer.garment, Bottom) and layer.garment.skirt):
            drawn.append(_sewn(layer.edges, layer.spread.points(body), surface))
        skirt = _skirt(layer.garment)
        tucked = isinstance(layer.garment, Top) and layer.garment.tucked and outfit.bottom is not None
        if skirt is not None and not tucked:
            hanging.append(Hanging(skirt, surface, layer.spread.points(body)))
    drawn += _shod(outfit.shoes, body)
    covered = np.max([inside(layer.hidden) for layer in layers], axis=0)
    covered = np.maximum(covered, inside(_edges_of_shoes(outfit.shoes, skin().places)))
    drawn += skin_of(person.looks, bare, covered > HIDDEN_M)
    around = layers[-1].spread.points(body)[coarse() & (suit().places.height > 0.35) & (suit().places.in_arm < 0.7)]
    head = np.asarray(skin().piece.mixture @ bare.points)
    drawn += hair_of(person.looks.hair, head, head_m(bare), around, np.zeros(COLUMNS))
    return Dressed(tuple(one for one in drawn if len(one.triangles)), tuple(hanging))


HIDDEN_M = 0.035
"""Skin so far below the edge of a garment is not drawn."""


def _layers(outfit: Outfit, body: Undressed) -> list[_Layer]:
    """From the innermost to the outermost, each over those below it."""
    worn: list[Top | Bottom] = [outfit.top]
    if outfit.bottom is not None:
        worn.insert(1 if outfit.top.tucked else 0, outfit.bottom)
    if outfit.jacket is not None:
        worn.append(outfit.jacket)
    layers: list[_Layer] = []
    for garment in worn:
        if isinstance(garment, Top):
            part, spread = Part.UPPER, spread_of_top(garment, body)
            edges, hidden = edges_of_top(garment, suit().places), edges_of_top(garment, skin().places)
        else:
            part, spread = Part.LOWER, spread_of_bottom(garment, body)
            edges, hidden = edges_of_bottom(garment, suit().places), edges_of_bottom(garment, skin().places)
            if garment.skirt:
                hidden = (*hidden, (skin().places.height - 0.1) * 0.54)
        for below in layers:
            reach = np.clip(inside(below.edges) / 0.03 + 1, 0, 1).astype(np.float32)
            spread = spread.over(below.spread, reach, garment.thickness_m + 0.003)
        layers.append(_Layer(garment, part, edges, hidden, spread))
    return layers


def _sewn(edges: Edges, points: Floats, surface: Surface) -> Drawn:
    piece = cut_out(edges)
    return Drawn(
        np.asarray(piece.mixture @ points, np.float32),
        sparse.csr_array(piece.mixture @ suit().weights),
        piece.triangles,
        surface,
    )


def _skirt(garment: Top | Bottom) -> Skirt | None:
    if isinstance(garment, Bottom):
        if not garment.skirt:
            return None
        return Skirt(garment.waist, garment.length, garment.flare - 0.1, 0.03 + 0.1 * garment.fit * garment.flare, 0)
    if not is_long(garment):
        return None
    gap = 0.0 if garment.opening_m is None else max(0.02, round(garment.opening_m / 0.17, 2))
    return Skirt(SKIRT_FROM, -garment.hem, garment.flare, 0.02 + 0.05 * garment.fit, gap)


def _surface(part: Part, fabric: Fabric, gloss: float = 0.0) -> Surface:
    return Surface(part, np.ones(3, np.float32), fabric, gloss)


def _edges_of_shoes(shoes: Shoes, places: Places) -> Edges:
    return ((places.leg - shoes.shaft) * 0.79,)


def _shod(shoes: Shoes, body: Undressed) -> list[Drawn]:
    """Shoes, soles and socks."""
    places = suit().places
    ease = np.full(len(body.points), 0.007, np.float32)
    points = body.points + ease[:, None] * body.normals
    low = np.clip((-0.79 - places.at[:, 1]) / 0.03, 0, 1)
    points[:, 1] = np.where(places.leg > 0.9, np.maximum(points[:, 1], 0.0), points[:, 1])
    front = np.clip((places.at[:, 2] - 0.09) / 0.1, 0, 1)
    points[:, 2] += shoes.toe_m * front**2 * (places.leg > 0.9)
    sole = points + np.stack([body.normals[:, 0] * 0.004, -low * shoes.sole_m, body.normals[:, 2] * 0.004], axis=1)
    edge = -0.803
    result = [
        _sewn(
            ((places.leg - shoes.shaft) * 0.79, places.at[:, 1] - edge),
            points,
            _surface(Part.SHOES, shoes.fabric, shoes.gloss),
        ),
        _sewn(
            (edge + 0.006 - places.at[:, 1],),
            sole.astype(np.float32),
            Surface(Part.SHOES, np.array(shoes.sole, np.float32)),
        ),
    ]
    if shoes.sock is not None:
        thin = body.points + 0.003 * body.normals
        edges = ((places.leg - shoes.sock_end) * 0.79, (shoes.shaft + 0.03 - places.leg) * 0.79)
        result.append(_sewn(edges, thin, Surface(Part.SHOES, np.array(shoes.sock, np.float32))))
    return result
