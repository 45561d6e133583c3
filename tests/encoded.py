"""Picture files of kinds that Pillow does not write: PNG and TIFF, put together from their definitions."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PNG_COLOUR = {1: 0, 3: 2, 2: 4, 4: 6}
"""PNG's number for the kind of colour, by channels."""


def png(values: NDArray[Any], *, transparent: Sequence[int] = ()) -> bytes:
    """A PNG of 8 or 16 bits: (H, W) or (H, W, C); `transparent` is the one colour that is clear (tRNS)."""
    values = values[..., None] if values.ndim == 2 else values
    height, width, channels = values.shape
    bits = 8 * values.dtype.itemsize
    rows = b"".join(b"\0" + row.tobytes() for row in values.astype(f">u{values.dtype.itemsize}"))
    clear = _chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if len(transparent) else b""
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, PNG_COLOUR[channels], 0, 0, 0)),
            clear,
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        ]
    )


def tiff(width: int, height: int, bits: int, data: bytes, tags: Mapping[int, int] | None = None) -> bytes:
    """A grey TIFF in one strip; `tags` are further ones, or others, of a short each."""
    wanted = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1, 278: height, 279: len(data)}
    wanted |= tags or {}
    wanted[273] = 8 + 2 + 12 * len(wanted) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(wanted.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(wanted)) + entries + bytes(4) + data


def packed_12_bits(values: Sequence[int]) -> bytes:
    """An even number of values of 12 bits each, one after the other."""
    return np.packbits([value >> place & 1 for value in values for place in range(11, -1, -1)]).tobytes()


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
