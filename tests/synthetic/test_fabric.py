"""Cloth has the colours that it was given, where its pattern puts them."""

from __future__ import annotations

import numpy as np
import pytest

from ccreid.synthetic.fabric import PATTERNS, albedo, draw_fabric
from ccreid.synthetic.patterns import KINDS, Pattern, noise

POINTS = np.random.default_rng(0).uniform((-0.5, 0, -0.3), (0.5, 1.8, 0.3), (4000, 3)).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_of_the_colours_sum_to_one(kind: str) -> None:
    for number in range(8):
        random = np.random.default_rng(number)
        size, share, turn = random.uniform((0.01, 0.1, -2), (0.2, 0.8, 2))
        pattern = Pattern(kind, size, share, turn, random.random())
        shares = pattern(POINTS)
        assert shares.shape == (len(POINTS), 3)
        assert shares.sum(axis=1) == pytest.approx(1, abs=1e-5)
        assert shares.min() >= 0


def test_stripes_come_again_after_their_size() -> None:
    pattern = Pattern("stripes", 0.1, 0.4, 0.0, 0.0)
    high = np.zeros((1000, 3), np.float32)
    high[:, 1] = np.linspace(0, 1, 1000, endpoint=False)
    second = pattern(high)[:, 1]
    assert second.mean() == pytest.approx(0.4, abs=0.01)
    assert (np.diff(second) > 0).sum() == pytest.approx(10, abs=1)


def test_noise_is_smooth_of_mean_0_and_another_one_by_its_shift() -> None:
    there, near = noise(POINTS, 0.1), noise(POINTS + np.float32(0.001), 0.1)
    assert abs(there.mean()) < 0.15
    assert 0.3 < there.std() < 0.8
    assert np.abs(there - near).max() < 0.1
    assert abs(np.corrcoef(there, noise(POINTS, 0.1, 0.5))[0, 1]) < 0.2


@pytest.mark.parametrize("garment", [*PATTERNS, "bag"])
def test_cloth_is_neither_black_holes_nor_lamps_and_many_kinds(garment: str) -> None:
    fabrics = [draw_fabric(np.random.default_rng(number), garment) for number in range(60)]
    colors = np.stack([albedo(fabric, POINTS[:200]) for fabric in fabrics])
    assert colors.min() > 0
    assert colors.max() < 1
    assert len({fabric.pattern.kind for fabric in fabrics}) >= 2
    assert np.stack([fabric.colors for fabric in fabrics])[:, 0].std(axis=0).min() > 0.05
