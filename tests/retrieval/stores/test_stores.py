"""Every store does the same, whatever keeps its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ccreid.errors import ArtefactError, DataError, SettingError
from ccreid.retrieval.stores.store import Store
from retrieval.backends import Backend, lancedb, memory, milvus
from retrieval.memory_store import MemoryStore
from retrieval.rows_of_crops import CROPS, DIMENSION, PEOPLE, crop_id, crops, people, vectors_of


@pytest.fixture(params=["memory", "lancedb", pytest.param("milvus", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    match request.param:
        case "memory":
            return memory()
        case "lancedb":
            return lancedb(tmp_path / "gallery")
        case _:
            return milvus(request.getfixturevalue("milvus_uri"))


@pytest.fixture
def store(backend: Backend) -> Store:
    """With two empty tables, crops and people."""
    with backend.store.writing():
        backend.store.create("crops", CROPS)
        backend.store.create("people", PEOPLE)
    return backend.store


def added(store: Store, rows: pa.Table, table: str = "crops") -> None:
    with store.writing():
        store.add(table, rows)


def ids_in(store: Store, table: str = "crops") -> list[str]:
    rows = store.get(table, columns=["id"])
    assert rows.num_rows == store.count(table)
    return list(rows["id"].to_pylist())


def test_a_new_store_has_no_tables(backend: Backend) -> None:
    assert backend.store.tables() == ()


def test_rows_come_back_as_they_were_in_the_order_of_their_ids(store: Store) -> None:
    rows = crops(range(20))
    added(store, rows.take(np.random.default_rng(0).permutation(20)))
    assert store.tables() == ("crops", "people")
    assert store.get("crops").equals(rows, check_metadata=True)
    assert store.count("crops") == 20
    assert store.count("people") == 0
    assert store.get("people").schema.equals(PEOPLE, check_metadata=True)


def test_rows_in_another_order_of_columns_and_wider_lists_are_taken(store: Store) -> None:
    rows = crops(range(4))
    loose = pa.table({name: rows[name] for name in reversed(rows.schema.names)})
    loose = loose.set_column(
        loose.schema.get_field_index("vector"), "vector", pa.array(rows["vector"].to_pylist(), pa.list_(pa.float32()))
    )
    added(store, loose)
    assert store.get("crops").equals(rows)


def test_a_row_is_known_by_its_id(store: Store) -> None:
    added(store, crops(range(10)))
    added(store, crops(range(10)))
    assert store.get("crops").equals(crops(range(10)))
    added(store, crops(range(5, 15), note=" again"))
    assert store.get("crops").equals(pa.concat_tables([crops(range(5)), crops(range(5, 15), note=" again")]))


def test_ids_and_columns_can_be_asked_for(store: Store) -> None:
    added(store, crops(range(10)))
    some = store.get("crops", [crop_id(7), crop_id(2), "no such id", crop_id(7)], ["camera", "id"])
    assert some.equals(crops([2, 7]).select(["camera", "id"]))
    assert store.get("crops", []).equals(crops([]))
    assert store.get("crops", columns=["person"]).equals(crops(range(10)).select(["person"]))


def test_many_ids_at_once(store: Store) -> None:
    added(store, people(["who"] * 5000), "people")
    wanted = [f"p-{row}" for row in range(0, 5000, 2)]
    assert store.get("people", wanted, ["id"])["id"].to_pylist() == sorted(wanted)
    with store.writing():
        store.remove("people", wanted)
    assert store.count("people") == 2500


@pytest.mark.parametrize("table", ["crops", "people"])
def test_what_is_removed_is_gone_and_may_be_gone_already(store: Store, table: str) -> None:
    rows = crops(range(6)) if table == "crops" else people(["Ada", "Bo", "Cy", "Di", "Ed", "Fay"])
    added(store, rows, table)
    ids = rows["id"].to_pylist()
    with store.writing():
        store.remove(table, [ids[1], "no such id", ids[4]])
        store.remove(table, [ids[4]])
        store.remove(table, [])
    assert ids_in(store, table) == [ids[row] for row in (0, 2, 3, 5)]
    added(store, rows.slice(4, 1), table)
    assert ids_in(store, table) == [ids[row] for row in (0, 2, 3, 4, 5)]


@pytest.mark.parametrize(
    "name", ["o'brien", 'a "b"', "back\\slash", "%_", "x') or ('1'='1", "ü 人", " ", "line\nend", "--", "{x}"]
)
def test_an_id_is_text_and_never_a_command(store: Store, name: str) -> None:
    rows = pa.table({"id": [name, "other"], "name": ["a", "b"]}, schema=PEOPLE)
    added(store, rows, "people")
    assert store.get("people", [name]).equals(rows.slice(0, 1))
    with store.writing():
        store.remove("people", [name])
    assert ids_in(store, "people") == ["other"]


def test_no_rows_are_rows_too(store: Store) -> None:
    added(store, crops([]))
    assert store.get("crops").equals(crops([]))
    ids, similarities = store.search("crops", vectors_of([1, 2]), 3)
    assert ids == [[], []]
    assert [list(values) for values in similarities] == [[], []]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda rows: rows.drop_columns(["camera"]), "have the columns"),
        (lambda rows: rows.append_column("more", pa.array([1, 2, 3])), "have the columns"),
        (lambda rows: pa.concat_tables([rows, rows.slice(1, 1)]), f"id {crop_id(1)} stands twice"),
        (lambda rows: rows.set_column(0, "id", pa.array(["a", None, "c"])), "has no id"),
        (lambda rows: rows.set_column(1, "vector", pa.array([[1.0] * 3] * 3)), "do not fit"),
        (
            lambda rows: rows.set_column(1, "vector", pa.array([None] * 3, pa.list_(pa.float32(), DIMENSION))),
            "has no vector",
        ),
        (lambda rows: rows.set_column(3, "camera", pa.array(["one"] * 3)), "do not fit"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(store: Store, spoil: object, told: str) -> None:
    with store.writing(), pytest.raises(DataError, match=told):
        store.add("crops", spoil(crops(range(3))))  # type: ignore[operator]
    assert store.count("crops") == 0


@pytest.mark.parametrize(
    ("name", "schema", "told"),
    [
        ("crops; drop", PEOPLE, "cannot be called"),
        ("", PEOPLE, "cannot be called"),
        ("../people", PEOPLE, "cannot be called"),
        ("nameless", pa.schema([pa.field("name", pa.string())]), "no column 'id'"),
        ("numbered", pa.schema([pa.field("id", pa.int64())]), "no column 'id'"),
        ("loose", pa.schema([pa.field("id", pa.string()), pa.field("vector", pa.list_(pa.float32()))]), "vector"),
    ],
)
def test_a_table_that_cannot_be_kept_is_refused(store: Store, name: str, schema: pa.Schema, told: str) -> None:
    with store.writing(), pytest.raises(SettingError, match=told):
        store.create(name, schema)
    assert store.tables() == ("crops", "people")


def test_a_table_may_be_there_but_not_with_other_columns(store: Store) -> None:
    added(store, people(["Ada"]), "people")
    with store.writing():
        store.create("people", PEOPLE)
        with pytest.raises(ArtefactError, match="'people' with other columns"):
            store.create("people", CROPS)
    assert store.count("people") == 1


def test_a_dropped_table_is_gone_and_comes_back_empty(store: Store) -> None:
    added(store, people(["Ada"]), "people")
    before = store.version("people")
    with store.writing():
        store.drop("people")
        store.drop("people")
        assert store.tables() == ("crops",)
        store.create("people", PEOPLE)
    assert store.count("people") == 0
    assert store.version("people") != before
    added(store, people(["Ada"]), "people")
    assert store.version("people") != before


def test_what_is_not_there_is_named(store: Store) -> None:
    for call in (store.count, store.get, store.version):
        with pytest.raises(ArtefactError, match="no table 'outfits'") as caught:
            call("outfits")
        assert "crops, people" in caught.value.mend
    with store.writing():
        for change in (
            lambda: store.add("outfits", people([])),
            lambda: store.remove("outfits", ["a"]),
            lambda: store.build_index("outfits"),
            lambda: store.erase("outfits", ["a"]),
        ):
            with pytest.raises(ArtefactError, match="no table 'outfits'"):
                change()
    with pytest.raises(DataError, match="no column 'outfit'"):
        store.get("crops", columns=["id", "outfit"])


def test_a_version_changes_with_the_table_alone(store: Store) -> None:
    seen = [store.version("crops")]
    added(store, crops(range(5)))
    seen.append(store.version("crops"))
    store.get("crops")
    store.search("crops", vectors_of([1]), 2)
    assert store.version("crops") == seen[-1]
    with store.writing():
        store.remove("crops", [crop_id(1)])
        seen.append(store.version("crops"))
        store.erase("crops", [crop_id(2)])
        seen.append(store.version("crops"))
    assert len(set(seen)) == 4


@pytest.mark.parametrize("count", [1, 5, 100])
def test_search_finds_the_nearest(store: Store, count: int) -> None:
    added(store, crops(range(40)))
    with store.writing():
        store.remove("crops", [crop_id(3)])
    kept = [number for number in range(40) if number != 3]
    queries = vectors_of([100, 7, 3])
    ids, similarities = store.search("crops", queries, count)
    product = queries @ vectors_of(kept).T
    for row, (found, values) in enumerate(zip(ids, similarities, strict=True)):
        nearest = np.argsort(-product[row])[:count]
        assert found == [crop_id(kept[place]) for place in nearest]
        np.testing.assert_allclose(values, product[row][nearest], atol=1e-5)


def test_vectors_that_cannot_be_searched_are_refused(store: Store) -> None:
    with pytest.raises(DataError, match="'people' has no vectors"):
        store.search("people", vectors_of([1]), 1)
    with pytest.raises(DataError, match=f"have {DIMENSION} numbers"):
        store.search("crops", vectors_of([1], DIMENSION + 1), 1)


def test_an_index_finds_what_was_added_later_and_not_what_was_removed(store: Store) -> None:
    added(store, crops(range(300)))
    with store.writing():
        store.build_index("crops")
        store.add("crops", crops(range(300, 310)))
        store.remove("crops", [crop_id(5)])
    ids, _ = store.search("crops", vectors_of([305, 20, 5]), 3)
    assert ids[0][0] == crop_id(305)
    assert ids[1][0] == crop_id(20)
    assert crop_id(5) not in ids[2]
    with store.writing():
        store.build_index("crops")
        store.drop_index("crops")
        store.drop_index("crops")
    assert store.search("crops", vectors_of([305]), 1)[0] == [[crop_id(305)]]


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_index_of_few_rows_is_no_mistake(store: Store, rows: int) -> None:
    added(store, crops(range(rows)))
    with store.writing():
        store.build_index("crops")
    assert len(store.search("crops", vectors_of([0]), 5)[0][0]) == rows


def test_a_table_without_vectors_has_no_index(store: Store) -> None:
    with store.writing(), pytest.raises(DataError, match="'people' has no vectors"):
        store.build_index("people")


@pytest.mark.parametrize("indexed", [False, True])
def test_what_is_erased_is_gone(store: Store, indexed: bool) -> None:
    added(store, crops(range(300)))
    gone = list(range(0, 300, 50))
    with store.writing():
        if indexed:
            store.build_index("crops")
        erasure = store.erase("crops", [crop_id(number) for number in gone], vectors_of(gone))
    assert erasure.rows_live == 0
    kept = [number for number in range(300) if number not in gone]
    assert store.get("crops").equals(crops(kept))
    ids, _ = store.search("crops", vectors_of(gone), 5)
    assert not {crop_id(number) for number in gone} & {name for found in ids for name in found}
    assert all(len(found) == 5 for found in ids)


def test_only_one_writes(backend: Backend, store: Store) -> None:
    other = backend.again()
    with store.writing():
        with pytest.raises(SettingError, match="being written by another"), other.writing():
            pass
        assert other.count("crops") == 0
    with pytest.raises(KeyError), other.writing():
        raise KeyError
    added(store, crops(range(3)))
    assert other.count("crops") == 3


def test_nobody_writes_without_holding_the_store(store: Store) -> None:
    for change in (
        lambda: store.create("more", PEOPLE),
        lambda: store.drop("people"),
        lambda: store.add("people", people(["Ada"])),
        lambda: store.remove("people", ["a"]),
        lambda: store.erase("people", ["a"]),
        lambda: store.build_index("crops"),
        lambda: store.drop_index("crops"),
    ):
        with pytest.raises(RuntimeError, match=r"outside of writing\(\)"):
            change()


def test_another_handle_sees_what_was_written(backend: Backend, store: Store) -> None:
    other = backend.again()
    assert other.tables() == ("crops", "people")
    before = other.version("crops")
    added(store, crops(range(4)))
    assert other.version("crops") != before
    assert other.get("crops").equals(crops(range(4)))
    with store.writing():
        store.erase("crops", [crop_id(0)])
    assert other.get("crops").equals(crops(range(1, 4)))
    assert backend.again().get("crops").equals(crops(range(1, 4)))


def test_after_any_series_of_changes_it_holds_what_dicts_hold(backend: Backend, store: Store) -> None:
    draws = np.random.default_rng(1)
    expected = MemoryStore()
    with store.writing(), expected.writing():
        expected.create("crops", CROPS)
        for step in range(25):
            some = draws.choice(60, int(draws.integers(1, 12)), replace=False).tolist()
            ids = [crop_id(number) for number in some]
            match draws.choice(["add", "add", "remove", "erase", "index"]):
                case "add":
                    for either in (store, expected):
                        either.add("crops", crops(some, note=f" {step}"))
                case "remove":
                    for either in (store, expected):
                        either.remove("crops", ids)
                case "erase":
                    for either in (store, expected):
                        either.erase("crops", ids, vectors_of(some))
                case _:
                    store.build_index("crops")
            assert store.get("crops").equals(expected.get("crops"))
    assert ids_in(store) == ids_in(expected)
