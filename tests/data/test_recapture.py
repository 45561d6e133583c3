"""Pictures as another camera would have taken them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import papers
from ccreid.data import recapture
from ccreid.data.augment import Augmentation
from ccreid.data.preprocess import Preprocessing
from ccreid.data.recapture import CUT, recaptured

NOISE = np.random.default_rng(0).integers(40, 200, (64, 32, 3), dtype=np.uint8)


def test_a_plain_picture_stays_plain_in_another_light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recapture, "NOISE", 0.0)
    plain = np.full((64, 32, 3), 120, np.uint8)
    seen = set()
    for seed in range(60):
        taken = recaptured(plain, np.random.default_rng(seed))
        assert taken.shape == plain.shape
        assert taken.dtype == np.uint8
        assert (taken == taken[0, 0]).all()
        seen.add(tuple(taken[0, 0].tolist()))
    red, green, blue = np.array(sorted(seen)).T.astype(float)
    assert red.min() < 100 < 140 < red.max()
    assert (red / blue).max() > 1.05
    assert (red / blue).min() < 0.95
    assert len(seen) > 40
    assert (np.abs(red / green - 1) < 0.25).all(), "a white balance, no other colour"


def test_a_noisy_one_now_and_then() -> None:
    plain = np.full((64, 32, 3), 120, np.uint8)
    takes = [recaptured(plain, np.random.default_rng(seed)) for seed in range(100)]
    spreads = np.array([taken.std(axis=(0, 1)).max() for taken in takes])
    assert spreads.max() < 1.1 * recapture.NOISE
    assert 0.3 < (spreads > 0.5).mean() < 0.7


def test_the_box_only_becomes_tighter(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ramp tells which column and row is seen where: nothing of the middle is ever lost, and the order stays."""
    monkeypatch.setattr(recapture, "NOISE", 0.0)
    rows, columns = np.mgrid[:64, :32]
    ramp = np.stack([rows * 3 + 30, columns * 6 + 30, rows * 0 + 128], axis=2).astype(np.uint8)
    middle = ramp[int(64 * CUT) + 1 : -int(64 * CUT) - 1, int(32 * CUT) + 1 : -int(32 * CUT) - 1]
    for seed in range(20):
        taken = recaptured(ramp, np.random.default_rng(seed)).astype(float)
        down, across = taken[..., 0].mean(axis=1), taken[..., 1].mean(axis=0)
        assert (np.diff(down) >= 0).all()
        assert (np.diff(across) >= 0).all()
        assert np.ptp(down) > 0.5 * np.ptp(middle[..., 0].astype(float))


def test_a_jpeg_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing else looks at a pixel's surroundings, equal pixels stay equal but in a JPEG."""
    for name, none in {"CUT": 0.0, "COARSEST": 1.0, "BLUR": 0.0, "NOISE": 0.0}.items():
        monkeypatch.setattr(recapture, name, none)
    two = np.where(NOISE[..., :1] < 120, 60, 160).repeat(3, axis=2).astype(np.uint8)
    shades = [len(np.unique(recaptured(two, np.random.default_rng(seed))[..., 0])) for seed in range(100)]
    assert 0.3 < np.mean([count > 2 for count in shades]) < 0.7


def test_details_are_lost_now_and_then() -> None:
    detail = [
        np.abs(np.diff(recaptured(NOISE, np.random.default_rng(seed)).astype(float), axis=0)).mean()
        for seed in range(80)
    ]
    assert max(detail) > 3 * min(detail)


def test_it_draws_apart_from_everything_else() -> None:
    """Without it the bits are those of before; with it flip, crop and erasing stay where they were."""
    preprocessing = Preprocessing(64, 32)
    plain, never, always = (papers.augmentation(preprocessing, recapture=value) for value in (0.0, 0.0, 1.0))
    image = Image.fromarray(NOISE)
    for seed in range(12):
        assert torch.equal(plain(image, seed), never(image, seed))
        taken = always(image, seed)
        assert torch.equal(taken, always(image, seed))
        assert not torch.equal(taken, plain(image, seed))
        _, holes = plain.move([NOISE], [seed])
        assert holes == always.move([NOISE], [seed])[1]


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_as_often_as_asked_for(share: float) -> None:
    still = Augmentation(Preprocessing(64, 32), 0, 0, 0, "uniform", share)
    changed = sum(not np.array_equal(still.move([NOISE], [seed])[0][0].numpy(), NOISE) for seed in range(400))
    assert abs(changed / 400 - share) < 0.1
