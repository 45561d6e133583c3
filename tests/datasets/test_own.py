"""A user's own images: folders of people, and tables."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from ccreid.datasets import read_benchmark
from ccreid.errors import DataError, SettingError
from ccreid.vocabulary import UNKNOWN, Benchmark, Ignore
from columns import annotated
from trees import TABLE, TREES, plant

NO_CAMERAS = "No cameras are annotated"


# --- folders


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    return plant(tmp_path / "mine", *TREES["folder"]())


def _name_of_person(benchmark: Benchmark) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for samples in benchmark.subsets.values():
        for file, person in zip(samples.files, samples.person.tolist(), strict=True):
            names.setdefault(person, set()).add(file.split("/")[1])
    return names


def test_a_name_is_one_person_everywhere(folders: Path) -> None:
    benchmark = read_benchmark("folder", folders)
    assert _name_of_person(benchmark) == {
        number: {name} for number, name in enumerate(["0007", "Björn 2", "anna", "dora", "emil", "fritz", "x_1"])
    }


def test_people_keep_their_names(folders: Path) -> None:
    gallery = read_benchmark("folder", folders).subset("gallery")
    assert {gallery.described(row) for row in range(len(gallery))} == {
        ("person dora",),
        ("person emil",),
        ("person fritz",),
    }


def test_folders_name_people_alone_and_that_is_told(folders: Path) -> None:
    benchmark = read_benchmark("folder", folders)
    assert all((s.camera, s.clothes, s.tracklet) == (None, None, None) for s in benchmark.subsets.values())
    assert [(p.name, p.ignore) for p in benchmark.protocols] == [("standard", Ignore.NOTHING)]
    (warning,) = benchmark.warnings
    assert warning.startswith(NO_CAMERAS)
    assert benchmark.validation == ()


def test_query_and_gallery_alone_will_do(folders: Path) -> None:
    (folders / "train").rename(folders / "unused")
    benchmark = read_benchmark("folder", folders)
    assert list(benchmark.subsets) == ["query", "gallery"]
    with pytest.raises(DataError, match="no subset 'train'"):
        benchmark.subset("train")


def test_train_alone_will_do(folders: Path) -> None:
    for side in ("query", "gallery"):
        (folders / side).rename(folders.parent / side)
    benchmark = read_benchmark("folder", folders)
    assert (list(benchmark.subsets), benchmark.protocols, benchmark.warnings) == (["train"], (), ())
    with pytest.raises(DataError, match="cannot be scored: it lacks query, gallery"):
        benchmark.check_scored()


def test_a_flat_folder_of_people_is_for_training(tmp_path: Path) -> None:
    plant(tmp_path, ["anna/1.jpg", "anna/2.jpg", "Zoë/1.png", "loose.jpg"])
    benchmark = read_benchmark("folder", tmp_path)
    train = benchmark.subset("train")
    assert [train.described(row) for row in range(3)] == [("person Zoë",), ("person anna",), ("person anna",)]
    assert benchmark.unmatched == ("loose.jpg",)
    assert benchmark.warnings == (
        "There is neither train/ nor query/ and gallery/: the folders are taken for people to train on.",
    )


@pytest.mark.parametrize("files", [["query/anna/1.jpg", "anna/1.jpg"], ["cameras/anna/1.jpg"], ["1.jpg"]])
def test_what_is_no_flat_folder_is_refused(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(DataError, match="not the layout of your own images: it lacks train/"):
        read_benchmark("folder", plant(tmp_path, files))


def test_validation_people_of_its_own(folders: Path) -> None:
    plant(folders, ["val-query/gina/1.jpg", "val-gallery/gina/2.jpg"])
    (validation,) = read_benchmark("folder", folders).validation
    assert (validation.query, validation.gallery, validation.ignore) == ("val-query", "val-gallery", Ignore.NOTHING)


def test_half_a_validation_is_refused(folders: Path) -> None:
    plant(folders, ["val-query/gina/1.jpg"])
    with pytest.raises(DataError, match="mine has no image for val-gallery"):
        read_benchmark("folder", folders)


def test_what_may_have_been_meant_to_be_read_is_told(folders: Path) -> None:
    plant(folders, ["query/loose.jpg", "gallery/emil/camera1/1.jpg", "query/.cache/1.jpg", "query/emil/Thumbs.db"])
    (folders / "query" / "nobody").mkdir()
    benchmark = read_benchmark("folder", folders)
    assert benchmark.unmatched == ("query/loose.jpg",)
    assert benchmark.warnings[:2] == (
        "query: 1 people's folders hold no image: nobody.",
        "gallery: folders inside a person's folder are not read: emil/camera1.",
    )
    assert len(benchmark.subset("query")) == 4


def test_pictures_of_every_suffix_that_pillow_reads_are_taken(folders: Path) -> None:
    before = read_benchmark("folder", folders)
    added = ["1.TIF", "2.jfif", "3.gif", "4.Jp2", "5.ppm", "6.webp"]
    for name in added:
        (folders / "gallery" / "emil" / name).touch()
    after = read_benchmark("folder", folders)
    assert {f"gallery/emil/{name}" for name in added} < set(after.subset("gallery").files)
    assert len(after.subset("gallery")) == len(before.subset("gallery")) + len(added)
    assert after.warnings == before.warnings


def test_every_file_that_is_left_out_is_told(folders: Path) -> None:
    """Whatever a user may take for a picture; not what systems leave behind, nor hidden files."""
    before = read_benchmark("folder", folders)
    for name in ("1.heic", "1.jpg.part", "clip.mpg", "no_suffix", ".hidden.heic", "Thumbs.db"):
        (folders / "query" / "emil" / name).touch()
    (folders / "query" / "above.heic").touch()
    after = read_benchmark("folder", folders)
    assert after.subset("query").files == before.subset("query").files
    (said,) = set(after.warnings) - set(before.warnings)
    assert said.startswith("query: files are left out")
    assert "above.heic, emil/1.heic, emil/1.jpg.part and 2 more (5 in all)" in said


def test_images_without_people_are_refused_with_an_example(tmp_path: Path) -> None:
    plant(tmp_path, ["query/1.jpg", "gallery/anna/2.jpg"])
    with pytest.raises(DataError, match="query holds no image in a person's folder") as caught:
        read_benchmark("folder", tmp_path)
    assert "query/anna/1.jpg" in caught.value.mend


def test_people_of_other_names_in_query_and_gallery_are_refused(tmp_path: Path) -> None:
    plant(tmp_path, ["query/anna/1.jpg", "query/bert/1.jpg", "gallery/Anna/1.jpg"])
    with pytest.raises(DataError, match="None of the 2 people in query is in gallery") as caught:
        read_benchmark("folder", tmp_path)
    assert "query/anna/1.jpg" in caught.value.message


# --- tables

HEADER = "path,person,split,camera,clothes,tracklet\n"
ROWS = "q.jpg,anna,query,left,red,1\ng.jpg,anna,gallery,right,red,2\nh.jpg,anna,gallery,left,blue,3\n"


def _table(folder: Path, text: str | bytes, images: str = "q.jpg g.jpg h.jpg") -> Path:
    plant(folder, images.split())
    path = folder / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_table_is_numbered_in_sorted_order(tmp_path: Path) -> None:
    benchmark = read_benchmark("table", _table(tmp_path, HEADER + ROWS))
    query, gallery = benchmark.subset("query"), benchmark.subset("gallery")
    assert gallery.files == ("g.jpg", "h.jpg")
    assert (annotated(query.camera).tolist(), annotated(gallery.camera).tolist()) == ([0], [1, 0])
    assert (annotated(query.clothes).tolist(), annotated(gallery.clothes).tolist()) == ([1], [1, 0])
    assert annotated(gallery.tracklet).tolist() == [1, 2]
    assert benchmark.warnings == ()
    assert benchmark.root == tmp_path
    assert {p.name: p.ignore for p in benchmark.protocols} == {
        "standard": Ignore.SAME_CAMERA | Ignore.SAME_TRACKLET,
        "cloth-changing": Ignore.SAME_CAMERA | Ignore.SAME_TRACKLET | Ignore.SAME_CLOTHES,
        "same-clothes": Ignore.SAME_CAMERA | Ignore.SAME_TRACKLET | Ignore.OTHER_CLOTHES,
    }


def test_two_people_never_share_clothes(tmp_path: Path) -> None:
    text = "path,person,split,clothes\nq.jpg,a,query,1\ng.jpg,a,gallery,1\nh.jpg,b,gallery,1\n"
    benchmark = read_benchmark("table", _table(tmp_path, text))
    assert annotated(benchmark.subset("query").clothes).tolist() == [0]
    assert annotated(benchmark.subset("gallery").clothes).tolist() == [0, 1]


def test_the_least_a_table_holds(tmp_path: Path) -> None:
    text = "split,PERSON, path\nquery,a,q.jpg\n\ngallery,a,g.jpg\n"
    benchmark = read_benchmark("table", _table(tmp_path, text.encode("utf-8-sig").replace(b"\n", b"\r\n")))
    assert [(p.name, p.ignore) for p in benchmark.protocols] == [("standard", Ignore.NOTHING)]
    (warning,) = benchmark.warnings
    assert warning.startswith(NO_CAMERAS)


def test_single_unknown_values_are_unknown_and_told(tmp_path: Path) -> None:
    text = HEADER + ROWS.replace("right,red", ",").replace("anna,query,left", "anna,query, left ")
    benchmark = read_benchmark("table", _table(tmp_path, text))
    gallery = benchmark.subset("gallery")
    assert annotated(gallery.camera).tolist() == [UNKNOWN, 0]
    assert annotated(gallery.clothes)[0] == UNKNOWN
    assert annotated(benchmark.subset("query").camera).tolist() == [0]
    assert benchmark.warnings == tuple(
        f"gallery: 1 of 2 images have no {name}; they never match a rule about it." for name in ("camera", "clothes")
    )


def test_a_column_that_is_not_known_is_told(tmp_path: Path) -> None:
    text = "path,person,split,camera,outfit\nq.jpg,a,query,1,x\ng.jpg,a,gallery,2,y\n"
    benchmark = read_benchmark("table", _table(tmp_path, text))
    assert benchmark.warnings == (
        "The columns outfit are not read; known are path, person, split, camera, clothes, tracklet.",
    )


def test_paths_may_be_whole_quoted_or_outside(tmp_path: Path) -> None:
    plant(tmp_path, ["set/a, b.jpg", "set/sub/g.jpg", "else/h.jpg"])
    text = (
        f'path,person,split,camera\n"a, b.jpg",a,query,1\n{tmp_path}/set/sub/../sub/g.jpg,a,gallery,2\n'
        "../else/h.jpg,a,gallery,3\n"
    )
    benchmark = read_benchmark("table", _table(tmp_path / "set", text, ""))
    assert benchmark.subset("query").files == ("a, b.jpg",)
    gallery = benchmark.subset("gallery")
    assert gallery.files == ("../else/h.jpg", "sub/g.jpg")
    assert all(gallery.path(row).is_file() for row in range(2))


@pytest.mark.parametrize(
    ("text", "message", "mend"),
    [
        ("", "lacks the columns path, person, split; it has none", "first row"),
        ("path:person:split\n", "lacks the columns path, person, split; it has path:person:split", "commas"),
        ("path;person\n", "lacks the columns split; it has path, person", "first row"),
        ("path,person,split, Path \n", "has the column path twice", "Keep one"),
        (
            HEADER + ROWS.replace("anna,query", "nan,query"),
            "the person is 'nan', which stands for a missing",
            "distractor",
        ),
        (
            HEADER + ROWS.replace("g.jpg", "<NA>"),
            "line 3: the path is '<NA>', which stands for a missing value",
            "path",
        ),
        (
            HEADER + ROWS.replace("query", "NULL"),
            "line 2: the split is 'NULL', which stands for a missing value",
            "split",
        ),
        (HEADER + ROWS.replace("g.jpg", r"C:\crops\g.jpg"), r"names 1 of 3 images .*g\.jpg \(line 3\)", "with / for"),
        (HEADER + ROWS.replace("g.jpg", "g" * 300), r"names 1 of 3 images .*ggg \(line 3\)", "relative to"),
        ("path,split\nq.jpg,query\n", "lacks the columns person; it has path, split", "first row"),
        ("path,person,split,path\n", "has the column path twice", "Keep one"),
        ("path,person,split\n", "has no row", "row"),
        (HEADER + ROWS + "x,y\n", "line 5: 2 values for 6 columns", "quotation marks"),
        (HEADER + ROWS + "./q.jpg,anna,gallery,1,,\n", "q.jpg is named twice, on line 2 and line 5", "once"),
        (HEADER + ROWS.replace("anna,query", ",query"), "line 2: the person is empty", "person"),
        (HEADER + ROWS.replace("g.jpg", ""), "line 3: the path is empty", "path"),
        (HEADER + ROWS.replace("query", "test"), "line 2: the split 'test' is unknown", "train, val-query"),
        (HEADER + ROWS.replace("query", "gallery"), "people.csv has no image for query", "at least one"),
        (HEADER + ROWS.replace("gallery", "train"), "people.csv has no image for gallery", "at least one"),
        (HEADER + ROWS.replace("g.jpg", "lost.jpg"), r"names 1 of 3 images .*lost\.jpg \(line 3\)", "relative to"),
        (HEADER + ROWS.replace("anna,query", "bert,query"), "None of the 1 people in query", "same names"),
        ((HEADER + ROWS).replace("anna", "andré").encode("latin1"), "is not UTF-8 text", "UTF-8"),
        (HEADER + '"q.jpg"x,anna,query,1,,\n', "is no CSV file", "CSV"),
    ],
)
def test_a_table_that_cannot_be_used_says_where_and_what_to_do(
    tmp_path: Path, text: str | bytes, message: str, mend: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_benchmark("table", _table(tmp_path, text))
    assert str(tmp_path) in caught.value.message or "None of" in message
    assert mend in caught.value.mend


def test_people_only_in_query_are_told(tmp_path: Path) -> None:
    text = HEADER + ROWS + "x.jpg,bert,query,left,,\n"
    benchmark = read_benchmark("table", _table(tmp_path, text, "q.jpg g.jpg h.jpg x.jpg"))
    assert any(
        w.startswith("query: 1 of 2 people are not in gallery, for example on x.jpg") for w in benchmark.warnings
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder"),
        ("people.txt", "neither a .csv, a .tsv nor a .parquet"),
        ("no.csv", "cannot be read: No such file"),
    ],
)
def test_data_points_at_the_file(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_benchmark("table", tmp_path / name)
    assert "--data" in caught.value.mend


# --- Parquet


class _Parquet(ModuleType):
    """Stands in for pyarrow.parquet, as far as it is used."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        super().__init__("pyarrow.parquet")
        self.columns = columns

    def read_table(self, path: Path) -> SimpleNamespace:
        if path.read_bytes() != b"PAR1":
            raise ValueError("Parquet magic bytes not found")
        values = [SimpleNamespace(to_pylist=lambda column=column: column) for column in self.columns.values()]
        return SimpleNamespace(column_names=list(self.columns), columns=values)


def _parquet(folder: Path, monkeypatch: pytest.MonkeyPatch, **columns: list[Any]) -> Path:
    least: dict[str, list[Any]] = {"path": ["q.jpg", "g.jpg"], "person": [7, 7], "split": ["query", "gallery"]}
    module = _Parquet(least | columns)
    package = ModuleType("pyarrow")
    monkeypatch.setitem(sys.modules, "pyarrow", package)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", module)
    plant(folder, ["q.jpg", "g.jpg"])
    path = folder / "people.parquet"
    path.write_bytes(b"PAR1")
    return path


def test_parquet_is_read_as_csv_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _parquet(tmp_path, monkeypatch, Camera=[3.0, float("nan")], clothes=[None, 5], tracklet=["3", 3])
    gallery, query = (read_benchmark("table", path).subset(subset) for subset in ("gallery", "query"))
    assert (annotated(query.camera).tolist(), gallery.camera) == ([0], None)
    assert (query.clothes, annotated(gallery.clothes).tolist()) == (None, [0])
    # A number, and the same number as text.
    assert annotated(query.tracklet).tolist() == annotated(gallery.tracklet).tolist() == [0]


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _parquet(tmp_path, monkeypatch)
    path.write_bytes(b"path,person\n")
    with pytest.raises(DataError, match=r"people\.parquet cannot be read as Parquet: Parquet magic bytes not found"):
        read_benchmark("table", path)


def test_rows_of_a_parquet_file_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _parquet(tmp_path, monkeypatch, person=[7, None])
    with pytest.raises(DataError, match=r"people\.parquet, row 2: the person is empty"):
        read_benchmark("table", path)


def test_without_pyarrow_the_mend_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.delitem(sys.modules, "pyarrow.parquet", raising=False)
    with pytest.raises(SettingError, match="pyarrow is not installed") as caught:
        read_benchmark("table", tmp_path / "people.parquet")
    assert "pip install pyarrow" in caught.value.mend
    assert "CSV" in caught.value.mend


def test_the_tree_of_the_tests_is_a_table(tmp_path: Path) -> None:
    root = plant(tmp_path, *TREES["table"]())
    assert len(read_benchmark("table", root / TABLE).subset("train")) == 16
