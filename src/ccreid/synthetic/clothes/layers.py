"""Clothes on a body, unposed: each cut from the suit, and laid over what is worn below it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ccreid.synthetic.body.suit import Places, suit
from ccreid.synthetic.clothes.draping import Undressed
from ccreid.synthetic.clothes.folds import folds, quilting
from ccreid.synthetic.clothes.garments import Bottom, Collar, Top
from ccreid.synthetic.curves import ramp
from ccreid.synthetic.figure import Surface
from ccreid.synthetic.meshes import parted
from ccreid.synthetic.parts import Drawn

Floats = NDArray[np.float32]

TRUNK_M, ARM_M, LEG_M = 0.54, 0.46, 0.79
"""Of the base mesh, so that edges of clothes are cut in metres."""
NECK_M = 0.612
"""Where the neck begins on the base mesh."""
SKIRT_FROM = 0.14
"""A top that reaches below the hips is a skirt from this height of the trunk on; its upper part ends a little lower."""
PADDED_M = 0.013
"""What is thicker is padded, and quilted instead of folded."""
APART_M = 0.003
"""Between two layers of clothes."""


@dataclass(frozen=True, eq=False)
class Spread:
    """How far a layer lies off the suit's n points: along normals, and away from the middle of trunk and limbs."""

    ease: Floats
    hang: Floats

    def over(self, inner: Spread, covered: Floats, gap_m: float) -> Spread:
        """The layer laid over another one, which is there where `covered` is 1."""
        return Spread(
            np.maximum(self.ease, covered * (inner.ease + gap_m)), np.maximum(self.hang, covered * inner.hang)
        )

    def points(self, body: Undressed) -> Floats:
        """(n, 3) where the suit's points lie then."""
        lying: Floats = body.points + self.ease[:, None] * body.normals + self.hang[:, None] * body.outward
        return lying


Edges = tuple[NDArray[np.floating], ...]
"""For n points, how far inside each edge of a garment they lie, in metres; outside is negative."""


def edges_of_top(top: Top, places: Places) -> Edges:
    """Hem, sleeves, neckline and front opening."""
    on_arm = ramp(places.in_arm, 0.3, 0.6)
    hem = max(top.hem, SKIRT_FROM - 0.06) if is_long(top) else top.hem
    edges = [
        (places.height - hem) * TRUNK_M + 2 * on_arm,
        (top.sleeve - places.arm) * ARM_M + 1 - on_arm,
        _neckline(top, places),
    ]
    if top.opening_m is not None:
        edges.append(_off_opening(top, places))
    return tuple(edges)


def edges_of_lapels(top: Top, places: Places) -> Edges:
    """The lapels of a jacket, along its opening from where that widens up to the neck."""
    opening = _off_opening(top, places)
    wide = 0.055 * ramp(places.height, _opens_at(top), _opens_at(top) + 0.3)
    return (*edges_of_top(top, places), wide - opening, (places.height - _opens_at(top)) * TRUNK_M)


def _opens_at(top: Top) -> float:
    """The height of the trunk from which on an opening widens."""
    return 1 - 2.2 * top.neck_depth / TRUNK_M


def _off_opening(top: Top, places: Places) -> Floats:
    """How far a point lies beside the opening in front; much, behind."""
    x, _, z = places.at.T
    wide = (top.opening_m or 0) + 0.5 * top.neck_depth * ramp(places.height, _opens_at(top), 1.05)
    return np.asarray(np.abs(x) - wide * ramp(z, -0.02, 0.03) + 2 * ramp(-z, 0.0, 0.02), np.float32)


def _neckline(top: Top, places: Places) -> Floats:
    x, y, z = places.at.T
    width = 0.072 + top.neck_width
    across = np.clip(np.abs(x) / width, 0, 1)
    form = top.pointed * (1 - across) + (1 - top.pointed) * np.sqrt(1 - across**2)
    front = ramp(z, 0.0, 0.05)
    line = NECK_M - 0.01 * (top.neck_width > 0) - front * form * top.neck_depth
    return np.asarray(np.where(np.abs(x) < width, line - y, NECK_M + 0.04 - y), np.float32)


def edges_of_bottom(bottom: Bottom, places: Places) -> Edges:
    """Waist and ends of the legs."""
    return (
        (bottom.waist - places.height) * TRUNK_M - 2 * ramp(places.in_arm, 0.3, 0.6),
        (bottom.length - places.leg) * LEG_M,
    )


def is_long(top: Top) -> bool:
    """Whether its lower part is a skirt."""
    return top.hem < -0.02


def inside(edges: Edges) -> Floats:
    """(n,) how far inside of all edges, metres."""
    return np.asarray(np.min(edges, axis=0), np.float32)


def sewn(edges: Edges, lying: Floats, surface: Surface) -> Drawn:
    """The part of the suit within the edges, where the suit's points lie at (n, 3).

    Only the triangles that an edge crosses are cut: they are few.
    """
    sheet = suit()
    corners = sheet.piece.triangles
    whole, crossed = _within(edges, corners)
    own, numbered = np.unique(crossed, return_inverse=True)
    rim = numbered.reshape(-1, 3).astype(np.int32)
    # What is blended where an edge is cut: where a point lies, its weights, how far inside of each edge it is.
    bones = sheet.weights.shape[1]
    table = np.concatenate(
        [lying[own], sheet.weights[own].toarray(), np.stack([edge[own] for edge in edges], axis=1)], axis=1
    )
    for column in range(3 + bones, table.shape[1]):
        rim, pairs, share = parted(rim, table[:, column])
        between = table[pairs[:, 0]] * (1 - share)[:, None] + table[pairs[:, 1]] * share[:, None]
        table = np.concatenate([table, between.astype(np.float32)])
    left = np.zeros(len(table), np.bool_)
    left[rim] = True
    used = np.zeros(len(lying), np.bool_)
    used[corners[whole]] = True
    used[own[left[: len(own)]]] = True
    cut_in = np.flatnonzero(left[len(own) :]) + len(own)
    place = np.cumsum(used) - 1
    number = np.zeros(len(table), np.int64)
    number[: len(own)] = place[own]
    number[cut_in] = used.sum() + np.arange(len(cut_in))
    new_weights = sparse.csr_array(table[cut_in, 3 : 3 + bones])
    return Drawn(
        np.concatenate([lying[used], table[cut_in, :3]]).astype(np.float32),
        sparse.csr_array(sparse.vstack([sheet.weights[used], new_weights])),
        np.concatenate([place[corners[whole]], number[rim]]).astype(np.int32),
        surface,
    )


def _within(edges: Edges, corners: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    """(F,) which triangles lie within all edges, and (C, 3) those that an edge crosses."""
    beyond = np.zeros(len(edges[0]), np.uint16)  # a bit an edge
    for bit, edge in enumerate(edges):
        beyond |= (edge < 0).astype(np.uint16) << bit
    a, b, c = beyond[corners.T]
    whole = (a | b | c) == 0
    return whole, corners[~whole & ((a & b & c) == 0)]


def spread_of_top(top: Top, body: Undressed) -> Spread:
    """How a top lies on the bare body."""
    loose, places = min(1.0, 1.4 * top.fit), suit().places
    ease = np.full(len(body.points), 0.004 + top.thickness_m + 0.012 * top.fit, np.float32)
    ease *= 1 - 0.35 * ramp(places.height, 0.85, 1.0) * (top.collar is not Collar.HOOD)
    if top.thickness_m > PADDED_M:
        ease += quilting(places, 0.35 * top.thickness_m)
    else:
        ease += folds(places, 0.002 + 0.007 * top.fit, 1000 * top.fit)
    hang = loose * body.hang.trunk + 0.8 * loose * body.hang.arms
    return Spread(ease, hang)


def spread_of_bottom(bottom: Bottom, body: Undressed) -> Spread:
    """How trousers lie on the bare body."""
    places = suit().places
    below = ramp(places.in_leg, 0.5, 1.0)
    ease = 0.003 + bottom.thickness_m + 0.003 * bottom.fit
    if bottom.skirt:  # the rest of it hangs: :mod:`ccreid.synthetic.clothes.skirts`
        return Spread(np.full(len(below), ease, np.float32), np.zeros(len(below), np.float32))
    widens = np.clip(0.25 * (places.leg - 0.06) * LEG_M, 0, 0.08)
    hang = bottom.fit * np.minimum(1.3 * body.hang.legs, widens)
    hang = hang + below * bottom.flare * ramp(places.leg, 0.45, 1.0)
    creased = folds(places, 0.002 + 0.005 * bottom.fit, 1000 * bottom.fit)
    return Spread(np.asarray(ease + 0.012 * bottom.fit * below + creased, np.float32), np.asarray(hang, np.float32))
