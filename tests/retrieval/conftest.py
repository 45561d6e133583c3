"""The Milvus server that tests of stores share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ccreid.retrieval.stores.opening import open_store
from retrieval.milvus_server import NotToBeHad, used


@pytest.fixture(scope="session")
def milvus_port() -> Iterator[int]:
    """The server's; skips where no server can be had, and says why."""
    try:
        with used() as port:
            yield port
    except NotToBeHad as error:
        pytest.skip(f"no Milvus server: {error}")


@pytest.fixture
def milvus_uri(milvus_port: int) -> str:
    """The address of a store on the server that is this process's own, without a table."""
    uri = f"milvus://127.0.0.1:{milvus_port}/test_{os.getpid()}"
    store = open_store(uri)
    if tables := store.tables():
        with store.writing():
            for table in tables:
                store.drop(table)
    return uri
