"""Cloth has the colours that it was given, where its pattern puts them; what is too fine is seen as its mean."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.fabric import KINDS as GARMENTS
from ccreid.synthetic.fabric import Fabric, albedo, draw_fabric
from ccreid.synthetic.patterns import KINDS, Pattern
from ccreid.synthetic.yarns import YARNS, Yarn

POINTS = np.random.default_rng(0).uniform((-0.5, 0, -0.3), (0.5, 1.8, 0.3), (4000, 3)).astype(np.float32)
COLORS = np.array([[0.5, 0.02, 0.02], [0.02, 0.02, 0.5], [0.1, 0.1, 0.1], [0.4, 0.4, 0.4]], np.float32)
EVEN = Yarn("smooth", 0.005, 0.0, 0.0, 0)
NEAR, FAR = 1e-5, 1.0
"""Metres of cloth that a pixel shows."""


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_the_colours_sum_to_one(kind: str) -> None:
    for number in range(12):
        random = np.random.default_rng(number)
        size, share, turn = random.uniform((0.01, 0.1, -2), (0.2, 0.8, 2))
        pixel_m = float(random.choice((NEAR, 0.004, FAR)))
        shares = Pattern(kind, size, share, turn, number)(POINTS, pixel_m)
        assert shares.shape == (len(POINTS), 4)
        assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert shares.min() >= -1e-6


def test_stripes_are_where_they_are_said_to_be() -> None:
    fabric = Fabric(COLORS, Pattern("stripes", 0.1, 0.3, 0.0, 2), EVEN)
    for point, color in zip(POINTS.astype(float), albedo(fabric, POINTS, NEAR), strict=True):
        away = abs(point[1] / 0.1 % 1 - 0.5)  # from the middle of a stripe, in periods
        if abs(away - 0.15) > 1e-3:
            assert color == pytest.approx(COLORS[1] if away < 0.15 else COLORS[0], abs=1e-5)


def test_an_edge_is_as_soft_as_a_pixel_is_wide() -> None:
    high = np.zeros((10001, 3), np.float32)
    high[:, 1] = np.linspace(0, 1, 10001)
    for pixel_m in (0.01, 0.02, 0.04):
        between = Pattern("stripes", 1.0, 0.3, 0.0, 2)(high, pixel_m)[:, 1]
        partly = (between > 0) & (between < 1)
        assert partly.sum() / 10000 == pytest.approx(2 * pixel_m, rel=0.02)
        assert between.mean() == pytest.approx(0.3, abs=0.002)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("plain", "panels", "logo")])
def test_what_is_too_fine_is_seen_as_its_mean(kind: str) -> None:
    for number in (2, 3):
        pattern = Pattern(kind, 0.02, 0.3, 0.0, number)
        near, far = pattern(POINTS, NEAR), pattern(POINTS, FAR)
        assert near.std(axis=0).max() > 0.1
        assert far.std(axis=0).max() < 0.25 * near.std(axis=0).max()
        if kind not in ("bricks", "planks", "plaid"):  # those differ by chance, or by what lies over what
            assert far.mean(axis=0) == pytest.approx(near.mean(axis=0), abs=0.12)


def test_a_logo_is_on_one_side() -> None:
    chest = np.array([[x, y, 0.1] for x in np.linspace(-0.2, 0.2, 41) for y in np.linspace(1.1, 1.5, 41)], np.float32)
    logo = Pattern("logo", 0.3, 0.5, 0.0, 3, high_m=1.3)
    front, behind = (logo(chest * np.array([1, 1, side], np.float32), 0.002) for side in (1, -1))
    assert front.std(axis=0).max() > 0.05
    assert behind[:, 0].min() == 1


@pytest.mark.parametrize("kind", YARNS)
def test_threads_neither_darken_nor_brighten_cloth(kind: str) -> None:
    for number in range(3):
        factors = Yarn(kind, 0.006, 0.3, 0.0, number)(POINTS, 0.001)
        assert factors.std() > 0.01
        assert factors.mean() == pytest.approx(1, abs=0.08)


def test_worn_cloth_is_less_even() -> None:
    new, old = (Yarn("smooth", 0.006, 0.0, wear, 1)(POINTS, 0.001) for wear in (0.0, 0.9))
    assert new.std() == 0
    assert old.std() > 0.04


@pytest.mark.parametrize("garment", GARMENTS)
def test_garments_of_every_kind_come_in_many_colours_and_patterns(garment: str) -> None:
    fabrics = [draw_fabric(np.random.default_rng(number), garment) for number in range(60)]
    colors = np.stack([albedo(fabric, POINTS[:200], 0.004) for fabric in fabrics])
    assert colors.min() > 0
    assert colors.max() < 1
    assert len({fabric.pattern.kind for fabric in fabrics}) >= 2
    assert colors.mean(axis=1).std(axis=0).min() > 0.05
