"""Masks beside a set that has none: a person of three garments in the middle of every training picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ccreid.data.masks import BACKGROUNDS, FOLDER, LOWER, OTHER, SHOES, UPPER

Codes = np.ndarray[Any, Any]


def codes_of(height: int, width: int) -> Codes:
    """(height, width) uint8: head, top, trousers and shoes, one below the other, with a margin left and right."""
    codes = np.zeros((height, width), np.uint8)
    middle = slice(width // 4, width - width // 4)
    for first, last, code in ((0, 2, 1), (2, 5, UPPER), (5, 9, LOWER), (9, 10, SHOES)):
        codes[height * first // 10 : height * last // 10, middle] = code
    return codes


def mask_like(codes: Codes) -> Image.Image:
    """A mask of a person who is nowhere half transparent, with a shadow on the left of the feet."""
    shadow = np.zeros_like(codes)
    shadow[len(codes) * 9 // 10 :, : codes.shape[1] // 4] = 255
    return Image.fromarray(np.stack([codes, ((codes > 0) & (codes != OTHER)) * np.uint8(255), shadow], axis=2))


def add_masks(root: Path) -> None:
    """Give every picture in ``train/`` a mask, and the set two backgrounds: one red, one blue."""
    (root / FOLDER / "train").mkdir(parents=True)
    (root / BACKGROUNDS).mkdir()
    for path in (root / "train").iterdir():
        with Image.open(path) as picture:
            width, height = picture.size
        mask_like(codes_of(height, width)).save(root / FOLDER / "train" / f"{path.stem}.png")
    for name, colour in (("red", (250, 20, 20)), ("blue", (20, 20, 250))):
        Image.new("RGB", (32, 64), colour).save(root / BACKGROUNDS / f"{name}.png")
