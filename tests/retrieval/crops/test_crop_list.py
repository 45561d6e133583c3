"""What a user may name: folders, patterns, pictures, tables with boxes, a list, files of crops, URIs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ccreid.errors import ArtefactError, CcreidError, DataError, SettingError
from ccreid.retrieval.crops.crop_file import CropFile
from ccreid.retrieval.crops.crop_list import CropList, list_crops


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files in folders, of which nobody opens any; the working folder."""
    for name in ("b/2.JPG", "b/1.png", "b/notes.txt", "b/.hidden.jpg", "a/x/3.webp", "a/4.jpg", "a [1]/5.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(listed: CropList) -> list[Any]:
    found: list[Any] = listed.table["path"].to_pylist()
    return found


def here(*names: str) -> list[str]:
    """Whole paths: they lead to the same picture from another working folder."""
    return [f"{Path.cwd()}/{name}" for name in names]


def table(text: str, name: str = "crops.csv") -> CropList:
    Path(name).write_text(text, encoding="utf-8")
    return list_crops([name])


def test_a_folder_is_all_pictures_in_it_and_below_sorted(tree: Path) -> None:
    assert paths(list_crops(["b"])) == here("b/1.png", "b/2.JPG")
    assert paths(list_crops(["a", "b/1.png"])) == here("a/4.jpg", "a/x/3.webp", "b/1.png")
    assert paths(list_crops([str(tree / "b")])) == [f"{tree}/b/1.png", f"{tree}/b/2.JPG"]


def test_a_pattern_is_what_matches_it_and_a_name_with_its_signs_is_itself(tree: Path) -> None:
    assert paths(list_crops(["*/*.jpg"])) == here("a [1]/5.jpg", "a/4.jpg")
    assert paths(list_crops(["**/*.webp"])) == here("a/x/3.webp")
    assert paths(list_crops(["a [1]"])) == here("a [1]/5.jpg")
    assert paths(list_crops([f"{tree}/b*"])) == [f"{tree}/b/1.png", f"{tree}/b/2.JPG"]


def test_links_that_lead_back_up_end(tree: Path) -> None:
    (tree / "a" / "x" / "up").symlink_to(tree / "a")
    assert paths(list_crops(["a"])) == here("a/4.jpg", "a/x/3.webp")


def test_a_list_has_a_path_a_line_or_before_each_null() -> None:
    assert paths(list_crops(["-"], b"a b.jpg\n\n  \nc.jpg\r\n")) == here("a b.jpg", "c.jpg")
    assert paths(list_crops(["-"], b"a\nb.jpg\0c.jpg\0")) == here("a\nb.jpg", "c.jpg")
    with pytest.raises(DataError, match="not UTF-8 at byte 1"):
        list_crops(["-"], b"a\xff.jpg")


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("places", "said"),
    [
        (["nowhere"], "nowhere: there is no such file or folder"),
        (["b", "no*.jpg"], r"no\*.jpg: there is no such file"),
        (["empty"], "There is no picture in empty"),
        (["-"], "There is no picture in -"),
    ],
)
def test_a_place_that_names_nothing_is_said(places: list[str], said: str) -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match=said) as raised:
        list_crops(places)
    assert raised.value.mend


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_gives_boxes_by_corner_and_size(separator: str) -> None:
    lines = ["Path,x,y,width,height,note", "f.jpg,1,2,3,4,one", "f.jpg,0.4,0.6,9.5,9.9,two", "g.jpg,,,,,"]
    name = "t.tsv" if separator == "\t" else "t.csv"
    listed = table("\n".join(lines).replace(",", separator), name)
    assert paths(listed) == here("f.jpg", "f.jpg", "g.jpg")
    assert listed.boxes == ((1, 2, 3, 4), (0, 1, 10, 9), None)
    assert listed.table["note"].to_pylist() == ["one", "two", None]


@pytest.mark.usefixtures("tree")
def test_a_table_gives_boxes_by_two_corners() -> None:
    listed = table("path,x1,y1,x2,y2,width,height\nf.jpg,1,2,4,6,640,480\nf.jpg,-5,0,8,1e1,640,480\n")
    assert listed.boxes == ((1, 2, 3, 4), (-5, 0, 13, 10))
    assert listed.metadata == ["width", "height"]  # of the picture: they belong to no box


@pytest.mark.usefixtures("tree")
def test_a_table_starts_its_paths_where_it_lies(tree: Path) -> None:
    (tree / "b" / "list.csv").write_text(f"path\n1.png\n../a/4.jpg\n{tree}/x.jpg\nmemory://there/1.png\n")
    assert paths(list_crops(["b/list.csv"])) == [
        *here("b/1.png", "b/../a/4.jpg", "x.jpg"),
        "memory://there/1.png",
    ]


@pytest.mark.usefixtures("tree")
def test_columns_are_numbers_where_all_of_them_are() -> None:
    rows = [
        "path,camera,height_m,person,code,outfit,time,nothing,long",
        "a.jpg,1.0,1.75,007,1e5,3,2026-01-01T12:00:00,NA,123456789012345678901",
        "b.jpg,,2,12,,x,2026-01-02T12:00:00,,1",
    ]
    columns = table("\n".join(rows)).table
    assert columns["camera"].to_pylist() == [1, None]
    assert columns["camera"].type == pa.int64()
    assert columns["height_m"].to_pylist() == [1.75, 2.0]
    for name in ("person", "code", "outfit", "time", "nothing", "long"):
        assert columns[name].type == pa.string(), name
    assert columns["person"].to_pylist() == ["007", "12"]
    assert columns["nothing"].to_pylist() == [None, None]


@pytest.mark.usefixtures("tree")
def test_a_parquet_table_is_a_table_too() -> None:
    pq.write_table(pa.table({"path": ["a.jpg"], "x1": [1.0], "y1": [2.0], "x2": [4.0], "y2": [6.0]}), "t.parquet")
    listed = list_crops(["t.parquet"])
    assert (paths(listed), listed.boxes) == (here("a.jpg"), ((1, 2, 3, 4),))


@pytest.mark.usefixtures("tree")
def test_tables_of_other_columns_stand_together() -> None:
    Path("one.csv").write_text("path,camera,person\na.jpg,1,5\n")
    Path("two.csv").write_text("path,person,frame\nb.jpg,anna,9\n")
    listed = list_crops(["one.csv", "b", "two.csv"])
    assert paths(listed) == here("a.jpg", "b/1.png", "b/2.JPG", "b.jpg")
    assert listed.table["camera"].to_pylist() == [1, None, None, None]
    assert listed.table["person"].to_pylist() == ["5", None, None, "anna"]
    assert listed.table["frame"].to_pylist() == [None, None, None, 9]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,x\na.jpg,1\n", "lacks the column path; it has file, x"),
        ("path,x,y,width\na.jpg,1,2,3\n", "lacks the column height of its boxes"),
        ("path,x1,y1,x2\na.jpg,1,2,3\n", "lacks the column y2 of its boxes"),
        ("path,x,y,width,height,x1,y1,x2,y2\na.jpg,1,2,3,4,1,2,3,4\n", "gives boxes in two ways"),
        ("path,x,y,width,height\na.jpg,1,2,3,4\na.jpg,1,2,,4\n", "line 3: 1, 2, , 4 is no box"),
        ("path,x,y,width,height\na.jpg,1,2,wide,4\n", "line 2: 1, 2, wide, 4 is no box"),
        ("path,x,y,width,height\na.jpg,1,2,inf,4\n", "line 2: 1, 2, inf, 4 is no box"),
        ("path,camera\n,1\n", "line 2: there is no path"),
        ("path,path\na.jpg,b.jpg\n", "has the column path twice"),
        ("path,embedding\na.jpg,1\n", "the name of the column embedding is taken"),
        ("path,sha256\na.jpg,1\n", "the name of the column sha256 is taken"),
        ("path,id\na.jpg,1\n", "the name of the column id is taken"),
        ("path\n", "There is no picture in crops.csv"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_line(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        table(text)
    assert "crops.csv" in raised.value.message
    assert raised.value.mend


def crop_file(**more: Any) -> CropFile:
    vectors = np.eye(2, 4, dtype=np.float32)
    columns = {
        "path": here("f.jpg", "g.jpg"),
        "sha256": [hashlib.sha256(text).hexdigest() for text in (b"f", b"g")],
        "box": pa.array([[1, 2, 3, 4], None], pa.list_(pa.int32(), 4)),
        "height_px": [4, 8],
        "width_px": [3, 4],
        "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), 4),
        "camera": [1, 2],
    }
    return CropFile(pa.table(columns | more), {"weights": "w"})


@pytest.mark.usefixtures("tree")
def test_a_file_of_crops_brings_its_embeddings() -> None:
    crop_file().write("old.parquet")
    listed = list_crops(["b", "old.parquet"])
    assert paths(listed) == here("b/1.png", "b/2.JPG", "f.jpg", "g.jpg")
    assert listed.boxes == (None, None, (1, 2, 3, 4), None)
    assert listed.metadata == ["camera"]
    assert {start: file.ids for start, file in listed.files.items()} == {2: crop_file().ids}


@pytest.mark.usefixtures("tree")
def test_a_file_of_tracklets_is_refused() -> None:
    crop_file(crops=[3, 4]).write("old.parquet")
    with pytest.raises(ArtefactError, match=r"old\.parquet holds tracklets"):
        list_crops(["old.parquet"])


@pytest.mark.usefixtures("tree")
def test_a_uri_is_a_file_a_folder_or_a_pattern(tree: Path) -> None:
    for place in (f"file://{tree}/b", f"file://{tree}/b/[0-9]*"):
        assert paths(list_crops([place])) == [f"file://{tree}/b/1.png", f"file://{tree}/b/2.JPG"]
    assert paths(list_crops([f"file://{tree}/b/notes.txt"])) == [f"file://{tree}/b/notes.txt"]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("place", "kind", "said"),
    [
        ("file:///no/such/folder", DataError, "cannot be read|holds no file"),
        ("nosuch://bucket/a.jpg", SettingError, "Protocol not known"),
    ],
)
def test_a_uri_that_leads_nowhere_is_said(place: str, kind: type[CcreidError], said: str) -> None:
    with pytest.raises(kind, match=said) as raised:
        list_crops([place])
    assert place in raised.value.message
    assert raised.value.mend
