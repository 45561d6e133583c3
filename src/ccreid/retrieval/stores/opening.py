"""From the address of a store to the store."""

from __future__ import annotations

import re
from pathlib import Path

from ccreid.errors import SettingError
from ccreid.retrieval.stores.lancedb_store import LanceDBStore
from ccreid.retrieval.stores.milvus_store import MilvusStore
from ccreid.retrieval.stores.store import Store

# Collections of vectors are named after the store's: people_d512. A store of such a name would seem to be one of them.
_MILVUS = re.compile(
    r"milvus://(?P<host>[A-Za-z0-9.-]+):(?P<port>[0-9]{1,5})/(?P<name>(?!.*_d[0-9]+$)[A-Za-z_][A-Za-z0-9_]{0,99})"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_store(uri: str | Path) -> Store:
    """Open a store, or one that is yet to be: nothing is made before something is written.

    Parameters
    ----------
    uri:
        The path of a folder, or milvus://host:port/collection.

    Raises
    ------
    SettingError
        The address is none that is known, or the library that it needs is not installed.
    ArtefactError
        There is something else, or what another version wrote.
    """
    address = str(uri)
    if _SCHEME.match(address):
        named = _MILVUS.fullmatch(address)
        if not named or not 0 < int(named["port"]) < 1 << 16:
            raise SettingError(
                f"No gallery can be kept in {address}.",
                "Name a folder, or milvus://host:port/collection: letters, digits and _, without a _d5 in the end.",
            )
        return MilvusStore(named["host"], int(named["port"]), named["name"])
    if not address.strip():
        raise SettingError("The address of the gallery is empty.", "Name a folder.")
    return LanceDBStore(Path(address))
