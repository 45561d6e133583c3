"""Bags, straps, collars and shoes are where people wear them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ccreid.synthetic.body.bodies import body_of
from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.bags import Bag, BagKind, bag_of
from ccreid.synthetic.clothes.collars import FORMS, collar_of, scarf_of
from ccreid.synthetic.clothes.draping import undressed
from ccreid.synthetic.clothes.footwear import shoes_of
from ccreid.synthetic.clothes.garments import Collar
from ccreid.synthetic.clothes.sections import section
from ccreid.synthetic.figure import Part
from ccreid.synthetic.figures import make_figure
from ccreid.synthetic.outfits import Outfit, draw_outfit
from ccreid.synthetic.parts import in_fabric
from ccreid.synthetic.people import draw_person
from ccreid.synthetic.poses import Pose

OUTFITS = [draw_outfit(4, number) for number in range(40)]
FABRIC = OUTFITS[0].top.fabric
SURFACE = in_fabric(Part.ACCESSORY, FABRIC)
PERSON = draw_person(4, 0)
BODY, LYING = body_of(PERSON.build), undressed(PERSON.build).points


def bag(kind: BagKind, side: int = 1) -> Bag:
    return Bag(kind, FABRIC, 1.0, side, 0.3, 0.015, 0.1)


def test_a_section_lies_in_its_plane_and_in_the_directions_asked_for() -> None:
    places = suit().places
    x, _, z = places.at.T
    turn = np.radians(np.arange(0, 360, 15))
    mixture = section(places.height - 0.3, (0.0, 0.0), (x, z), turn)
    np.testing.assert_allclose(mixture.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(mixture @ places.height, 0.3, atol=1e-3)
    found = np.arctan2(mixture @ x, mixture @ z)
    assert np.abs((found - turn + np.pi) % (2 * np.pi) - np.pi).max() < np.radians(4)


def test_a_backpack_is_behind_the_back_with_straps_before_the_chest() -> None:
    box, pocket, *straps = bag_of(bag(BagKind.BACKPACK), BODY, LYING, SURFACE)
    back = LYING[np.abs(LYING[:, 0]) < 0.1]
    assert box.points[:, 2].mean() < back[:, 2].min()
    assert pocket.points[:, 2].min() < box.points[:, 2].min()
    assert len(straps) == 2
    left, right = straps
    assert left.points[:, 0].min() > 0 > right.points[:, 0].max()
    chest = BODY.joint("spine01")[2]
    for strap in straps:
        assert strap.points[:, 2].max() > chest > strap.points[:, 2].min()
        assert np.max(cKDTree(LYING).query(strap.points)[0]) < 0.06


@pytest.mark.parametrize("side", [1, -1])
def test_bags_hang_at_their_side(side: int) -> None:
    hip = BODY.joint("upperleg01.L")[1]
    for kind in (BagKind.ACROSS, BagKind.SHOULDER):
        box, strap = bag_of(bag(kind, side), BODY, LYING, SURFACE)
        assert (box.points[:, 0] * side).min() > 0.02
        assert abs(box.points[:, 1].mean() - hip) < 0.25
        assert strap.points[:, 1].max() > BODY.joint("upperarm01.L")[1] - 0.06  # it goes over a shoulder
    across = bag_of(bag(BagKind.ACROSS, side), BODY, LYING, SURFACE)[1].points
    top = across[across[:, 1].argmax()]
    assert top[0] * side < 0  # over the other one


@pytest.mark.parametrize("side", [1, -1])
def test_a_handbag_hangs_below_a_hand_that_hangs_down(side: int) -> None:
    outfit: Outfit = replace(OUTFITS[0], bag=bag(BagKind.HAND, side))
    figure = make_figure(PERSON, outfit, Pose(0.1, 1, swing=1.2))
    mine = [n for n, one in enumerate(figure.surfaces) if one.part is Part.ACCESSORY and one.fabric is FABRIC]
    points = figure.vertices[np.unique(figure.triangles[np.isin(figure.surface, mine)])]
    low = points[points[:, 1] < 0.35 * figure.height_m]
    assert (low[:, 0] * side).mean() > 0.1
    assert low[:, 1].min() > 0.05  # it does not drag


@pytest.mark.parametrize("collar", list(FORMS))
def test_a_collar_is_round_the_neck_and_open_where_it_says(collar: Collar) -> None:
    (drawn,) = collar_of(collar, LYING, SURFACE)
    neck = BODY.joint("neck01")
    assert drawn.points[:, 1].max() > neck[1]
    assert np.linalg.norm(drawn.points[:, [0, 2]] - neck[[0, 2]], axis=1).max() < 0.26
    angle = np.degrees(np.abs(np.arctan2(drawn.points[:, 0], drawn.points[:, 2] - neck[2])))
    assert angle.max() > 170
    assert angle.min() >= 0.4 * FORMS[collar].gap


def test_a_hood_that_is_up_and_no_collar_give_none() -> None:
    assert collar_of(Collar.NONE, LYING, SURFACE) == []
    assert collar_of(Collar.HOOD_UP, LYING, SURFACE) == []


def test_a_thick_scarf_is_wider_than_a_thin_one() -> None:
    scarf = next(outfit.scarf for outfit in OUTFITS if outfit.scarf is not None)
    thin, thick = (scarf_of(replace(scarf, thick=thick), LYING, SURFACE)[0].points for thick in (0.0, 1.0))
    assert np.ptp(thick[:, 0]) > np.ptp(thin[:, 0]) + 0.03


def test_soles_are_below_the_feet_and_shoes_as_high_as_their_shaft() -> None:
    body = undressed(PERSON.build)
    for shaft in (0.99, 0.7):
        shoes = replace(OUTFITS[0].shoes, shaft=shaft, sole_m=0.03, sock=None)
        upper, sole = shoes_of(shoes, body)
        assert sole.points[:, 1].min() == pytest.approx(-0.03, abs=0.004)
        ankle, knee = BODY.joint("foot.L")[1], BODY.joint("lowerleg01.L")[1]
        assert upper.points[:, 1].max() < knee
        assert (upper.points[:, 1].max() > ankle + 0.1) == (shaft == 0.7)
