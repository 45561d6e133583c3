"""Which kinds of files are read as pictures."""

from __future__ import annotations

from PIL import Image

NO_PICTURES = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that Pillow knows and that are no pictures to it: their pixels need another program, or nobody reads them."""


def picture_suffixes() -> tuple[str, ...]:
    """The suffixes of the pictures that Pillow reads here, in lower case, those of registered plug-ins among them."""
    readable = Image.registered_extensions().items()  # it loads Pillow's own plug-ins first
    return tuple(suffix for suffix, name in readable if name in Image.OPEN and name not in NO_PICTURES)
