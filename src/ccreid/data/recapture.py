"""Pictures as another camera would have taken them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from ccreid.data.pixels import Bytes

CUT = 0.12
"""The most of the height, and of the width, that a tighter box cuts off at a side."""
COARSEST = 0.35
"""The smallest resolution, in parts of the input's."""
BLUR = 0.012
"""The largest radius of a blur, in parts of the height."""
NOISE = 10.0
"""The largest deviation of a sensor's noise, in grey levels."""
QUALITY = (30, 95)
"""Of the JPEG that a camera stores."""
OFTEN = 0.5
"""How often a picture that is taken again is coarser, how often blurred, noisy and stored as a JPEG, each by itself."""


def recaptured(picture: Bytes, random: np.random.Generator) -> Bytes:
    """(H, W, 3) in a tighter box, in other light, perhaps coarser, blurred, noisy or from a JPEG.

    What a camera does it does at its own resolution, so that noise and the blocks of a JPEG grow with the picture.
    """
    height, width = picture.shape[:2]
    left, top, right, bottom = random.uniform(0, CUT, 4) * (width, height, width, height)
    size = seen = width, height
    if random.random() < OFTEN:
        part = random.uniform(COARSEST, 1)
        seen = max(1, round(width * part)), max(1, round(height * part))
    image = Image.fromarray(picture).resize(
        seen, Image.Resampling.BILINEAR, (left, top, width - right, height - bottom)
    )
    if random.random() < OFTEN:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, BLUR * seen[1])))
    image = _in_other_light(image, random)
    if random.random() < OFTEN:
        image = _noisy(image, random)
    if random.random() < OFTEN:
        image = _stored(image, quality=int(random.integers(*QUALITY)))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR))


def _in_other_light(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """With other exposure, contrast and white balance."""
    exposure, contrast = 2 ** random.uniform(-0.6, 0.35), random.uniform(0.75, 1.25)
    gains = exposure * 2 ** random.uniform(-0.12, 0.12, 3)
    mean = float(np.asarray(image).mean())
    shades = (np.arange(256) - mean) * contrast + mean  # exposure last, so that black stays the darkest there is
    curves = np.clip(np.rint(shades * gains[:, None]), 0, 255).astype(np.uint8)
    return image.point(curves.ravel().tolist())


def _noisy(image: Image.Image, random: np.random.Generator) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noise = random.standard_normal(pixels.shape, np.float32) * np.float32(random.uniform(0, NOISE))
    return Image.fromarray(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


def _stored(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return Image.open(file)
