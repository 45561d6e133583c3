"""A gallery is the same on a Milvus server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.retrieval.gallery.gallery import Gallery
from crop_files import crop_file
from retrieval.backends import milvus
from retrieval.gallery.test_repair import check_whole


@pytest.mark.slow
def test_people_come_are_found_and_go(milvus_uri: str, tmp_path: Path) -> None:
    backend = milvus(milvus_uri)
    noise = np.random.default_rng(0).integers(0, 255, (128, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path := tmp_path / "a.png")
    gallery = Gallery.create(backend.store)
    gallery.add(crop_file(["Ada", "Ada", "Bo", None], outfit=["red", "blue", "red", None], camera=[1, 2, 3, 4]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    gallery.add(crop_file(["Bo"], first=20, path=[str(path)], sha256=[digest]))
    assert gallery.store.get("thumbnails")["jpeg"][0].as_py().startswith(b"\xff\xd8")
    again = Gallery.open(backend.again())
    assert again.search(crop_file(["Ada"], first=50))[0].candidates[0].name == "Ada"
    again.merge(["Bo"], "Ada")
    again.undo()
    check_whole(again)
    assert len(gallery.snapshot().people) == 2
    forgotten = gallery.forget("Bo")
    assert forgotten.crops == 2
    assert not forgotten.proven, "a server's disk cannot be looked at"
    assert [row["name"] for row in again.tables().people.to_pylist()] == ["Ada"]
    assert again.store.count("thumbnails") == 0
