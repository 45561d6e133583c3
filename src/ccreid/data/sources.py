"""Pictures by path or, in object storage and wherever else fsspec reaches, by URI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec  # type: ignore[import-untyped]  # torch brings it

from ccreid.data.decode import MOST_BYTES, content_of, unreadable
from ccreid.errors import DataError, ImageError, SettingError


def is_uri(place: str) -> bool:
    """Whether a place is one such as s3://bucket/picture.jpg, and no path."""
    return "://" in place


def content_at(place: str) -> bytes:
    """The bytes of a file. Raises ImageError, naming it."""
    if not is_uri(place):
        return content_of(Path(place))
    try:
        storage, path = _storage(place)
        size = storage.size(path) or 0
        if size > MOST_BYTES:
            raise unreadable(place, f"its {size / 1e9:.1f} GB are too much for a picture")
        return bytes(storage.cat_file(path))
    except (ImageError, SettingError):
        raise
    except Exception as error:  # every kind of storage fails in ways of its own
        raise unreadable(place, _why(error)) from error


def files_at(uri: str) -> list[str]:
    """The files that a URI names, sorted: all below a folder but hidden ones, what matches a pattern (`*`), or the one.

    Raises
    ------
    SettingError
        What reaches such storage is not installed.
    DataError
        There is none, or the storage cannot be reached.
    """
    try:
        storage, path = _storage(uri)
        if any(sign in path for sign in "*?["):
            found = [name for name in storage.glob(path) if storage.isfile(name)]
        else:
            found = [name for name in storage.find(path) if "/." not in name[len(path) :]]
        names = sorted(str(storage.unstrip_protocol(name)) for name in found)
    except SettingError:
        raise
    except Exception as error:
        raise DataError(f"{uri} cannot be read: {_why(error)}.", "Check the address and your access to it.") from error
    if not names:
        raise DataError(f"{uri} holds no file.", "Check the address.")
    return names


def _storage(uri: str) -> tuple[Any, str]:
    try:
        storage, path = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError) as error:  # "Install s3fs to access S3"; "Protocol not known: ..."
        raise SettingError(f"{uri} cannot be read: {error}.", "Install what fsspec needs for it.") from error
    return storage, path


def _why(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(".")
