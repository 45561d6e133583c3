"""Pictures as another camera would have taken them."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from ccreid.data.pixels import Bytes

CUT = 0.12
"""The most of the height, and of the width, that a tighter box cuts off at a side."""
COARSEST = 0.35
"""The smallest resolution, in parts of the input's."""
BLUR = 0.012
"""The largest radius of a blur, in parts of the height."""
OFTEN = 0.5
"""How often a picture that is taken again is coarser, and how often it is blurred."""


def recaptured(picture: Bytes, random: np.random.Generator) -> Bytes:
    """(H, W, 3) in a tighter box, perhaps coarser or blurred, with other exposure, contrast and white balance."""
    height, width = picture.shape[:2]
    left, top, right, bottom = random.uniform(0, CUT, 4) * (width, height, width, height)
    size = width, height
    image = Image.fromarray(picture).resize(
        size, Image.Resampling.BILINEAR, (left, top, width - right, height - bottom)
    )
    if random.random() < OFTEN:
        part = random.uniform(COARSEST, 1)
        few = max(1, round(width * part)), max(1, round(height * part))
        image = image.resize(few, Image.Resampling.BILINEAR).resize(size, Image.Resampling.BILINEAR)
    if random.random() < OFTEN:
        image = image.filter(ImageFilter.GaussianBlur(random.uniform(0, BLUR * height)))
    exposure, contrast = 2 ** random.uniform(-0.6, 0.35), random.uniform(0.75, 1.25)
    gains = exposure * 2 ** random.uniform(-0.12, 0.12, 3)
    mean = float(np.asarray(image).mean())
    shades = (np.arange(256) - mean) * contrast + mean  # exposure last, so that black stays the darkest there is
    curves = np.clip(np.rint(shades * gains[:, None]), 0, 255).astype(np.uint8)
    return np.asarray(image.point(curves.ravel().tolist()))
