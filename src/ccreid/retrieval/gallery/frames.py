"""Crops of one frame: they never show one person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import pyarrow as pa


def meeting(crops: pa.Table) -> dict[int, int]:
    """Crops that claim a person whom another crop of the same frame claims.

    Crops are of one frame where they are parts of one picture, or where their `frame` is the same, and their `camera`
    (the folder of the picture, where no camera is told).

    Parameters
    ----------
    crops:
        N rows of the gallery's table.

    Returns
    -------
    The rows that meet another, with the first that they meet; rows without a person meet nobody.
    """
    columns = [crops[name].to_pylist() for name in ("id", "person", "sha256", "box", "path", "metadata")]
    first: dict[tuple[str, Any], int] = {}
    met: dict[int, int] = {}
    for row, (crop, person, picture, box, path, metadata) in enumerate(zip(*columns, strict=True)):
        if person is None:
            continue
        for frame in _frames(picture, box, path, json.loads(metadata) if '"frame"' in metadata else {}):
            other = first.setdefault((person, frame), row)
            if other != row and columns[0][other] != crop:
                met[row] = other
                met.setdefault(other, row)
    return met


def _frames(picture: str, box: Any, path: str, metadata: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    frames: list[tuple[Any, ...]] = [("picture", picture)] if box is not None else []
    if "frame" in metadata:
        frames.append((metadata.get("camera", str(PurePath(path).parent)), metadata["frame"]))
    return frames
