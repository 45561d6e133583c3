"""Hair grows on the skull, falls over what is worn, and fits under hats."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from ccreid.synthetic.body.hair import COLUMNS, ROWS, Around, hair_of
from ccreid.synthetic.body.heads import head_m, skin_points
from ccreid.synthetic.body.looks import Hair, Tied
from ccreid.synthetic.body.shells import MIDDLE, rays, shell
from ccreid.synthetic.body.suit import skin, suit
from ccreid.synthetic.clothes.draping import undressed
from ccreid.synthetic.clothes.hats import COLUMNS as HAT_COLUMNS
from ccreid.synthetic.clothes.hats import Hat, HatKind, edge_of, hat_of
from ccreid.synthetic.dressing import dressed
from ccreid.synthetic.figure import Part
from ccreid.synthetic.outfits import draw_outfit
from ccreid.synthetic.parts import in_fabric
from ccreid.synthetic.people import draw_person

PERSON = draw_person(2, 1)
HEAD, SIZE_M = skin_points(PERSON.build), head_m(PERSON.build)
SHORT = Hair((0.1, 0.1, 0.1), 0.0, 0.05, 0.03, 0.0, Tied.LOOSE, 0.5, 0.0, 0.0, 0.0)
LONG = replace(SHORT, length=1.2)
TURN = np.arange(COLUMNS) / COLUMNS * 360
OPEN = np.zeros(COLUMNS)


def around() -> Around:
    chosen = (suit().places.height > 0.35) & (suit().places.in_arm < 0.7)
    return Around(undressed(PERSON.build).points[chosen], suit().weights[chosen])


def test_rays_meet_the_head_they_are_shot_at() -> None:
    down, turn = np.array((5.0, 60, 90, 120)), np.array((0.0, 0, 180, 180))
    hits = shell(down, turn) @ skin().places.at
    aim = rays(down, turn)
    for hit, ray in zip(hits, aim, strict=True):
        away = (hit - MIDDLE) / np.linalg.norm(hit - MIDDLE)
        assert away @ ray > 0.98
        assert np.min(cKDTree(skin().places.at).query(hit)[0]) < 0.012


def test_short_hair_lies_on_the_skull_and_ends_at_the_hairline() -> None:
    (drawn,) = hair_of(SHORT, HEAD, SIZE_M, around(), OPEN)
    rows = drawn.points.reshape(ROWS, COLUMNS, 3)
    middle = HEAD[np.abs(skin().places.at - MIDDLE).sum(axis=1).argsort()[:1]].mean(axis=0)
    off = cKDTree(HEAD).query(drawn.points)[0]
    assert np.max(off) < 0.05
    assert rows[0, :, 1].min() > HEAD[:, 1].max()  # above the crown
    eyes = middle[1]
    assert rows[-1, 0, 1] > eyes  # the forehead stays free
    assert rows[-1, COLUMNS // 2, 1] < rows[-1, 0, 1] - 0.05  # behind, it reaches the nape


def test_bald_heads_have_a_wreath_or_nothing() -> None:
    assert hair_of(replace(SHORT, bald=1.0), HEAD, SIZE_M, around(), OPEN) == []
    (wreath,) = hair_of(replace(SHORT, bald=0.9), HEAD, SIZE_M, around(), OPEN)
    (full,) = hair_of(SHORT, HEAD, SIZE_M, around(), OPEN)
    assert wreath.points[:, 1].max() < full.points[:, 1].max() - 0.02


def test_long_hair_hangs_as_long_as_told_and_outside_what_is_worn() -> None:
    worn = around()
    lowest = []
    for length in (0.3, 0.8, 1.5):
        (drawn,) = hair_of(replace(LONG, length=length), HEAD, SIZE_M, worn, OPEN)
        lowest.append(float(drawn.points[:, 1].min()))
        below = drawn.points[:, 1] < HEAD[:, 1].max() - SIZE_M
        behind = below & (drawn.points[:, 2] < worn.points[:, 2].mean())
        for point in drawn.points[behind][::7]:  # no piece of clothing is farther out in its direction
            near = worn.points[np.linalg.norm((worn.points - point)[:, :2], axis=1) < 0.02]
            assert len(near) == 0 or near[:, 2].min() > point[2] - 0.01
    assert lowest[0] > lowest[1] > lowest[2]
    assert lowest[0] - lowest[2] == pytest.approx(1.2 * SIZE_M, abs=0.08)


@pytest.mark.parametrize("tied", [Tied.BUN, Tied.TAIL, Tied.BRAID])
def test_tied_hair_is_behind_the_head_and_touches_it(tied: Tied) -> None:
    cap, knot = hair_of(replace(LONG, tied=tied), HEAD, SIZE_M, around(), OPEN)
    assert knot.points[:, 2].max() < cap.points[:, 2].max() - 0.05
    assert np.min(cKDTree(HEAD).query(knot.points)[0]) < 0.025


@pytest.mark.parametrize("kind", list(HatKind))
def test_a_hat_covers_the_hair_below_it(kind: HatKind) -> None:
    hat = Hat(kind, draw_outfit(2, 0).top.fabric, 0.5, 0.06)
    crown = hat_of(hat, HEAD, in_fabric(Part.ACCESSORY, hat.fabric))[0]
    (hair,) = hair_of(replace(SHORT, top=0.13, sides=0.08), HEAD, SIZE_M, around(), edge_of(kind, TURN))
    assert HAT_COLUMNS == COLUMNS
    middle = crown.points.mean(axis=0)
    hat_out = cKDTree(crown.points - middle)
    inside = 0
    high = hair.points[hair.points[:, 1] > crown.points[:, 1].min() + 0.03]
    for point in high - middle:
        nearest = crown.points[hat_out.query(point)[1]] - middle
        inside += np.linalg.norm(point) < np.linalg.norm(nearest) + 0.004
    assert inside / len(high) > 0.85


def test_weights_of_everything_worn_add_up() -> None:
    for number in range(6):
        for piece in dressed(draw_person(2, number), draw_outfit(2, number)).drawn:
            np.testing.assert_allclose(piece.weights.sum(axis=1), 1, atol=1e-4)
