"""A store on a Milvus server: when the server is away, when a writer is gone, what rows become."""

from __future__ import annotations

import os
import sys
import time

import pyarrow as pa
import pytest

from ccreid.errors import DataError, SettingError, StorageError
from ccreid.retrieval.stores import milvus_collections, milvus_lease
from ccreid.retrieval.stores.milvus_lease import Claims, leased
from ccreid.retrieval.stores.milvus_rows import content_of, to_entities, to_rows
from ccreid.retrieval.stores.milvus_store import MilvusStore
from ccreid.retrieval.stores.opening import open_store
from retrieval import children
from retrieval.rows_of_crops import CROPS, DIMENSION, PEOPLE, crops, people


def test_a_server_that_is_away_is_named_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_collections, "PATIENCE_S", 1.0)
    store = MilvusStore("127.0.0.1", 1, "people")
    for use in (store.tables, lambda: store.count("crops"), lambda: store.writing().__enter__()):
        with pytest.raises(StorageError, match=r"milvus://127\.0\.0\.1:1/people does not answer") as caught:
            use()
        assert "for up to 1 seconds" in caught.value.mend


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(SettingError, match=r"ccreid\[milvus\]"):
        MilvusStore("localhost", 19530, "people")


@pytest.mark.parametrize("rows", [crops(range(7)), crops([]), people(["Ada", "Bo 'ü'"])])
def test_rows_become_entities_and_come_back(rows: pa.Table) -> None:
    back = to_rows(rows.schema, list(to_entities(5, 1, rows)), vectors=True)
    assert back.equals(rows, check_metadata=True)


def test_a_large_row_is_kept_in_parts_and_a_larger_one_refused() -> None:
    schema = pa.schema([pa.field("id", pa.string()), pa.field("jpeg", pa.binary())])
    large = pa.table({"id": ["a"], "jpeg": [os.urandom(150_000)]}, schema=schema)
    (entity,) = to_entities(5, 1, large)
    assert content_of(entity)
    assert to_rows(schema, [entity], vectors=True).equals(large)
    with pytest.raises(DataError, match="'a' is too large for Milvus"):
        list(to_entities(5, 1, pa.table({"id": ["a"], "jpeg": [os.urandom(250_000)]}, schema=schema)))


class Board:
    """Leases on a board of this process."""

    def __init__(self) -> None:
        self.leases: dict[str, str] = {}
        self.puts = 0

    def put(self, holder: str, told: str) -> None:
        self.leases[holder] = told
        self.puts += 1

    def take_away(self, holder: str) -> None:
        self.leases.pop(holder, None)

    @property
    def claims(self) -> Claims:
        return Claims(self.put, self.take_away, lambda: list(self.leases.values()))


def test_a_lease_is_one_writers_and_ends() -> None:
    board = Board()
    goodness = []
    with leased("there", board.claims) as held:
        goodness.append(held.good)
        with pytest.raises(SettingError, match=f"process {os.getpid()}"), leased("there", board.claims):
            pass
        assert len(board.leases) == 1
    goodness.append(held.good)
    assert goodness == [True, False]
    assert board.leases == {}


def test_a_lease_that_could_not_be_given_back_is_in_nobodys_way_in_its_own_process() -> None:
    board = Board()

    def away(holder: str) -> None:
        raise StorageError(f"{holder} cannot be told.", "")

    with pytest.raises(StorageError), leased("there", Claims(board.put, away, lambda: [])):
        pass
    assert len(board.leases) == 1
    with leased("there", board.claims) as held:
        assert held.good


def test_a_lease_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(milvus_lease, "LEASE_S", 0.4)
    board = Board()
    with leased("there", board.claims) as held:
        for _ in range(100):
            if board.puts > 3:
                break
            time.sleep(0.05)
        assert board.puts > 3
        assert held.good


def test_the_lease_of_another_machine_holds_until_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(milvus_lease, "_machine", lambda: "elsewhere")
        elsewhere.setattr(milvus_lease, "_THROUGH", set())
        with leased("there", board.claims):
            left = dict(board.leases)
    board.leases = left  # killed: it could not take its lease away
    with pytest.raises(SettingError, match="being written by another"), leased("there", board.claims):
        pass
    monkeypatch.setattr("time.time", lambda: time.monotonic() + 1e12)
    with leased("there", board.claims):
        assert len(board.leases) == 1


def test_the_lease_of_a_process_of_this_machine_that_is_gone_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    with monkeypatch.context() as of_another_process:
        of_another_process.setattr(milvus_lease, "_THROUGH", set())
        with leased("there", board.claims):
            left = dict(board.leases)
    board.leases = left
    monkeypatch.setattr(milvus_lease, "_lives", lambda process: False)
    with leased("there", board.claims):
        pass


@pytest.mark.slow
def test_whoever_lost_the_lease_writes_no_more(milvus_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(milvus_uri)
    with store.writing():
        store.create("people", PEOPLE)
        with monkeypatch.context() as patch:
            patch.setattr(milvus_lease.Held, "good", property(lambda held: False))
            with pytest.raises(StorageError, match="could not be renewed"):
                store.add("people", people(["Ada"]))
        assert store.count("people") == 0


@pytest.mark.slow
def test_erasing_is_answered_honestly(milvus_uri: str) -> None:
    store = open_store(milvus_uri)
    with store.writing():
        store.drop("crops")
        store.create("crops", CROPS)
        store.add("crops", crops(range(3)))
        erasure = store.erase("crops", [crops([1])["id"][0].as_py()])
    assert (erasure.rows_live, erasure.rows_old, erasure.files_searched) == (0, None, None)
    assert not erasure.physically_gone
    assert "not verified" in erasure.remarks[0]


@pytest.mark.slow
def test_readers_mend_what_a_writer_left_who_was_killed_amid_an_index(
    milvus_uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = MilvusStore("127.0.0.1", int(milvus_uri.split(":")[2].split("/")[0]), milvus_uri.split("/")[-1])
    with store.writing():
        store.drop("crops")
        store.create("crops", CROPS)
        store.add("crops", crops(range(3)))
    collections = store._collections
    name = collections.of(DIMENSION)
    collections._ask("release_collection", name)
    collections._ask("drop_index", name, "vector")
    monkeypatch.setattr(milvus_collections, "PATIENCE_S", 6.0)
    assert open_store(milvus_uri).get("crops").equals(crops(range(3)))


@pytest.mark.slow
def test_readers_go_on_and_see_whole_states(milvus_uri: str) -> None:
    together = 10
    store = open_store(milvus_uri)
    with store.writing():
        store.drop("crops")
        store.create("crops", CROPS)
        store.add("crops", crops(range(together), note=" note first"))
        process, pipe = children.started(children.read_along, milvus_uri, together)
        assert pipe.recv() == "reading"
        for step in range(12):
            block = range(together * (1 + step % 3), together * (2 + step % 3))
            store.add("crops", crops(block, note=f" note {step}"))
            if step % 4 == 3:
                store.remove("crops", crops(block)["id"].to_pylist())
    pipe.send("enough")
    reads, fault = pipe.recv()
    process.join()
    assert fault == ""
    assert reads > 0
