"""The Milvus server that tests of stores share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from retrieval.milvus_server import NotToBeHad, used


@pytest.fixture(scope="session")
def milvus_uri() -> Iterator[str]:
    """The address of a store on it, this process's own; skips where no server can be had, and says why."""
    try:
        with used() as port:
            yield f"milvus://127.0.0.1:{port}/test_{os.getpid()}"
    except NotToBeHad as error:
        pytest.skip(f"no Milvus server: {error}")
