"""Addresses of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.errors import SettingError
from ccreid.retrieval.stores.lancedb_store import LanceDBStore
from ccreid.retrieval.stores.milvus_store import MilvusStore
from ccreid.retrieval.stores.opening import open_store


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    for place in (tmp_path / "gallery", str(tmp_path / "gallery")):
        store = open_store(place)
        assert isinstance(store, LanceDBStore)
        assert store.uri == str(tmp_path / "gallery")


def test_a_server_is_named_by_host_port_and_collection() -> None:
    store = open_store("milvus://milvus.example-1.org:19530/people_2")
    assert isinstance(store, MilvusStore)
    assert store.uri == "milvus://milvus.example-1.org:19530/people_2"


@pytest.mark.parametrize(
    "address",
    [
        *("s3://bucket/gallery", "http://localhost", "mongodb://a/b", "milvus://host", "milvus://host:19530"),
        *("milvus://host:19530/", "milvus://host:70000/a", "milvus://host:0/a", "milvus://host:x/a"),
        *("milvus://host:19530/a-b", "milvus://host:19530/a/b", "milvus://user@host:19530/a", "MILVUS://host:1/a"),
        "milvus://host:19530/people_d512",
    ],
)
def test_what_no_store_is_kept_in_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match=address):
        open_store(address)


@pytest.mark.parametrize("address", ["", "  "])
def test_an_empty_address_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match="empty"):
        open_store(address)
