"""The train transform: what each step does, in which order, and that its seed alone decides."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

import papers
from ccreid.data.augment import Aspect, Augmentation
from ccreid.data.preprocess import Preprocessing

PREPROCESSING = Preprocessing(24, 12)
BLACK = -torch.tensor(PREPROCESSING.mean) / torch.tensor(PREPROCESSING.std)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Noise, so that no two windows are alike, without the shade that normalises to 0."""
    return Image.fromarray(np.random.default_rng(5).integers(150, 256, (31, 17, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def plain(picture: Image.Image) -> Tensor:
    tensor = PREPROCESSING(picture)
    assert (tensor != 0).all()
    return tensor


def only(flip: float = 0.0, padding_px: int = 0, erasing: float = 0.0, aspect: Aspect = "uniform") -> Augmentation:
    return Augmentation(PREPROCESSING, flip, padding_px, erasing, aspect)


def on_black(tensor: Tensor, pixels: int) -> Tensor:
    """A normalised picture on a black ground that is wider by so many pixels on every side."""
    return pad(tensor - BLACK.view(3, 1, 1), (pixels,) * 4) + BLACK.view(3, 1, 1)


def offset_of(window: Tensor, ground: Tensor) -> tuple[int, int]:
    """Where a window was cut out of a wider picture."""
    height, width = window.shape[1:]
    found = [
        (top, left)
        for top in range(ground.shape[1] - height + 1)
        for left in range(ground.shape[2] - width + 1)
        if torch.allclose(ground[:, top : top + height, left : left + width], window, atol=1e-6)
    ]
    assert len(found) == 1
    return found[0]


def erased_from(plain: Tensor, tensor: Tensor) -> tuple[int, int]:
    """Height and width of the erased rectangle; fails where the difference is no rectangle of zeros."""
    changed = (tensor != plain).any(dim=0)
    rows, columns = changed.any(dim=1).nonzero().flatten(), changed.any(dim=0).nonzero().flatten()
    if len(rows) == 0:
        return 0, 0
    top, bottom, left, right = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    assert (tensor[:, top:bottom, left:right] == 0).all()
    assert int(changed.sum()) == (bottom - top) * (right - left)
    return bottom - top, right - left


def test_the_defaults_are_those_of_the_method() -> None:
    assert papers.augmentation(PREPROCESSING) == Augmentation(
        PREPROCESSING, flip=0.5, padding_px=10, erasing=0.5, aspect="uniform"
    )


def test_without_any_step_it_is_the_test_transform(picture: Image.Image, plain: Tensor) -> None:
    for seed in range(5):
        tensor = only()(picture, seed)
        assert torch.equal(tensor, plain)
        assert tensor.dtype == torch.float32


def test_a_certain_flip_mirrors_the_resized_picture(picture: Image.Image, plain: Tensor) -> None:
    for seed in range(5):
        assert torch.equal(only(flip=1.0)(picture, seed), plain.flip(-1))


def test_the_flip_comes_as_often_as_asked(picture: Image.Image, plain: Tensor) -> None:
    flipped = [torch.equal(only(flip=0.25)(picture, seed), plain.flip(-1)) for seed in range(400)]
    assert 70 <= sum(flipped) <= 130


def test_the_crop_is_a_window_of_the_picture_on_black(picture: Image.Image, plain: Tensor) -> None:
    ground = on_black(plain, 2)
    offsets = {offset_of(only(padding_px=2)(picture, seed), ground) for seed in range(200)}
    assert offsets == {(top, left) for top in range(5) for left in range(5)}


def test_the_padding_counts_pixels_of_the_resized_picture() -> None:
    # Of a large picture: padding before the resize would shrink to less than a pixel.
    big = Image.new("RGB", (10 * 12, 10 * 24), (255, 255, 255))
    tensors = torch.stack([only(padding_px=3)(big, seed) for seed in range(60)])
    black = torch.isclose(tensors, BLACK.view(1, 3, 1, 1), atol=1e-6).all(dim=1)
    assert int(black.all(dim=2).sum(dim=1).max()) == 3  # rows
    assert int(black.all(dim=1).sum(dim=1).max()) == 3  # columns


def test_the_flip_comes_before_the_crop(picture: Image.Image, plain: Tensor) -> None:
    # The same seed cuts the same window; a flip after the crop would mirror it.
    straight, mirrored = on_black(plain, 3), on_black(plain.flip(-1), 3)
    off_centre = 0
    for seed in range(30):
        offset = offset_of(only(padding_px=3)(picture, seed), straight)
        assert offset_of(only(padding_px=3, flip=1.0)(picture, seed), mirrored) == offset
        off_centre += offset[1] != 3
    assert off_centre > 10


def test_erased_pixels_are_zero_after_normalisation(picture: Image.Image, plain: Tensor) -> None:
    found = [erased_from(plain, only(erasing=1.0)(picture, seed)) for seed in range(400)]
    sides = np.array([sizes for sizes in found if sizes != (0, 0)], dtype=float)
    assert len(sides) > 390  # now and then no rectangle fits
    height, width = sides.T
    half, pixels = 0.5, 24 * 12  # sides are rounded
    assert ((height + half) * (width + half) >= 0.02 * pixels).all()
    assert ((height - half) * (width - half) <= 0.4 * pixels).all()
    assert ((height + half) / (width - half) >= 0.3).all()
    assert ((height - half) / (width + half) <= 1 / 0.3).all()
    assert (height * width / pixels).min() < 0.035
    assert (height * width / pixels).max() > 0.39
    assert (height / width).min() < 0.5
    assert (height / width).max() > 2


def test_erasing_comes_as_often_as_asked(picture: Image.Image, plain: Tensor) -> None:
    erased = [erased_from(plain, only(erasing=0.5)(picture, seed)) != (0, 0) for seed in range(400)]
    assert 160 <= sum(erased) <= 240


def test_erasing_comes_after_the_padding(picture: Image.Image) -> None:
    # Only then can it reach into the black ground.
    reached = 0
    for seed in range(40):
        uncut = only(padding_px=6)(picture, seed)
        erased = (only(padding_px=6, erasing=1.0)(picture, seed) == 0).all(dim=0)
        ground = torch.isclose(uncut, BLACK.view(3, 1, 1), atol=1e-6).all(dim=0)
        reached += bool((erased & ground).any())
    assert reached > 10


def test_the_seed_alone_decides(picture: Image.Image) -> None:
    augmentation = papers.augmentation(PREPROCESSING)
    once = [augmentation(picture, seed) for seed in range(20)]
    torch.rand(7)  # what others draw does not matter
    again = [papers.augmentation(PREPROCESSING)(picture, seed) for seed in reversed(range(20))]
    assert all(torch.equal(one, other) for one, other in zip(once, reversed(again), strict=True))
    assert len({tensor.numpy().tobytes() for tensor in once}) == 20
    assert torch.isfinite(torch.stack(once)).all()


def test_large_seeds_are_taken(picture: Image.Image) -> None:
    assert not torch.equal(
        papers.augmentation(PREPROCESSING)(picture, 2**63 - 1), papers.augmentation(PREPROCESSING)(picture, 0)
    )


def test_the_global_generators_are_untouched(picture: Image.Image) -> None:
    before, of_numpy = torch.get_rng_state(), np.random.get_state(legacy=False)["state"]
    for seed in range(5):
        papers.augmentation(PREPROCESSING)(picture, seed)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_equal(np.random.get_state(legacy=False)["state"], of_numpy)


def test_the_picture_is_left_as_it_was(picture: Image.Image) -> None:
    before = np.asarray(picture).copy()
    papers.augmentation(PREPROCESSING, flip=1.0, erasing=1.0)(picture, 0)
    np.testing.assert_array_equal(np.asarray(picture), before)


def test_it_travels_to_a_worker_after_use(picture: Image.Image) -> None:
    augmentation = papers.augmentation(PREPROCESSING)
    expected = augmentation(picture, 1)
    assert torch.equal(pickle.loads(pickle.dumps(augmentation))(picture, 1), expected)
