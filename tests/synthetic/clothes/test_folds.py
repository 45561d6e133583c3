"""Folds lift cloth off the body and never push it in; they differ from garment to garment."""

from __future__ import annotations

import numpy as np

from ccreid.synthetic.body.suit import suit
from ccreid.synthetic.clothes.folds import QUILT_M, TRUNK_M, folds, quilting


def test_folds_are_as_deep_as_told_and_deepest_where_limbs_bend() -> None:
    places = suit().places
    deep = folds(places, 0.01, 3.0)
    assert deep.min() >= 0
    assert 0.008 < deep.max() <= 0.014
    leg = places.in_leg > 0.9
    knee, shin = leg & (np.abs(places.leg - 0.5) < 0.05), leg & (np.abs(places.leg - 0.72) < 0.05)
    assert deep[knee].std() > 1.3 * deep[shin].std()
    other = folds(places, 0.01, 40.0)
    assert abs(np.corrcoef(deep[knee], other[knee])[0, 1]) < 0.9
    np.testing.assert_allclose(folds(places, 0.02, 3.0), 2 * deep, rtol=1e-5)


def test_quilts_have_seams_at_even_distances() -> None:
    places = suit().places
    bulge = quilting(places, 0.01)
    assert bulge.min() >= 0
    assert bulge.max() <= 0.01
    trunk = places.in_arm < 0.5
    along = places.height[trunk] * TRUNK_M / QUILT_M
    seam = np.abs(along - np.rint(along)) < 0.03
    assert bulge[trunk][seam].max() < 0.004
    assert bulge[trunk][np.abs(along - np.rint(along)) > 0.4].min() > 0.009
