"""People in other clothes before other backgrounds: what changes, what stays, and that the seed decides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

import papers
from ccreid.data.cloths import drawn_cloth, drawn_colour
from ccreid.data.disguise import Disguise, before, brightness, shade, worn_by_other
from ccreid.data.loaders import TrainLoader
from ccreid.data.masks import Mask, Worn, find_masks
from ccreid.data.pixels import PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.data.sampler import IdentitySampler
from ccreid.vocabulary import Pictures, Samples
from masked import add_masks, codes_of

SIZE = Preprocessing(40, 16)
CODES = codes_of(40, 16)
Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """People in grey clothes with folds, before noise."""
    root, random = tmp_path_factory.mktemp("set"), np.random.default_rng(3)
    (root / "train").mkdir()
    files = [f"train/{name}.png" for name in "abc"]
    for file in files:
        pixels = random.integers(60, 200, (40, 16, 3), dtype=np.uint8)
        pixels[CODES > 1] = (100 + 30 * np.sin(np.arange(40)[:, None] / 3 + np.arange(16) / 5))[CODES > 1, None]
        Image.fromarray(pixels).save(root / file)
    add_masks(root)
    return Pictures(root, tuple(files))


def disguise(pictures: Pictures, redress: float, background: float) -> Disguise:
    cache = PixelCache(pictures.root / "cache" / "pixels", 10**8)
    return Disguise(find_masks(pictures, ["data.redress"], backgrounds=True), redress, background, SIZE, cache)


def test_only_garments_change_when_they_are_redressed(pictures: Pictures) -> None:
    original, changed = Pixels(SIZE, None).read(pictures.path(0)), np.zeros((40, 16), np.bool_)
    for seed in range(20):
        new = disguise(pictures, 1, 0)(0, seed, original)
        differs = np.abs(new.astype(int) - original).max(axis=2) > 1  # one by the root of the square
        assert not differs[CODES <= 1].any()
        changed |= differs
    assert changed[CODES > 1].mean() > 0.95


def test_only_the_ground_changes_when_the_background_does(pictures: Pictures) -> None:
    original = Pixels(SIZE, None).read(pictures.path(0))
    seen = set()
    for seed in range(20):
        new = disguise(pictures, 0, 1)(0, seed, original)
        assert np.abs(new.astype(int) - original)[CODES > 0].max() <= 1
        colour = tuple(new[0, 0].tolist())
        free = CODES == 0
        free[36:, :4] = False  # there the shadow falls
        assert (new[free] == colour).all()
        assert (new[36:, :4] < np.array(colour)).all()
        seen.add(colour)
    assert {colour[0] > colour[2] for colour in seen} == {True, False}, "red and blue"


def test_the_probabilities_are_kept_and_each_has_draws_of_its_own(pictures: Pictures) -> None:
    original = Pixels(SIZE, None).read(pictures.path(0))
    both, ground, garment = disguise(pictures, 0.3, 0.6), CODES == 0, CODES > 1
    count = np.zeros((2, 2))
    for seed in range(600):
        new = both(0, seed, original)
        count[int((new != original)[garment].any()), int((new != original)[ground].any())] += 1
    expected = 600 * np.outer((0.7, 0.3), (0.4, 0.6))
    assert np.abs(count - expected).max() < 4 * np.sqrt(600 * 0.25)
    assert disguise(pictures, 0, 0)(0, 1, original) is original


def test_the_seed_decides_and_the_picture_given_stays(pictures: Pictures) -> None:
    original = Pixels(SIZE, None).read(pictures.path(0))
    kept = original.copy()
    first, again = disguise(pictures, 1, 1), disguise(pictures, 1, 1)
    for seed in range(8):
        assert np.array_equal(first(0, seed, original), again(0, seed, original))
    assert len({first(0, seed, original).tobytes() for seed in range(8)}) == 8
    assert np.array_equal(original, kept)


def test_shade_is_light_over_its_mean() -> None:
    """A plain garment under light that falls off slowly: its shade is that light, whatever its colour."""
    fall = np.linspace(0.7, 1.3, 48, dtype=np.float32)[:, None] * np.ones((1, 20), np.float32)
    share = np.ones((48, 20), np.float32)
    found = [
        shade(fall[..., None] * np.array(colour, np.float32), share) for colour in ((0.3, 0.3, 0.3), (0.1, 0.4, 0))
    ]
    assert np.allclose(found[0], found[1], atol=1e-3)
    assert np.abs(found[0] - fall / fall.mean()).max() < 0.06
    assert np.corrcoef(found[0].ravel(), fall.ravel())[0, 1] > 0.99


def test_stripes_are_no_shade() -> None:
    stripes = np.where(np.arange(48) // 3 % 2, np.float32(0.1), np.float32(0.6))[:, None] * np.ones((1, 20), np.float32)
    found = shade(np.repeat(stripes[..., None], 3, axis=2), np.ones((48, 20), np.float32))
    assert stripes.max() / stripes.min() > 5
    assert found.max() / found.min() < 1.8


def test_somebody_elses_cloth_is_theirs_without_shade() -> None:
    random = np.random.default_rng(0)
    light = random.random((60, 30, 3)).astype(np.float32)
    colour = np.array((0.3, 0.1, 0.05), np.float32)
    fall = np.linspace(0.6, 1.4, 24, dtype=np.float32)[:, None, None]
    light[20:44, 5:25] = colour * fall
    share = np.ones((24, 20), np.float32)
    share[:, :4] = 0  # not theirs: whatever is seen there must not come along
    light[20:44, 5:9] = (0, 0, 1)
    cloth = worn_by_other(light, Worn((slice(20, 44), slice(5, 25)), share), (12, 50))
    assert cloth.shape == (12, 50, 3)
    assert np.allclose(cloth / cloth.sum(axis=2, keepdims=True), colour / colour.sum(), atol=0.01)
    assert cloth.max() / np.maximum(cloth, 1e-6).min() < 10
    assert np.abs(cloth[..., 0] * brightness(light) / 0.3 - 1).max() < 0.25


def test_before_another_background() -> None:
    """Pixel by pixel from the definition."""
    random = np.random.default_rng(1)
    packed = random.integers(0, 256, (6, 4, 3), dtype=np.uint8)
    light, behind = random.random((2, 6, 4, 3)).astype(np.float32)
    found = before(light, Mask(packed), behind, 0.6)
    for row in range(6):
        for column in range(4):
            front, shadow = packed[row, column, 1] / 255, packed[row, column, 2] / 255
            expected = front * light[row, column] + (1 - front) * behind[row, column] * (1 - 0.6 * shadow)
            assert np.allclose(found[row, column], expected, atol=1e-5)


def test_cloths_are_of_every_colour_and_some_are_patterned() -> None:
    random = np.random.default_rng(0)
    cloths = [drawn_cloth(random, 30, 20) for _ in range(200)]
    assert all(cloth.shape == (30, 20, 3) and cloth.dtype == np.float32 for cloth in cloths)
    assert all(cloth.min() >= 0 and cloth.max() <= 1 for cloth in cloths)
    plain = sum(len(np.unique(cloth.reshape(-1, 3), axis=0)) == 1 for cloth in cloths)
    assert 60 < plain < 150
    colours = np.array([drawn_colour(random) for _ in range(400)])
    assert set(colours.argmax(axis=1)) == {0, 1, 2}
    assert (colours.max(axis=1) < 0.1).any()
    assert (colours.min(axis=1) > 0.6).any()


def test_complaints_come_once(pictures: Pictures) -> None:
    changing = disguise(pictures, 1, 1)
    changing._masks.complaints = ["a full disk"]
    assert changing.complaints() == ["a full disk"]
    assert changing.complaints() == []


def test_workers_and_a_start_in_the_middle_change_nothing(pictures: Pictures) -> None:
    samples = Samples(root=pictures.root, files=pictures.files, person=np.array([0, 1, 2]))

    def batches(workers: int, first: int = 0) -> list[Array]:
        loader = TrainLoader(
            samples,
            papers.augmentation(SIZE, recapture=0.5),
            IdentitySampler(samples.identities, 1, 1),
            seed=4,
            workers=workers,
            disguise=disguise(pictures, 0.7, 0.7),
        )
        return [batch.images.numpy() for _, batch in loader.epoch(2, first)]

    alone, together, tail = batches(0), batches(2), batches(0, 1)
    assert len(alone) == 3
    assert all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))
    assert all(np.array_equal(one, other) for one, other in zip(alone[1:], tail, strict=True))
