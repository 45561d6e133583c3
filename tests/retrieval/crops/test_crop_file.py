"""The file of crops: what is written is read, also by other programs, and what is wrong with one is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from ccreid.errors import ArtefactError, StorageError
from ccreid.retrieval.crops.crop_file import CropFile, is_crop_file

MADE_WITH = {"weights": "abc", "flip": "True"}
ROWS, DIMENSION = 5, 8


def crops(**columns: Any) -> dict[str, Any]:
    """Columns of a good table, of which some are others."""
    vectors = np.random.default_rng(0).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    boxes = [None, [0, 0, 4, 8], [4, 0, 4, 8], None, [0, 0, 4, 8]]
    pictures = [hashlib.sha256(str(number).encode()).hexdigest() for number in (0, 1, 1, 2, 2)]
    own = {
        "path": [f"folder/größer {row}.png" for row in range(ROWS)],
        "sha256": pictures,
        "box": pa.array(boxes, pa.list_(pa.int32(), 4)),
        "height_px": pa.array([8] * ROWS, pa.int32()),
        "width_px": pa.array([4] * ROWS, pa.int32()),
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), DIMENSION),
        "camera": [1, 2, None, 1, 3],
        "person": ["anna", None, "anna", "ben", "ben"],
    }
    return own | columns


def crop_file(**columns: Any) -> CropFile:
    return CropFile(pa.table(crops(**columns)), MADE_WITH)


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written = crop_file()
    written.write(tmp_path / "crops.parquet")
    read = CropFile.read(tmp_path / "crops.parquet")
    assert read.table.equals(written.table)
    assert read.made_with == MADE_WITH
    assert read.metadata == ["camera", "person"]
    assert len(read) == ROWS
    assert read.vectors.dtype == np.float32
    np.testing.assert_array_equal(read.vectors, np.array(written.table["embedding"].to_pylist(), np.float32))
    assert [path.name for path in tmp_path.iterdir()] == ["crops.parquet"]


def test_an_id_is_of_the_bytes_and_the_box() -> None:
    table = crop_file().table
    ids = CropFile(table, MADE_WITH).ids
    assert len(set(ids)) == ROWS
    moved = table.set_column(0, "path", pa.array(["elsewhere"] * ROWS))
    assert CropFile(moved, MADE_WITH).ids == ids
    picture = table["sha256"][1].as_py()
    assert ids[1] == hashlib.sha256(f"{picture} 0,0,4,8".encode()).hexdigest()[:32]


def test_polars_reads_it(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    frame = pytest.importorskip("polars").read_parquet(tmp_path / "crops.parquet")
    np.testing.assert_array_equal(frame["embedding"].to_numpy(), crop_file().vectors)
    assert frame["person"].to_list()[3:] == ["ben", "ben"]


def test_duckdb_reads_it(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    found = pytest.importorskip("duckdb").sql(
        f"select embedding, person from '{tmp_path}/crops.parquet' where camera = 1"
    )
    rows = found.fetchall()
    assert len(rows) == 2
    np.testing.assert_array_equal(np.array(rows[0][0], np.float32), crop_file().vectors[0])


def test_other_programs_read_it(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    frame = pytest.importorskip("pandas").read_parquet(tmp_path / "crops.parquet")
    np.testing.assert_array_equal(np.stack(frame["embedding"].to_list()), crop_file().vectors)
    assert frame["person"].to_list()[3:] == ["ben", "ben"]
    found = ds.dataset(tmp_path / "crops.parquet").to_table(filter=ds.field("camera") == 1)
    assert found.num_rows == 2
    assert found.schema.field("embedding").type == pa.list_(pa.float32(), DIMENSION)


def test_what_another_program_made_of_it_is_read_where_it_kept_what_it_says(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    written = pq.read_table(tmp_path / "crops.parquet")
    loose = pa.Table.from_pandas(written.to_pandas(), preserve_index=False)
    assert loose.schema.field("embedding").type != written.schema.field("embedding").type
    pq.write_table(loose, tmp_path / "loose.parquet")
    with pytest.raises(ArtefactError, match=r"loose.parquet.* does not say which model"):
        CropFile.read(tmp_path / "loose.parquet")
    pq.write_table(loose.replace_schema_metadata(written.schema.metadata), tmp_path / "loose.parquet")
    read = CropFile.read(tmp_path / "loose.parquet")
    assert read.ids == crop_file().ids
    assert read.table.schema.field("embedding").type == pa.list_(pa.float32(), DIMENSION)


def test_a_folder_of_parts_is_one_table(tmp_path: Path) -> None:
    whole = crop_file().table
    CropFile(whole.slice(0, 2), MADE_WITH).write(tmp_path / "part-0.parquet")
    CropFile(whole.slice(2).drop_columns(["person"]), MADE_WITH).write(tmp_path / "part-1.parquet")
    read = CropFile.read(tmp_path)
    assert read.ids == crop_file().ids
    assert read.table["person"].to_pylist() == ["anna", None, None, None, None]
    np.testing.assert_array_equal(read.vectors, crop_file().vectors)


def test_parts_of_different_models_are_not_mixed(tmp_path: Path) -> None:
    whole = crop_file().table
    CropFile(whole.slice(0, 2), MADE_WITH).write(tmp_path / "part-0.parquet")
    CropFile(whole.slice(2), MADE_WITH | {"flip": "False"}).write(tmp_path / "part-1.parquet")
    with pytest.raises(ArtefactError, match=r"part-1.parquet was made with another model than .*part-0.parquet"):
        CropFile.read(tmp_path)


def test_no_crops_at_all_are_a_table_too(tmp_path: Path) -> None:
    CropFile(crop_file().table.slice(0, 0), MADE_WITH).write(tmp_path / "none.parquet")
    assert CropFile.read(tmp_path / "none.parquet").vectors.shape == (0, DIMENSION)


def of_vectors(vectors: Any) -> Any:
    return pa.FixedSizeListArray.from_arrays(pa.array(np.asarray(vectors, np.float32).reshape(-1)), DIMENSION)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"embedding": of_vectors(crop_file().vectors * 2)}, "5 embeddings are not of length 1, the first is in row 0"),
        ({"embedding": of_vectors(np.where(np.eye(ROWS, DIMENSION), np.nan, 0))}, "row 0, that of folder"),
        ({"embedding": of_vectors(np.where(np.eye(ROWS, DIMENSION), np.inf, 0))}, "not of length 1"),
        ({"embedding": pa.array([[1.0]] * 4 + [[1.0, 0.0]])}, "the column embedding is no fixed_size_list"),
        ({"embedding": pa.array(["x"] * ROWS)}, "the column embedding is no fixed_size_list"),
        ({"embedding": pa.array([[1.0]] * 4 + [None])}, "no value in row 4, column embedding"),
        ({"path": pa.array(["a", "b", None, "d", "e"])}, "no value in row 2, column path"),
        ({"sha256": ["0" * 64] * ROWS}, "the same crop in the rows 0 and 3"),
        ({"sha256": ["0" * 64] * 4 + ["short"]}, "row 4, column sha256: short"),
        ({"height_px": pa.array([8, 8, 0, 8, 8], pa.int32())}, "row 2, column height_px: 0"),
        ({"width_px": ["wide"] * ROWS}, "column width_px is no int32"),
        ({"camera": [[1]] * ROWS}, "column camera is of type list"),
        ({"camera": [b"\x00"] * ROWS}, "column camera is of type binary"),
    ],
)
def test_what_is_wrong_is_named(columns: dict[str, Any], said: str) -> None:
    with pytest.raises(ArtefactError) as raised:
        crop_file(**columns)
    assert said in raised.value.message
    assert raised.value.mend


@pytest.mark.parametrize("column", ["path", "sha256", "box", "height_px", "width_px", "embedding"])
def test_a_missing_column_is_named_with_the_file(tmp_path: Path, column: str) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    table = pq.read_table(tmp_path / "crops.parquet")
    pq.write_table(table.drop_columns([column]), tmp_path / "crops.parquet")
    with pytest.raises(ArtefactError, match=f"crops.parquet has no column {column}"):
        CropFile.read(tmp_path / "crops.parquet")


def test_a_column_that_is_there_twice_is_named() -> None:
    table = crop_file().table
    with pytest.raises(ArtefactError, match="has the column camera more than once"):
        CropFile(table.append_column("camera", table["camera"]), MADE_WITH)


@pytest.mark.parametrize(
    "notes", [b"{", b"[]", b'{"format": "ccreid-crops-9", "made_with": {}}', b'{"format": "ccreid-crops-1"}']
)
def test_what_it_says_of_itself_must_be_known(tmp_path: Path, notes: bytes) -> None:
    pq.write_table(crop_file().table.replace_schema_metadata({"ccreid": notes}), tmp_path / "crops.parquet")
    with pytest.raises(ArtefactError, match=r"crops.parquet is no file of crops of this version"):
        CropFile.read(tmp_path / "crops.parquet")


def test_what_is_no_such_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.parquet").write_text("no table")
    for place, said in (("nowhere", "there is no such file"), ("text.parquet", "no file of crops"), ("empty", "no .p")):
        with pytest.raises(ArtefactError, match=said):
            CropFile.read(tmp_path / place)
        assert not is_crop_file(tmp_path / place)


def test_a_cut_file_is_no_crop_file(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    assert is_crop_file(tmp_path / "crops.parquet")
    assert is_crop_file(tmp_path)
    content = (tmp_path / "crops.parquet").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "crops.parquet").write_bytes(content[:length])
        with pytest.raises(ArtefactError, match=r"crops.parquet"):
            CropFile.read(tmp_path / "crops.parquet")


def test_damage_anywhere_is_an_error_of_our_own(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    content = (tmp_path / "crops.parquet").read_bytes()
    dice = np.random.default_rng(0)
    said = []
    for _ in range(400):
        damaged = bytearray(content)
        damaged[dice.integers(len(content))] = dice.integers(256)
        (tmp_path / "crops.parquet").write_bytes(damaged)
        is_crop_file(tmp_path / "crops.parquet")
        try:
            CropFile.read(tmp_path / "crops.parquet")
        except ArtefactError as error:
            said.append(error.message)
    assert all("crops.parquet" in message for message in said)
    assert len(said) > 200  # the rest changes a value for another that may stand there


def test_a_write_that_fails_leaves_what_stood_there(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError):
        crop_file().write(tmp_path / "file" / "crops.parquet")
    assert (tmp_path / "file").read_text() == "mine"


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    crop_file().write(tmp_path / "crops.parquet")
    said = json.loads(pq.read_schema(tmp_path / "crops.parquet").metadata[b"ccreid"])
    assert said == {"format": "ccreid-crops-1", "made_with": MADE_WITH}
