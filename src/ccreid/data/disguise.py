"""People of a synthetic set in other clothes before other backgrounds, while they are trained on."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ccreid.data.cloths import drawn_cloth
from ccreid.data.masks import Mask, MaskPixels, Masks, Worn
from ccreid.data.pixels import Bytes, PixelCache, Pixels
from ccreid.data.preprocess import Preprocessing
from ccreid.machine.seeds import derive_seed

Floats = NDArray[np.float32]

FROM_OTHERS = 0.4
"""How often a new cloth is another picture's, rather than drawn."""
CHANGED = 0.75
"""How often each garment of a picture that is re-dressed gets a new cloth."""
FOLDS = 0.08
"""Fine light and dark of a garment, as a deviation of its logarithm, that is taken for folds; more is its pattern."""
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Disguise:
    """Changes pictures by their masks; the same seed gives the same bytes.

    Who somebody is stays: body, face, hair and bearing are not touched. A new cloth has the light and shade of the old.

    Parameters
    ----------
    masks:
        Of the pictures that are trained on.
    redress:
        Probability that garments of a picture get other colours and patterns.
    background:
        Probability that another background comes behind the person.
    preprocessing, cache:
        Of the pictures.
    """

    def __init__(
        self,
        masks: Masks,
        redress: float,
        background: float,
        preprocessing: Preprocessing,
        cache: PixelCache | None,
    ) -> None:
        self.masks, self.redress, self.background = masks, redress, background
        self._pixels, self._masks = Pixels(preprocessing, cache), MaskPixels(preprocessing, cache)

    def __call__(self, row: int, seed: int, picture: Bytes) -> Bytes:
        """Picture `row` as (H, W, 3) uint8, perhaps changed; the one given stays as it is. Raises ImageError."""
        random = np.random.default_rng(derive_seed(seed, "disguise"))
        redressed, moved = random.random(2) < (self.redress, self.background)
        if not redressed and not moved:
            return picture
        mask, light = self._masks.mask(self.masks.path(row)), _linear(picture)
        if redressed:
            light = self._redressed(light, mask, random)
        if moved:
            behind = _linear(self._pixels.read(_one_of(self.masks.backgrounds, random)))
            light = before(light, mask, behind, dark=random.uniform(0.2, 0.7))
        changed: Bytes = np.rint(np.sqrt(light) * 255).astype(np.uint8)
        return changed

    def complaints(self) -> list[str]:
        """What the user should hear of the cache, once."""
        told = self._pixels.complaints + self._masks.complaints
        self._pixels.complaints, self._masks.complaints = [], []
        return told

    def _redressed(self, light: Floats, mask: Mask, random: np.random.Generator) -> Floats:
        garments = list(mask.garments())
        chosen = [garment for garment in garments if random.random() < CHANGED] or garments
        white, new = brightness(light), light.copy()
        for where, share in chosen:
            lit = self._cloth(share.shape, random) * (white * shade(light[where], share)[..., None])
            new[where] += (np.minimum(lit, 1) - light[where]) * share[..., None]  # of where they meet each has its part
        return new

    def _cloth(self, size: tuple[int, ...], random: np.random.Generator) -> Floats:
        """What a garment would be like in even, white light."""
        if random.random() < FROM_OTHERS:
            row = int(random.integers(len(self.masks.pictures)))
            theirs = list(self._masks.mask(self.masks.path(row)).garments())
            if theirs:
                picture = _linear(self._pixels.read(self.masks.pictures.path(row)))
                return worn_by_other(picture, theirs[random.integers(len(theirs))], size)
        return drawn_cloth(random, *size)


def shade(light: Floats, share: Floats) -> Floats:
    """(h, w) how much lighter or darker a garment is than on average, its pattern left out.

    The coarse part of its luminance is taken whole, the fine part only as far as folds go: stripes are finer and
    stronger than those.
    """
    seen = np.maximum(light @ _LUMINANCE, 1e-3)
    whole = np.maximum((share > 0.98).astype(np.float32), 1e-3)  # on the edge of a garment something else shines in
    coarse = _coarsely(seen * whole) / _coarsely(whole)
    fine = np.log(seen / coarse) * whole
    spread = math.sqrt(float(np.vdot(fine, fine)) / float(whole.sum()))
    shaded = coarse * np.exp(fine * min(1.0, FOLDS / max(spread, 1e-6)))
    evened: Floats = np.clip(shaded * (whole.sum() / np.vdot(shaded, whole)), 0.3, 1.6).astype(np.float32)
    return evened


def worn_by_other(light: Floats, theirs: Worn, size: tuple[int, ...]) -> Floats:
    """(h, w, 3) the cloth of somebody else's garment, without its shade and the brightness of its picture.

    It is stretched to the size wanted; what their garment leaves free has its mean colour.
    """
    part, share = light[theirs.where], theirs.share[..., None]
    even = part / shade(part, theirs.share)[..., None]
    mean = (even * share).sum(axis=(0, 1)) / share.sum()
    whole = even * share + mean * (1 - share)
    rows, columns = (np.arange(new) * old // new for new, old in zip(size, whole.shape[:2], strict=True))
    cloth: Floats = np.clip(whole[rows][:, columns] / brightness(light), 0, 1).astype(np.float32)
    return cloth


def before(light: Floats, mask: Mask, behind: Floats, dark: float) -> Floats:
    """(H, W, 3) a person before another background, on which the shadow falls; `dark` is the light it takes there."""
    front = mask.front[..., None]
    ground = behind * (1 - dark * mask.shadow[..., None])
    return (light * front + ground * (1 - front)).astype(np.float32)


def brightness(light: Floats) -> float:
    """About what a white thing would be like in a picture: its brightest part, but never pitch dark."""
    seen = np.sort(light[::2, ::2] @ _LUMINANCE, axis=None)
    return max(float(seen[len(seen) * 97 // 100]), 0.15)


def _coarsely(values: Floats) -> Floats:
    """Averages of blocks of about an eighth of the height, and what lies between them."""
    size = values.shape[1], values.shape[0]
    block = max(2, size[1] // 8)
    few = Image.fromarray(values).resize((-(-size[0] // block), -(-size[1] // block)), Image.Resampling.BOX)
    return np.asarray(few.resize(size, Image.Resampling.BILINEAR))


def _linear(picture: Bytes) -> Floats:
    """Bytes as light, by a gamma of 2, whose root is quick."""
    light = picture * np.float32(1 / 255)
    return light * light


def _one_of(paths: tuple[Path, ...], random: np.random.Generator) -> Path:
    return paths[random.integers(len(paths))]
