"""Addresses of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from ccreid.errors import SettingError
from ccreid.retrieval.lancedb_store import LanceDBStore
from ccreid.retrieval.opening import open_store


def test_a_path_is_a_folder(tmp_path: Path) -> None:
    for place in (tmp_path / "gallery", str(tmp_path / "gallery")):
        store = open_store(place)
        assert isinstance(store, LanceDBStore)
        assert store.uri == str(tmp_path / "gallery")


@pytest.mark.parametrize("address", ["s3://bucket/gallery", "http://localhost", "mongodb://a/b"])
def test_what_no_store_is_kept_in_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match=address):
        open_store(address)


@pytest.mark.parametrize("address", ["", "  "])
def test_an_empty_address_is_refused(address: str) -> None:
    with pytest.raises(SettingError, match="empty"):
        open_store(address)
