"""A gallery is the same on a Milvus server."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ccreid.errors import StorageError
from ccreid.retrieval.gallery.gallery import Gallery
from ccreid.retrieval.stores import milvus_collections
from crop_files import crop_file
from retrieval.backends import milvus
from retrieval.cable import Cable
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


@pytest.mark.slow
def test_a_server_that_goes_away_amid_an_add_leaves_no_half_of_it(
    milvus_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, collection = milvus_uri.removeprefix("milvus://127.0.0.1:").split("/")
    Gallery.create(milvus(milvus_uri).store).add(crop_file(["Ada", "Bo"]))
    many = crop_file([f"P{row // 4}" for row in range(400)], first=100)
    with Cable(int(server)) as cable:
        gallery = Gallery.open(f"milvus://127.0.0.1:{cable.port}/{collection}")
        for sent in (20_000, 60_000, 150_000):
            cable.pull_after(sent)
            with monkeypatch.context() as patched:
                patched.setattr(milvus_collections, "PATIENCE_S", 3.0)
                with pytest.raises(StorageError, match="does not answer") as caught:
                    gallery.add(many)
            assert "for up to 3 seconds" in caught.value.mend
            assert cable.pulled
            cable.plug_in()
            with gallery.writing() as tables:
                names = sorted(row["name"] for row in tables.people.to_pylist())
                assert names == ["Ada", "Bo"]
                assert tables.crops.num_rows == 2
        assert gallery.add(many).added == 400
        check_whole(gallery)
    assert len(Gallery.open(milvus_uri).snapshot()) == 402
