"""A table as other programs write it: gaps, separators, index columns, decimals, spellings of one name."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from ccreid.datasets import read_benchmark
from ccreid.datasets.table_file import MISSING
from ccreid.vocabulary import UNKNOWN, Benchmark
from columns import annotated
from trees import plant

PLAIN = (
    "path,person,split,camera,clothes\n"
    "crops/q.jpg,anna,query,1,red\ncrops/g.jpg,anna,gallery,2,blue\ncrops/h.jpg,bert,gallery,1,\n"
)


def _read(folder: Path, text: str, encoding: str = "utf-8") -> Benchmark:
    plant(folder, ["crops/q.jpg", "crops/g.jpg", "crops/h.jpg"])
    (folder / "people.csv").write_bytes(text.encode(encoding))
    return read_benchmark("table", folder / "people.csv")


def _known(benchmark: Benchmark) -> list[tuple[str, tuple[str, ...]]]:
    """Every image with what is known of it."""
    subsets = benchmark.subsets.values()
    return [(samples.files[row], samples.described(row)) for samples in subsets for row in range(len(samples))]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (PLAIN.replace(",", ";"), "utf-8"),
        (PLAIN.replace(",", "\t"), "utf-8"),
        (PLAIN.replace(",", "|"), "utf-8-sig"),
        (PLAIN.replace(",", "\t"), "utf-16"),
        (PLAIN.replace("\n", "\r\n"), "utf-8-sig"),
        (PLAIN.replace("crops/", "crops\\"), "utf-8"),
        (PLAIN.replace("crops/", ".\\crops\\\\"), "utf-8"),
        (PLAIN.replace("anna", '"anna"'), "utf-8"),
        (PLAIN.replace(",1,", ",1.0,").replace(",2,", ",2.0,"), "utf-8"),
        (PLAIN.replace(",1,", ",1.0,"), "utf-8"),  # two tables in one
    ],
)
def test_whoever_wrote_it_says_the_same(tmp_path: Path, text: str, encoding: str) -> None:
    plain = _read(tmp_path / "plain", PLAIN)
    other = _read(tmp_path / "other", text, encoding)
    assert _known(other) == _known(plain)
    assert other.warnings == plain.warnings


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "unnamed: 0.1", "index", "level_0", "__index_level_0__"])
def test_the_numbering_of_a_program_is_passed_over(tmp_path: Path, index: str) -> None:
    lines = PLAIN.splitlines()
    numbered = [f"{index},{lines[0]}", *(f"{number},{line}" for number, line in enumerate(lines[1:]))]
    twice = [("," if number == 0 else "9,") + line for number, line in enumerate(numbered)]
    for written in (numbered, twice):
        benchmark = _read(tmp_path, "\n".join(written))
        assert _known(benchmark) == _known(_read(tmp_path, PLAIN))
        assert not [warning for warning in benchmark.warnings if "not read" in warning]


@pytest.mark.parametrize("word", sorted(MISSING))
@pytest.mark.parametrize("column", ["camera", "clothes", "tracklet"])
def test_a_missing_value_is_unknown_however_it_is_written(tmp_path: Path, word: str, column: str) -> None:
    text = f"path,person,split,{column}\ncrops/q.jpg,a,query,7\ncrops/g.jpg,a,gallery,{word}\ncrops/h.jpg,b,gallery,8\n"
    gallery = _read(tmp_path, text).subset("gallery")
    assert [value == UNKNOWN for value in annotated(getattr(gallery, column)).tolist()] == [True, False]


def test_names_that_look_like_gaps_are_names(tmp_path: Path) -> None:
    text = PLAIN.replace("anna", "Nan").replace("bert", "Na")
    gallery = _read(tmp_path, text).subset("gallery")
    assert [gallery.described(row)[0] for row in range(2)] == ["person Nan", "person Na"]


def test_numbers_are_names_where_one_is_no_number(tmp_path: Path) -> None:
    gallery = _read(tmp_path, PLAIN.replace(",2,", ",1.5,").replace("gallery,1,", "gallery,1.0,")).subset("gallery")
    assert [gallery.described(row)[-1] for row in range(2)] == ["camera 1.5", "camera 1.0"]


ONE, TWO = unicodedata.normalize("NFC", "Zoë Åström"), unicodedata.normalize("NFD", "Zoë Åström")


@pytest.mark.parametrize(("one", "other"), [(ONE, TWO), (TWO, ONE)])
def test_two_spellings_are_one_name(tmp_path: Path, one: str, other: str) -> None:
    assert one != other
    plant(tmp_path, [f"crops/{one}.jpg"])
    text = PLAIN.replace("crops/q.jpg,anna", f"crops/{other}.jpg,{other}").replace("g.jpg,anna", f"g.jpg,{one}")
    benchmark = _read(tmp_path, text)
    assert benchmark.subset("query").files == (f"crops/{one}.jpg",)
    assert benchmark.subset("query").person[0] in benchmark.subset("gallery").person


def test_two_spellings_of_a_folder_are_one_person(tmp_path: Path) -> None:
    plant(tmp_path, [f"query/{ONE}/1.jpg", f"gallery/{TWO}/1.jpg"])
    benchmark = read_benchmark("folder", tmp_path)
    assert benchmark.subset("query").person[0] == benchmark.subset("gallery").person[0]
