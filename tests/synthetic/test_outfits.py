"""Outfits know nothing of who wears them, differ in hundreds of ways, and lie outside the body."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.draping import undressed
from ccreid.synthetic.clothes.layers import APART_M, inside
from ccreid.synthetic.clothes.wearing import layers_of
from ccreid.synthetic.dressing import HIDDEN_M, dressed
from ccreid.synthetic.figure import Part
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.poses import Pose

OUTFITS = [draw_outfit(11, number) for number in range(60)]


def test_an_outfit_is_drawn_without_a_wearer_and_worn_by_anybody() -> None:
    assert list(inspect.signature(draw_outfit).parameters) == ["seed", "number"]
    outfit = OUTFITS[0]
    first, second = (make_figure(draw_person(11, number), outfit, Pose(0.2, 1)) for number in (0, 1))

    def worn(figure: object) -> list[tuple[Part, int]]:
        surfaces = getattr(figure, "surfaces")  # noqa: B009 - of a Figure
        return [(one.part, id(one.fabric)) for one in surfaces if one.fabric is not None]

    assert worn(first) == worn(second)
    assert {Part.UPPER, Part.SHOES} <= {part for part, _ in worn(first)}


def test_outfits_differ_in_their_cuts() -> None:
    cuts = {
        (
            round(outfit.top.hem, 1),
            round(outfit.top.sleeve, 1),
            round(outfit.top.fit, 1),
            outfit.top.collar,
            None if outfit.jacket is None else (round(outfit.jacket.hem, 1), outfit.jacket.collar),
            None if outfit.bottom is None else (outfit.bottom.skirt, round(outfit.bottom.length, 1)),
            outfit.hat is None,
            None if outfit.bag is None else outfit.bag.kind,
        )
        for outfit in OUTFITS
    }
    assert len(cuts) > 55
    assert 10 < sum(outfit.jacket is not None for outfit in OUTFITS) < 40
    assert any(outfit.bottom is not None and outfit.bottom.skirt for outfit in OUTFITS)


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_every_layer_lies_outside_the_body_and_the_layers_below_it(number: int) -> None:
    body = undressed(draw_person(11, number).build)
    layers = layers_of(OUTFITS[number], body)
    for index, layer in enumerate(layers):
        assert layer.spread.ease.min() > 0.001
        assert layer.spread.hang.min() >= 0
        for below in layers[:index]:
            covered = inside(below.edges) > 0
            apart = layer.spread.ease[covered] - below.spread.ease[covered]
            assert apart.min() >= APART_M
            assert (layer.spread.hang[covered] - below.spread.hang[covered]).min() >= -1e-6


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_skin_below_clothes_is_not_drawn_and_none_shines_through(number: int) -> None:
    person, outfit = draw_person(11, number), OUTFITS[number]
    pieces = dressed(person, outfit).drawn
    skin = next(one for one in pieces if one.surface.part is Part.SKIN)
    cloth = [one for one in pieces if one.surface.part in (Part.UPPER, Part.LOWER)]
    points = np.concatenate([one.points for one in cloth])
    body = undressed(person.build)
    for layer in layers_of(outfit, body):
        if layer.skirt is None:
            deep = inside(layer.edges) > HIDDEN_M + 0.03
            distance = cKDTree(skin.points).query(body.points[deep])[0]
            # The drawn skin ends near the edge: within a deep part of a garment it is found by nobody.
            assert np.quantile(distance, 0.1) > 0.01
    trunk = (suit().places.height > 0.3) & (suit().places.height < 0.8) & (suit().places.in_arm < 0.2)
    assert np.max(cKDTree(points).query(body.points[trunk])[0]) < 0.2
