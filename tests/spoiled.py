"""Files that are no whole pictures."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image


def picture(path: Path, seed: int = 0) -> None:
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (32, 16, 3), dtype=np.uint8)).save(path)


def spoil(path: Path, how: str) -> None:
    """Leave at a path something that is no whole picture."""
    match how:
        case "truncated_jpg" | "truncated_png":
            whole = path.with_suffix(f".whole.{how[-3:]}")
            picture(whole)
            content = whole.read_bytes()
            whole.unlink()
            path.write_bytes(content[: len(content) * 2 // 3])
        case "text":
            path.write_text("<html>404 not found</html>")
        case "empty":
            path.write_bytes(b"")
        case "folder":
            path.mkdir()
        case "dangling":
            path.symlink_to("nowhere.jpg")
        case "loop":
            path.symlink_to(path.name)
        case "pipe":  # whoever opens it waits for ever
            os.mkfifo(path)
        case "device":
            path.symlink_to("/dev/zero")
        case "postscript":  # Pillow would hand it to Ghostscript
            Image.new("RGB", (4, 4)).save(path, "EPS")
