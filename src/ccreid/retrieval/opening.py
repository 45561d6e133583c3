"""From the address of a store to the store."""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.errors import SettingError
from ccreid.retrieval.lancedb_store import LanceDBStore
from ccreid.retrieval.store import Store

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(uri: str | Path) -> Store:
    """Open a store, or one that is yet to be: nothing is made before something is written.

    Parameters
    ----------
    uri:
        The path of a folder.

    Raises
    ------
    SettingError
        The address is none that is known, or the library that it needs is not installed.
    ArtefactError
        There is something else, or what another version wrote.
    """
    address = str(uri)
    scheme = _SCHEME.match(address)
    if scheme:
        raise SettingError(f"No gallery can be kept in {address}.", "Name a folder.")
    if not address.strip():
        raise SettingError("The address of the gallery is empty.", "Name a folder.")
    return LanceDBStore(Path(address))
