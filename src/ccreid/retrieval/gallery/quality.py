"""Whether a crop shows enough of a person to be enrolled."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image

from ccreid.data.crops import as_box, clipped, cut
from ccreid.data.decode import content_of, read_image
from ccreid.errors import CcreidError
from ccreid.machine.progress import Track, untracked
from ccreid.retrieval.gallery.tables import SCHEMAS, THUMBNAILS
from ccreid.retrieval.stores.store import ID

LEAST_HEIGHT_PX = 64
"""Smaller crops say more about their pixels than about a person."""

LEAST_SHARPNESS = 0.07
"""See :func:`sharpness`. The pictures in the package have 0.19 or more; half of them have less than this once they are
blurred by a Gaussian of 6 of their 256 rows."""

THUMBNAIL_PX = 128
"""The height of a thumbnail."""


@dataclass(frozen=True, eq=False)
class Looked:
    """What was seen of N crops.

    Attributes
    ----------
    reasons:
        For each, why it should not be enrolled, a sentence each; none where nothing speaks against it.
    seen:
        (N,) bool: whether its picture could be looked at; of others the height alone is known.
    thumbnails:
        Of those that were seen, as in the table.
    """

    reasons: tuple[tuple[str, ...], ...]
    seen: tuple[bool, ...]
    thumbnails: pa.Table


def by_height(crops: pa.Table) -> list[tuple[str, ...]]:
    """What the heights of crops say against them."""
    return [
        (f"It is {height} pixels high, fewer than {LEAST_HEIGHT_PX}.",) if height < LEAST_HEIGHT_PX else ()
        for height in crops["height_px"].to_pylist()
    ]


def unseen(crops: pa.Table) -> Looked:
    """What is known of crops without looking at their pictures."""
    return Looked(tuple(by_height(crops)), (False,) * len(crops), SCHEMAS[THUMBNAILS].empty_table())


def look(crops: pa.Table, ids: Sequence[str], keep: bool, track: Track[int] = untracked) -> Looked:
    """Look at the pictures of crops that are where they were.

    Parameters
    ----------
    crops:
        N rows of a :class:`ccreid.retrieval.crops.crop_file.CropFile`.
    ids:
        Of each.
    keep:
        Whether thumbnails are made.
    track:
        Follows them for the user.
    """
    reasons, seen, thumbnails = by_height(crops), [False] * len(crops), []
    columns = (crops[name].to_pylist() for name in ("path", "sha256", "box"))
    places: list[tuple[str, str, list[int] | None]] = list(zip(*columns, strict=True))
    last: tuple[str, Image.Image | None] = "", None
    # Crops of one picture come in a row, so that it is decoded once.
    order = sorted(range(len(places)), key=lambda row: places[row][:2])
    for row in track(order, "Looking at crops", len(order)):
        path, digest, box = places[row]
        if last[0] != path:
            last = path, _picture(Path(path), digest)
        whole = last[1]
        inside = (
            None if whole is None else (0, 0, *whole.size) if box is None else clipped(as_box(box, path), whole.size)
        )
        if whole is None or inside is None:
            continue
        crop = cut(whole, inside)
        seen[row] = True
        reasons[row] += _seen_in(crop, whole, box)
        if keep:
            thumbnails.append({ID: ids[row], "jpeg": _jpeg(crop)})
    return Looked(tuple(reasons), tuple(seen), pa.Table.from_pylist(thumbnails, schema=SCHEMAS[THUMBNAILS]))


def sharpness(crop: Image.Image) -> float:
    """How sharp a crop is: the strength of its second differences over that of its contrast, at one height for all.

    A person whose outline is blurred over many pixels has small second differences for the contrast that it shows.
    0 where there is no contrast at all.
    """
    width = max(3, round(crop.width * THUMBNAIL_PX / crop.height))
    grey = np.asarray(crop.convert("L").resize((width, THUMBNAIL_PX), Image.Resampling.BOX), dtype=np.float64)
    contrast = grey.std()
    if contrast == 0:
        return 0.0
    inner = grey[1:-1, 1:-1]
    second = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * inner
    return float(second.std() / contrast)


def _picture(path: Path, digest: str) -> Image.Image | None:
    """The picture that was embedded; None where it is not there, or is another by now."""
    try:
        content = content_of(path)
        return read_image(path, content) if hashlib.sha256(content).hexdigest() == digest else None
    except (CcreidError, OSError):
        return None


def _seen_in(crop: Image.Image, whole: Image.Image, box: list[int] | None) -> tuple[str, ...]:
    reasons = []
    if sharpness(crop) < LEAST_SHARPNESS:
        reasons.append("It is blurred.")
    if box is not None:
        x, y, width, height = box
        sides = {
            "left": x <= 0,
            "top": y <= 0,
            "right": x + width >= whole.width,
            "bottom": y + height >= whole.height,
        }
        if met := [side for side, meets in sides.items() if meets]:
            reasons.append(f"It is cut off by the {' and '.join(met)} edge of its picture.")
    return tuple(reasons)


def _jpeg(crop: Image.Image) -> bytes:
    small = crop.copy()
    small.thumbnail((4 * THUMBNAIL_PX, THUMBNAIL_PX))
    stream = BytesIO()
    small.save(stream, "JPEG", quality=85)
    return stream.getvalue()
